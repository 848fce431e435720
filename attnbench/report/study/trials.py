"""Trials in words: their settings, their values, and which of them is the default's own."""

import math
from collections.abc import Collection, Sequence
from dataclasses import replace
from statistics import median

from attnbench.report.numbers import macs_unit
from attnbench.space import Floats
from attnbench.study import StudySummary, TrialSummary
from attnbench.tune_spec import Objective
from attnbench.variant import format_setting

_FAR = 3.0
_FEWEST_POINTS = 5.0
_DIGITS = 3
"""Significant digits with which a drawn number is trained."""


def is_default(trial: TrialSummary, summary: StudySummary) -> bool:
    """Whether a trial trained the default, under the recipe as it is."""
    run = summary.spec.run
    if not trial.attention:
        return False
    trained = replace(run, attention=trial.attention, recipe=replace(run.recipe, **trial.recipe))  # type: ignore[arg-type]
    return trained == replace(run, attention=summary.spec.default)


def default_trial(summary: StudySummary) -> TrialSummary | None:
    """The default's own trial, the first complete one if there is any; none where the search did not try it."""
    found = [trial for trial in summary.trials if is_default(trial, summary)]
    return min(found, key=lambda trial: trial.state != "complete", default=None)


def validation_top1(trial: TrialSummary, summary: StudySummary) -> float:
    """Validation top-1 accuracy of a complete trial, percent, mean over its seeds."""
    return trial.values[summary.spec.objectives.index("accuracy")]


def accuracy_floor(summary: StudySummary) -> float:
    """Validation accuracy below which a picture draws no finer: far below the others a training has come to nothing.

    It is three times as far below the median as the best trial is above it, and at least some points.
    """
    values = [validation_top1(trial, summary) for trial in summary.of_state("complete")]
    return median(values) - max(_FEWEST_POINTS, _FAR * (max(values) - median(values)))


def drawn_top1(trial: TrialSummary, summary: StudySummary) -> float:
    """The accuracy with which a picture draws a trial: its own, but no less than the floor."""
    return max(validation_top1(trial, summary), accuracy_floor(summary))


def best_trials(summary: StudySummary) -> list[TrialSummary]:
    """The complete trials, best first; of several objectives those of the Pareto front, most accurate first.

    Trials that took over another's values are that trial again, and are left out.
    """
    front = set(summary.best) if len(summary.spec.objectives) > 1 else None
    own = [
        trial
        for trial in summary.of_state("complete")
        if trial.same_as is None and (front is None or trial.number in front)
    ]
    return sorted(own, key=lambda trial: -validation_top1(trial, summary))


def setting_text(name: str, value: object, summary: StudySummary) -> str:
    """A value as it is trained: numbers of a range with three significant digits, lists with commas."""
    domain = summary.spec.space.get(name)
    if isinstance(domain, Floats) and isinstance(value, int | float):
        return f"{value:.{_DIGITS}g}"
    return format_setting(value)  # type: ignore[arg-type]


def settings_text(trial: TrialSummary, summary: StudySummary, only: Collection[str] | None = None) -> str:
    """Searched settings of a trial in a line: all, or only some."""
    return ", ".join(
        f"{name}={setting_text(name, value, summary)}"
        for name, value in trial.settings.items()
        if only is None or name in only
    )


def objective_label(objective: Objective, summary: StudySummary) -> str:
    """What an objective is, with its unit as measured."""
    labels: dict[Objective, str] = {
        "accuracy": "validation top-1 (%)",
        "latency": f"latency (× {summary.spec.run.baseline})",
        "macs": "MACs",
        "parameters": "parameters",
    }
    return labels[objective]


def objective_unit(objective: Objective, values: Sequence[float]) -> tuple[str, float]:
    """Unit in front of an objective's name and its size, by the largest value: ``M`` or ``G`` of MACs, else none."""
    if objective != "macs":
        return "", 1.0
    name, size = macs_unit(round(max(values, default=0.0)))
    return name.removesuffix("MACs"), size


def value_text(objective: Objective, value: float, unit: float) -> str:
    """A value of a trial in a unit of `objective_unit`.

    >>> value_text("accuracy", 91.256, 1.0), value_text("macs", 41_000_000.0, 1e6), value_text("latency", 1.25, 1.0)
    ('91.26', '41.00', '1.250')
    """
    if not math.isfinite(value):
        return "–"
    decimals = {"accuracy": 2, "latency": 3, "macs": 2, "parameters": 0}[objective]
    return f"{value / unit:,.{decimals}f}"
