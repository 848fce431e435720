"""`attnbench tune`: search what a module exposes, and say what the winner is worth."""

import shlex
import sys
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape

from attnbench.cli.options import SpecOptions, names_from, suite_from
from attnbench.cli.running import check_counts
from attnbench.cli.tune_options import (
    ADDITIONS,
    FinalOptions,
    SearchOptions,
    StudyOptions,
    is_given,
    objectives_from,
)
from attnbench.cli.tune_study import Opened, open_study
from attnbench.errors import SpecError
from attnbench.exit_codes import INTERRUPTED
from attnbench.record import Store
from attnbench.space import left_out
from attnbench.space_io import read_space, space_to_yaml
from attnbench.tune_spec import TuneSpec
from attnbench.variant import format_setting

_DEFAULT_ATTENTION = "sge"
_ATTENTION_HELP = (
    "Variant to tune, such as se, or none for its recipe; settings that it names, as in sge:groups=8, are fixed. By "
    "default sge."
)


def tune(
    *,
    attention: Annotated[str | None, Parameter(help=_ATTENTION_HELP)] = None,
    searched: SearchOptions | None = None,
    options: SpecOptions | None = None,
    where: StudyOptions | None = None,
    final: FinalOptions | None = None,
    trials: int | None = None,
    timeout: float | None = None,
    workers: int | None = None,
    print_space: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> int:
    """Search the settings that a module exposes, and compare the winner with the published default.

    Trials are scored on the validation split. Then the winner and the default
    are trained again on fresh seeds and compared on the test split, which the
    search has not seen. Every trial is in the storage as it ends; the same
    command started again, or `attnbench tune --study NAME`, goes on, and so do
    further workers on other machines with the same --storage.

    Parameters
    ----------
    trials
        Trials that the study is to have in the end, those of earlier calls and other machines included; by default
        what it was started with, or 40, or with the grid sampler all there are.
    timeout
        Seconds after which no further trial is begun.
    workers
        Trials at once, each in a process of its own; by default one a CPU core, or one for a GPU, which
        several can share.
    print_space
        Print the space as YAML and stop.
    """
    searched, options = searched or SearchOptions(), options or SpecOptions()
    where, final = where or StudyOptions(), final or FinalOptions()
    check_counts(
        trials=trials,
        workers=workers,
        trial_seeds=searched.trial_seeds,
        finalists=final.finalists,
        heartbeat=where.heartbeat,
    )
    if (final.final_seeds or 0) < 0 or (timeout or 0) < 0:
        raise SpecError(
            f"final_seeds and timeout must not be negative; got final_seeds={final.final_seeds}, timeout={timeout}"
        )
    goes_on = where.study is not None and attention is None and not is_given(searched) and not is_given(options)
    console = Console(stderr=True)
    with console.status("Loading torch and the data …"):
        spec = None if goes_on else _new_spec(attention or _DEFAULT_ATTENTION, searched, options)
        if print_space and spec is not None:
            print(space_to_yaml(spec.space), end="")
            return 0
        from attnbench.tune.storage import storage_errors

        opened = open_study(spec, where)
    if print_space:
        print(space_to_yaml(opened.spec.space), end="")
        return 0
    with storage_errors(opened.url):
        return _run(opened, where, final, console, trials=trials, timeout=timeout, workers=workers)


def _new_spec(attention: str, searched: SearchOptions, options: SpecOptions) -> TuneSpec:
    # Here, not at the top: torch takes seconds to import, and --help should not.
    from attnbench.tune.setup import Search, make_spec

    space = read_space(searched.space) if searched.space is not None else None
    spec = make_spec(
        suite_from(None, options, attention=[attention]),
        attention,
        Search(
            space=space,
            also=names_from(searched.also, ADDITIONS, option="--also"),  # type: ignore[arg-type]
            against=searched.against,
            objectives=objectives_from(searched.objective),
            sampler=searched.sampler or "tpe",
            pruner=searched.pruner,
            num_seeds=searched.trial_seeds or 1,
            seed=searched.seed or 0,
        ),
    )
    for name, values in left_out(space or {}, spec.space).items():
        listed = ", ".join(map(format_setting, values))
        print(f"left out of {name}, since {spec.run.backbone} does not take it: {listed}", file=sys.stderr)
    return spec


def _run(
    opened: Opened,
    where: StudyOptions,
    final: FinalOptions,
    console: Console,
    *,
    trials: int | None,
    timeout: float | None,
    workers: int | None,
) -> int:
    from attnbench.cli.tune_finals import report_study, train_finals
    from attnbench.cli.tune_search import run_search
    from attnbench.tune.storage import shown_url
    from attnbench.tune.summary import summarise
    from attnbench.tune.wanted import wanted_of

    wanted = wanted_of(
        opened.study, opened.spec, trials=trials, final_seeds=final.final_seeds, finalists=final.finalists
    )
    try:
        run_search(
            opened, console, num_trials=wanted.trials, timeout=timeout, workers=workers, heartbeat_s=where.heartbeat
        )
    except KeyboardInterrupt:
        console.print(
            f"\nInterrupted. What has ended is in {escape(shown_url(opened.url))}, and a trial that was in work goes "
            f"on from its last epoch: {escape(_command(opened, where, final))}",
            highlight=False,
        )
        return INTERRUPTED
    summary = summarise(opened.study, opened.spec, storage=shown_url(opened.url))
    trained = None
    if wanted.final_seeds and summary.best:
        trained = train_finals(summary, wanted, Store(final.store), console, workers=workers)
        if trained is None:
            return INTERRUPTED
    report_study(opened.study, summary, trained.finals if trained else (), opened.folder, console)
    has_failed = trained is not None and trained.num_failed > 0
    return 1 if has_failed or (summary.trials and not summary.best) else 0


def _command(opened: Opened, where: StudyOptions, final: FinalOptions) -> str:
    """What goes on with a study; it remembers what it searches, but not where things are."""
    from attnbench.tune.storage import shown_url

    words = ["attnbench", "tune", "--study", opened.name]
    if where.storage is not None:
        words += ["--storage", shown_url(opened.url)]
    for option, value, default in (
        ("--folder", where.folder, StudyOptions.folder),
        ("--heartbeat", where.heartbeat, StudyOptions.heartbeat),
        ("--store", final.store, FinalOptions.store),
    ):
        words += [option, str(value)] if value != default else []
    return shlex.join(words)
