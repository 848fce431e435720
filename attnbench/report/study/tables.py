"""The tables of a study as text: the searched space, trials, and the contenders."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from attnbench.report.columns import Column
from attnbench.report.leaderboard.cells import Cell, TableColumn, difference_columns
from attnbench.report.leaderboard.table import cost_columns, top1_column
from attnbench.report.numbers import signed_points
from attnbench.report.study.comparison import FinalComparison, FinalRow
from attnbench.report.study.trials import (
    best_trials,
    default_trial,
    is_default,
    objective_label,
    objective_unit,
    setting_text,
    settings_text,
    value_text,
)
from attnbench.space import describe
from attnbench.study import StudySummary, TrialSummary

_MOST_BEST = 5
_MOST_OF_FRONT = 12


@dataclass(frozen=True, kw_only=True)
class StudyTable:
    """Rows with names, and columns."""

    names: Column
    """The rows' names."""
    columns: tuple[Column, ...]
    """What is said of them."""
    marked: tuple[bool, ...]
    """Whether each row is the best trial's."""


def space_table(summary: StudySummary) -> StudyTable:
    """Each searched setting: what it may be, its value in the best trial and in the default's, and its importance."""
    settings = list(summary.spec.space)
    columns = [Column(header="may be", cells=tuple(map(describe, summary.spec.space.values())), is_prose=True)]
    if summary.best:
        several = len(summary.spec.objectives) > 1
        columns.append(_values_of(summary.trial(summary.best[0]), "most\naccurate" if several else "best", summary))
    own = default_trial(summary)
    if own is not None:
        columns.append(_values_of(own, "default", summary))
    columns += [
        Column(
            header=importance.method,
            cells=tuple(
                f"{100 * importance.shares[name]:.0f} %" if name in importance.shares else "" for name in settings
            ),
        )
        for importance in summary.importances
    ]
    return StudyTable(
        names=Column(header="setting", cells=tuple(settings)),
        columns=tuple(columns),
        marked=(False,) * len(settings),
    )


def best_table(summary: StudySummary) -> StudyTable:
    """The best trials, or those of the Pareto front, and the default's own where it is complete."""
    trials = best_trials(summary)[: num_best(summary)]
    own = default_trial(summary)
    if own is not None and own.state == "complete" and own not in trials:
        trials.append(own)

    def name(trial: TrialSummary) -> str:
        return f"{trial.number} (default)" if is_default(trial, summary) else str(trial.number)

    settings = Column(header="settings", cells=tuple(settings_text(trial, summary) for trial in trials), is_prose=True)
    return StudyTable(
        names=Column(header="trial", cells=tuple(map(name, trials))),
        columns=(*value_columns(trials, summary), settings),
        marked=tuple(len(summary.best) == 1 and trial.number in summary.best for trial in trials),
    )


def best_title(summary: StudySummary) -> str:
    """What the trials of `best_table` are."""
    if len(summary.spec.objectives) == 1:
        return "The best trials, on validation"
    found = len(best_trials(summary))
    few = f"the {num_best(summary)} most accurate of {found} trials, " if found > num_best(summary) else ""
    return f"The Pareto front, {few}on validation"


def num_best(summary: StudySummary) -> int:
    """How many trials `best_table` shows at most, but for the default's own."""
    return _MOST_BEST if len(summary.spec.objectives) == 1 else _MOST_OF_FRONT


def value_columns(trials: Sequence[TrialSummary], summary: StudySummary) -> list[Column]:
    """A column for each objective; empty for trials without a value."""
    columns = []
    for place, objective in enumerate(summary.spec.objectives):
        values = [trial.values[place] if trial.values else None for trial in trials]
        prefix, unit = objective_unit(objective, [value for value in values if value is not None])
        cells = tuple("" if value is None else value_text(objective, value, unit) for value in values)
        columns.append(Column(header=prefix + objective_label(objective, summary), cells=cells))
    return columns


def final_columns(comparison: FinalComparison) -> list[list[TableColumn]]:
    """What is said of each contender, in groups: accuracy, differences, the optimism of its trial, and costs."""
    rows = [found.row for found in comparison.rows]
    same_recipe = [found.to_same_recipe for found in comparison.rows]
    parameters, macs, speed, *compiling = cost_columns(rows)
    groups = [
        [replace(top1_column(rows), header="test top-1 %")],
        list(difference_columns([row.top1_difference for row in rows], header="Δ default")),
        list(difference_columns(same_recipe, header="Δ same recipe")) if any(same_recipe) else [],
        [_optimism(comparison.rows)],
        [parameters, macs, replace(speed, beside="× default"), *compiling],
    ]
    return [group for group in groups if group]


def role_of(row: FinalRow) -> str:
    """What a contender is, in a word or two."""
    trial = row.contender.trial
    words = {
        "default": "default",
        "default with the winner's recipe": "default, same recipe",
        "winner": f"winner, trial {trial}",
        "front": f"front, trial {trial}",
    }
    return words[row.contender.role]


def _optimism(rows: Sequence[FinalRow]) -> TableColumn:
    def cell(row: FinalRow) -> Cell:
        found = row.optimism
        if found is None:
            return Cell()
        half = found.half_width
        return Cell(text=signed_points(found.points), beside="± –" if half is None else f"± {half:.2f}")

    return TableColumn(header="optimism", beside="± 95 %", cells=tuple(map(cell, rows)))


def _values_of(trial: TrialSummary, role: str, summary: StudySummary) -> Column:
    cells = (
        setting_text(name, trial.settings[name], summary) if name in trial.settings else ""
        for name in summary.spec.space
    )
    return Column(header=f"{role}\ntrial {trial.number}", cells=tuple(cells))
