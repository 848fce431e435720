"""All trials of a study as CSV, for programs: values as measured, nothing rounded."""

from attnbench.report.leaderboard.cells import Raw
from attnbench.report.leaderboard.flat import csv_of
from attnbench.study import StudySummary, TrialSummary
from attnbench.tune_spec import Objective
from attnbench.variant import format_setting

_NAMES: dict[Objective, str] = {
    "accuracy": "validation_top1_percent",
    "latency": "latency_ratio",
    "macs": "macs",
    "parameters": "parameters",
}


def trials_csv(summary: StudySummary) -> str:
    """One line a trial, with a header; a value that is not there is empty.

    Settings stand under ``setting.…``, as they were drawn; lists as ``2,3``, truth values as ``true`` and ``false``.
    """
    return csv_of([_line(trial, summary) for trial in summary.trials])


def _line(trial: TrialSummary, summary: StudySummary) -> dict[str, Raw]:
    values = trial.values or (None,) * len(summary.spec.objectives)
    settings = trial.settings
    return {
        "number": trial.number,
        "state": trial.state,
        "attention": trial.attention,
        **{f"setting.{name}": _raw(settings[name]) if name in settings else None for name in summary.spec.space},
        **{_NAMES[objective]: value for objective, value in zip(summary.spec.objectives, values, strict=True)},
        "seconds": trial.seconds,
        "attempts": trial.num_attempts,
        "same_as": trial.same_as,
        "reason": trial.reason,
    }


def _raw(value: object) -> Raw:
    # A number keeps all of its digits.
    return value if isinstance(value, float) else format_setting(value)  # type: ignore[arg-type]
