"""Which pictures there are, what is said of them, and why some are not drawn."""

import pytest

from attnbench.report.study.pictures import Picture, pictures_of
from attnbench.report.study.trials import accuracy_floor, drawn_top1
from attnbench.space import Choices, Floats
from attnbench.study import Importance, StudySummary
from tests.report.study.studies import DEFAULT, SPACE, drawn_settings, searched, study, trial, tune_spec


def found(summary: StudySummary) -> dict[str, Picture]:
    return {picture.name: picture for picture in pictures_of(summary)}


def test_groups_stand_beside_every_number_that_a_gate_begins_with() -> None:
    space = {**SPACE, "gate_shift_init": Floats(-1.0, 2.0), "mode_init": Choices(("a", "b"))}
    summary = study([trial(0, 90.0)], tune_spec(space=space))

    contours = {name for name in found(summary) if name.startswith("contour")}
    assert contours == {"contour-groups-gate_scale_init", "contour-groups-gate_shift_init"}


def test_without_groups_the_two_most_important_settings_stand_beside_each_other() -> None:
    space = {name: domain for name, domain in SPACE.items() if name != "groups"}
    shares = {"stages": 0.6, "recipe.learning_rate": 0.3, "normalize": 0.06, "gate_scale_init": 0.04}
    ranked = study([], tune_spec(space=space), importances=(Importance(method="fANOVA", shares=shares),))

    assert "contour-stages-recipe.learning_rate" in found(ranked)
    assert "contour-gate_scale_init-stages" in found(study([], tune_spec(space=space)))


def test_one_setting_has_no_plane() -> None:
    summary = study([trial(0, 90.0)], tune_spec(space={"groups": Choices((1, 2))}))

    assert list(found(summary)) == ["history", "importances", "parallel"]


def test_words_say_what_is_seen() -> None:
    summary = searched()
    pictures = found(summary)
    values = [it.values[0] for it in summary.of_state("complete")]

    assert f"30 trials from {min(values):.2f} to {max(values):.2f} % on validation" in pictures["history"].words
    assert "rises last at trial 5" in pictures["history"].words
    assert "groups 62 %, recipe.learning_rate 30 %" in pictures["importances"].words
    assert "trial 5: groups=16, gate_scale_init=0.808." in pictures["contour-groups-gate_scale_init"].words
    assert "not shown: 8 pruned and 2 failed" in pictures["history"].caption
    assert "interpolated" in pictures["contour-groups-gate_scale_init"].caption


def test_a_star_is_promised_only_where_the_default_is() -> None:
    pruned = study([trial(0), *(trial(number, 90.0 + number, settings=drawn_settings(number)) for number in (1, 2))])

    assert "star" in found(searched())["history"].caption
    assert "star" not in found(pruned)["history"].caption
    assert "dashed" not in found(pruned)["parallel"].caption


def test_each_cost_has_a_front_of_all_objectives() -> None:
    pictures = found(searched(40, ("accuracy", "latency", "macs")))

    assert [pictures[name].cost for name in ("front-latency", "front-macs")] == ["latency", "macs"]
    assert "may look beaten" in pictures["front-latency"].caption
    assert "may look beaten" not in found(searched(40, ("accuracy", "macs")))["front-macs"].caption


@pytest.mark.parametrize(
    ("summary", "name", "reason"),
    [
        (study([]), "history", "It takes 2 complete trials; there are 0."),
        (study([trial(0, 90.0), trial(1)]), "parallel", "It takes 2 complete trials; there is 1."),
        (searched(8, importances=()), "importances", "It takes 10 complete trials; there are"),
        (searched(8), "contour-groups-gate_scale_init", "It takes 10 complete trials; there are"),
        (study([trial(0, 90.0, 1.0)], tune_spec(("accuracy", "macs"))), "front-macs", "It takes 2 complete trials"),
        (
            study([trial(number, 90.0, settings=drawn_settings(number)) for number in range(12)]),
            "contour-groups-gate_scale_init",
            "All complete trials have the same accuracy.",
        ),
        (
            study([trial(number, 90.0 + number, settings=DEFAULT) for number in range(12)]),
            "contour-groups-gate_scale_init",
            "All complete trials have the same groups and gate_scale_init.",
        ),
    ],
)
def test_says_why_a_picture_is_not_drawn(summary: StudySummary, name: str, reason: str) -> None:
    assert found(summary)[name].why_not.startswith(reason)


def test_importances_that_were_not_estimated_are_not_drawn() -> None:
    summary = searched(importances=())

    assert found(summary)["importances"].why_not


def test_a_training_that_came_to_nothing_does_not_set_the_scale() -> None:
    accuracies = [85.0, 88.0, 90.0, 91.0, 92.0, 93.0, 94.0, 10.0, 12.0]
    summary = study([trial(number, accuracy) for number, accuracy in enumerate(accuracies)])

    # The median is 90, and the best 4 points above it.
    assert accuracy_floor(summary) == 78.0
    assert [drawn_top1(it, summary) for it in summary.trials] == [*accuracies[:7], 78.0, 78.0]
    assert "2 trials below 78.00 % are drawn at that." in found(summary)["history"].caption
    assert "drawn at" not in found(searched())["history"].caption


def test_a_floor_never_makes_all_trials_alike() -> None:
    summary = study([trial(number, 90.0 if number < 8 else 80.0) for number in range(12)])

    assert {drawn_top1(it, summary) for it in summary.trials} == {90.0, 85.0}
