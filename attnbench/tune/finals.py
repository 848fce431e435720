"""What is trained again after a study, on seeds that it has not seen, and tested: the winner beside the default."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from attnbench.diverged_record import AnyDivergedRun
from attnbench.errors import SpecError
from attnbench.plugin_files import plugin_of
from attnbench.record import Record
from attnbench.spec import Recipe, RunSpec, SuiteSpec
from attnbench.study import Contender, StudySummary, TrialSummary
from attnbench.tune_spec import FIRST_FRESH_SEED, TuneSpec

R = TypeVar("R", Record, AnyDivergedRun)


def contenders(summary: StudySummary, *, most: int) -> tuple[Contender, ...]:
    """Who enters the final comparison, the published default first.

    Of one objective the best trial enters; of several up to `most` trials of the Pareto front, spread evenly over it,
    the most accurate and the least accurate among them. Where the recipe is searched, the default enters with the
    winner's recipe too, to tell what the module's settings gain from what the recipe does.

    Args:
        summary: The study, with at least one complete trial.
        most: Trials of a Pareto front that enter.

    Raises:
        SpecError: If no trial is complete.
    """
    if not summary.best:
        reasons = {trial.reason for trial in summary.of_state("failed")}
        why = f"; {len(summary.of_state('failed'))} failed, for example: {min(reasons)}" if reasons else ""
        raise SpecError(f"no trial of the study {summary.name!r} is complete, so there is no winner{why}")
    spec = summary.spec
    default = replace(
        spec.run, attention=spec.default, baseline=spec.default, plugin=plugin_of(spec.default, spec.imports)
    )
    # Trials that took over another's values are that trial once more.
    distinct = [number for number in summary.best if summary.trial(number).same_as is None]
    winners = [
        Contender(
            role="winner" if len(spec.objectives) == 1 else "front",
            run=trained_by(spec, summary.trial(number)),
            trial=number,
        )
        for number in _spread(distinct, most)
    ]
    recipes = dict.fromkeys(winner.run.recipe for winner in winners if winner.run.recipe != default.recipe)
    same_recipe = [
        Contender(role="default with the winner's recipe", run=replace(default, recipe=recipe)) for recipe in recipes
    ]
    # What won is the winner, also where it is the default with another recipe; the default stays what it is.
    entered = {contender.run: contender for contender in (*same_recipe, *winners)}
    entered.pop(default, None)
    return (Contender(role="default", run=default), *entered.values())


def trained_by(spec: TuneSpec, trial: TrialSummary) -> RunSpec:
    """The run of a trial, measured against the published default."""
    recipe = replace(spec.run.recipe, **trial.recipe)  # type: ignore[arg-type]
    return replace(spec.run, attention=trial.attention, recipe=recipe, baseline=spec.default)


def final_suites(entered: Iterable[Contender], *, num_seeds: int, imports: tuple[str, ...]) -> list[SuiteSpec]:
    """The suites that train the contenders, one for each recipe; the default is the baseline of each.

    Args:
        entered: What `contenders` gave.
        num_seeds: Fresh seeds for each.
        imports: Users' files to import first.
    """
    by_recipe: dict[Recipe, list[RunSpec]] = {}
    for contender in entered:
        by_recipe.setdefault(contender.run.recipe, []).append(contender.run)
    return [
        SuiteSpec(
            attention=tuple(run.attention for run in runs),
            backbone=runs[0].backbone,
            data=runs[0].data,
            root=runs[0].root,
            baseline=runs[0].baseline,
            seeds=tuple(range(FIRST_FRESH_SEED, FIRST_FRESH_SEED + num_seeds)),
            recipe=recipe,
            compute=runs[0].compute,
            measure=runs[0].measure,
            imports=imports,
        )
        for recipe, runs in by_recipe.items()
    ]


def records_of(contender: Contender, records: Iterable[R]) -> tuple[R, ...]:
    """The records of a contender, by seed."""
    own = (record for record in records if replace(record.spec, seed=contender.run.seed) == contender.run)
    return tuple(sorted(own, key=lambda record: record.spec.seed))


def _spread(front: Sequence[int], most: int) -> list[int]:
    """At most so many of a front, both ends among them, evenly between.

    >>> _spread([4, 7, 1, 9, 3], 3)
    [4, 1, 3]
    """
    if len(front) <= most:
        return list(front)
    if most == 1:
        return [front[0]]
    return [front[round(place * (len(front) - 1) / (most - 1))] for place in range(most)]
