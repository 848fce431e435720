"""All trials as CSV."""

import csv
import io
import math

from attnbench.report.study import trials_csv
from attnbench.space import Choices
from tests.report.study.studies import DEFAULT, searched, study, trial, tune_spec


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_line_a_trial_with_values_as_measured() -> None:
    third = 91 + 1 / 3
    settings = {**DEFAULT, "gate_scale_init": 1 / 3, "normalize": False, "stages": "2,3"}
    (found,) = rows(trials_csv(study([trial(4, third, settings=settings, same_as=2, num_attempts=3, seconds=1.25)])))

    assert float(found["validation_top1_percent"]) == third
    assert float(found["setting.gate_scale_init"]) == 1 / 3
    assert found["setting.groups"] == "64"
    assert found["setting.stages"] == "2,3"
    assert found["setting.normalize"] == "false"
    assert found["setting.recipe.learning_rate"] == "0.1"
    assert [found[name] for name in ("number", "state", "seconds", "attempts", "same_as", "reason")] == [
        "4", "complete", "1.25", "3", "2", "",
    ]  # fmt: skip


def test_every_objective_has_a_column_and_what_is_missing_is_empty() -> None:
    summary = searched(30, ("latency", "accuracy", "parameters"))
    found = rows(trials_csv(summary))

    assert [row["number"] for row in found] == [str(number) for number in range(30)]
    assert float(found[0]["latency_ratio"]) == summary.trial(0).values[0]
    assert float(found[0]["parameters"]) == summary.trial(0).values[2]
    assert (found[7]["state"], found[7]["latency_ratio"], found[7]["reason"]) == ("failed", "", "CUDA out of memory")


def test_a_trial_that_ended_before_its_settings_were_drawn_has_none() -> None:
    (found,) = rows(trials_csv(study([trial(0, settings={}, attention="x", state="failed", seconds=None)])))

    assert found["setting.groups"] == found["seconds"] == ""


def test_a_setting_may_be_called_as_a_column() -> None:
    spec = tune_spec(space={"reason": Choices((1, 2)), "state": Choices(("a", "b"))})
    trials = [trial(0, 90.0, settings={"reason": 2, "state": "b"}), trial(1, state="failed", settings={}, reason="why")]
    found = rows(trials_csv(study(trials, spec)))

    assert [(row["setting.reason"], row["reason"]) for row in found] == [("2", ""), ("", "why")]


def test_no_trials_are_an_empty_table() -> None:
    assert rows(trials_csv(study([]))) == []


def test_values_that_are_not_finite_stay() -> None:
    (found,) = rows(trials_csv(study([trial(0, math.inf)])))

    assert float(found["validation_top1_percent"]) == math.inf
