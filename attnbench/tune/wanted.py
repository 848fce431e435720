"""How much of a study is wanted: what its first command said, so that the next need not say it again."""

from dataclasses import asdict, dataclass, replace

from optuna.study import Study

from attnbench.tune_spec import TuneSpec, grid_size

WANTED = "wanted"
"""User attribute of a study that holds this."""

DEFAULT_TRIALS = 40


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a study is to come to."""

    trials: int
    """Trials in the end, those of all workers on all machines."""
    final_seeds: int = 10
    """Fresh seeds of the final comparison; 0 for none."""
    finalists: int = 3
    """Trials of a Pareto front that enter it."""


def wanted_of(
    study: Study, spec: TuneSpec, *, trials: int | None, final_seeds: int | None, finalists: int | None
) -> Wanted:
    """What is wanted of a study: what is given now, else what its first command gave, else the defaults.

    The first command is remembered, and so is another number of trials; the rest of a later command is its own.

    Args:
        study: The study.
        spec: Its spec; the grid sampler has no more trials than its grid has points.
        trials: What is given, if anything.
        final_seeds: The same.
        finalists: The same.
    """
    known = study.user_attrs.get(WANTED)
    first = Wanted(trials=DEFAULT_TRIALS) if known is None else Wanted(**known)
    if spec.sampler == "grid":
        points = grid_size(spec.space)
        first = replace(first, trials=points if known is None else first.trials)
        trials = None if trials is None else min(trials, points)
    given = {"trials": trials, "final_seeds": final_seeds, "finalists": finalists}
    wanted = replace(first, **{name: number for name, number in given.items() if number is not None})
    remembered = wanted if known is None else replace(first, trials=wanted.trials)
    if known is None or remembered != first:
        study.set_user_attr(WANTED, asdict(remembered))
    return wanted
