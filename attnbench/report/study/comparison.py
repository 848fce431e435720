"""The final comparison of a study: its winner beside the default, on fresh seeds and on the test split."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from attnbench.record import Record
from attnbench.report.diverged import DivergedSeeds
from attnbench.report.leaderboard.board import Row, board_of
from attnbench.report.leaderboard.differences import Difference, against, all_differences, corrected, turned
from attnbench.report.study.trials import default_trial, is_default, validation_top1
from attnbench.spec import Recipe
from attnbench.stats import Interval, t_interval
from attnbench.study import Contender, Final, StudySummary
from attnbench.variant import format_setting


@dataclass(frozen=True, kw_only=True)
class Optimism:
    """What a trial promised, and what its settings keep on seeds that the search has not seen."""

    trial: int
    """Number of the trial."""
    trial_percent: float
    """Validation top-1 accuracy of the trial, mean over its seeds."""
    fresh_percent: Interval
    """Validation top-1 accuracy of the same settings over the fresh seeds."""
    num_trial_seeds: int
    """Seeds of the trial."""

    @property
    def points(self) -> float:
        """Percentage points that the trial had more."""
        return self.trial_percent - self.fresh_percent.mean

    @property
    def half_width(self) -> float | None:
        """How far that lies from zero in 95 of 100 studies that select nothing; none with one fresh seed.

        A trial is a draw of its own: Student's prediction interval, t·s·√(1/n + 1/k) with n fresh seeds and k of the
        trial, for which the interval of the mean alone would be too narrow.
        """
        fresh = self.fresh_percent
        if fresh.half_width is None:
            return None
        return fresh.half_width * math.sqrt(1 + fresh.num_samples / self.num_trial_seeds)


@dataclass(frozen=True, kw_only=True)
class FinalRow:
    """One contender with what its records say."""

    contender: Contender
    """What was trained again."""
    row: Row
    """Its records pooled over seeds, named by its label; differences are to the default."""
    to_same_recipe: Difference | None
    """Its difference to the default under its own recipe; none where that is the default's, or has no record."""
    optimism: Optimism | None
    """Of the trial that found it; none where none did."""

    @property
    def label(self) -> str:
        """The variant, with the fields of the recipe that are not the default's."""
        return self.row.variant


@dataclass(frozen=True, kw_only=True)
class FinalComparison:
    """All contenders of a study."""

    rows: tuple[FinalRow, ...]
    """Those with records, in the order in which they entered: the default first."""
    default: str
    """Label of the default, whether it has records or not."""
    without_records: tuple[str, ...]
    """Labels of the contenders without a record, which failed or were not trained yet, but for those that diverged."""
    diverged: tuple[DivergedSeeds, ...]
    """The runs that diverged, by the contenders' labels."""
    is_default_best: bool
    """Whether the best trial is the default's own, so that there is nothing to compare."""


def compare_finals(finals: Sequence[Final], summary: StudySummary) -> FinalComparison:
    """Compare the contenders of a study.

    Args:
        finals: The contenders with their records, all of the same test images.
        summary: The study.
    """
    named = {label_of(final.contender, summary.spec.run.recipe): final for final in finals}
    trained = {label: final for label, final in named.items() if final.records}
    default = replace(summary.spec.run, attention=summary.spec.default).attention
    pairs = all_differences({label: final.records for label, final in trained.items()})
    to_default = {found.variant: found for found in against(pairs, default)}
    to_same_recipe = _to_same_recipe(trained, pairs)
    reference = trained[default].records[0] if default in trained else None
    return FinalComparison(
        rows=tuple(
            FinalRow(
                contender=final.contender,
                row=_row(label, final, reference, to_default.get(label)),
                to_same_recipe=to_same_recipe.get(label),
                optimism=_optimism(final, summary),
            )
            for label, final in trained.items()
        ),
        default=default,
        without_records=tuple(label for label, it in named.items() if not (it.records or it.diverged)),
        diverged=tuple(DivergedSeeds(name=label, runs=it.diverged) for label, it in named.items() if it.diverged),
        is_default_best=len(summary.best) == 1 and is_default(summary.trial(summary.best[0]), summary),
    )


def label_of(contender: Contender, recipe: Recipe) -> str:
    """The variant of a contender, with the fields of its recipe that differ from another one.

    Args:
        contender: Whose.
        recipe: The default's.
    """
    words = recipe_changes(contender.run.recipe, recipe)
    return f"{contender.run.attention} with {' and '.join(words)}" if words else contender.run.attention


def recipe_changes(recipe: Recipe, other: Recipe) -> list[str]:
    """The fields of a recipe that differ from another one, with their values: ``learning_rate 0.2``."""
    changed = [name for name in Recipe.__dataclass_fields__ if getattr(recipe, name) != getattr(other, name)]
    return [f"{name} {format_setting(getattr(recipe, name))}" for name in changed]


def _row(label: str, final: Final, default: Record | None, difference: Difference | None) -> Row:
    # A leaderboard of its own: contenders may differ in the recipe, which no common one allows.
    (row,) = board_of(final.records).rows
    return replace(
        row,
        variant=label,
        is_baseline=final.contender.role == "default",
        parameters_difference=row.parameters - default.values.parameters if default else None,
        macs_difference=row.macs - default.values.macs if default else None,
        top1_difference=difference,
    )


def _to_same_recipe(trained: Mapping[str, Final], pairs: Sequence[Difference]) -> dict[str, Difference]:
    """Differences to the default under the contender's own recipe, corrected as one family."""
    of_recipe = {
        final.contender.run.recipe: label
        for label, final in trained.items()
        if final.contender.role == "default with the winner's recipe"
    }
    wanted = {
        (label, of_recipe[final.contender.run.recipe])
        for label, final in trained.items()
        if final.contender.role in ("winner", "front") and final.contender.run.recipe in of_recipe
    }
    both_ways = [found for pair in pairs for found in (pair, turned(pair))]
    return {found.variant: found for found in corrected([it for it in both_ways if (it.variant, it.other) in wanted])}


def _optimism(final: Final, summary: StudySummary) -> Optimism | None:
    contender = final.contender
    trial = summary.trial(contender.trial) if contender.trial is not None else None
    if contender.role == "default":
        trial = default_trial(summary)
    if trial is None or trial.state != "complete":
        return None
    return Optimism(
        trial=trial.number,
        trial_percent=validation_top1(trial, summary),
        fresh_percent=t_interval([_validation_top1(record) for record in final.records]),
        num_trial_seeds=len(summary.spec.seeds),
    )


def _validation_top1(record: Record) -> float:
    """Of the epoch whose weights were tested, as a trial's value is."""
    selected = record.values.selected_epoch
    return next(point.validation_top1_percent for point in record.curve if point.epoch == selected)
