"""The final comparison: labels, differences, families and the optimism of trials."""

from dataclasses import replace
from statistics import fmean

import pytest

from attnbench.report.study.comparison import compare_finals, label_of
from attnbench.stats import fewest_seeds, t_interval
from attnbench.study import Final
from tests.report.study.studies import DEFAULT, RECIPE, contender, final, searched, study, trial

WARMER = replace(RECIPE, learning_rate=0.2)
SEEDS = tuple(range(1000, 1008))


def finals_of_recipe() -> list[Final]:
    return [
        final(contender("default"), 90.0, SEEDS),
        final(contender("default with the winner's recipe", recipe=WARMER), 90.4, SEEDS, parameters=272_000),
        final(contender("winner", "sge:groups=16", number=5, recipe=WARMER), 90.9, SEEDS, parameters=272_100),
    ]


def test_contenders_are_named_by_variant_and_by_what_their_recipe_changes() -> None:
    both = replace(RECIPE, learning_rate=0.2, weight_decay=1e-4)

    assert label_of(contender("winner", "sge:groups=16"), RECIPE) == "sge:groups=16"
    assert label_of(contender("winner", recipe=both), RECIPE) == "sge with learning_rate 0.2 and weight_decay 0.0001"


def test_default_of_another_recipe_is_not_taken_for_the_default() -> None:
    found = compare_finals(finals_of_recipe(), searched())

    assert [row.label for row in found.rows] == [
        "sge", "sge with learning_rate 0.2", "sge:groups=16 with learning_rate 0.2",
    ]  # fmt: skip
    assert [row.row.is_baseline for row in found.rows] == [True, False, False]
    assert [row.row.top1_percent.mean for row in found.rows] == pytest.approx([90.0, 90.4, 90.9], abs=0.1)


def test_differences_are_to_the_default_and_corrected_for_each_other_alone() -> None:
    _, same, winner = compare_finals(finals_of_recipe(), searched()).rows
    differences = [same.row.top1_difference, winner.row.top1_difference]

    assert [found.other for found in differences if found] == ["sge", "sge"]
    assert [found.family_size for found in differences if found] == [2, 2]
    assert all(found and found.p_corrected == pytest.approx(2 / 128) for found in differences)
    assert winner.row.parameters_difference == 100


def test_difference_under_the_same_recipe_is_a_family_of_its_own() -> None:
    default, same, winner = compare_finals(finals_of_recipe(), searched()).rows

    assert default.to_same_recipe is None
    assert same.to_same_recipe is None
    found = winner.to_same_recipe
    assert found is not None
    assert (found.variant, found.other) == (winner.label, same.label)
    assert found.mean == pytest.approx(winner.row.top1_percent.mean - same.row.top1_percent.mean, abs=0.01)
    assert (found.family_size, found.p_corrected) == (1, pytest.approx(1 / 128))


def test_optimism_is_the_trials_accuracy_less_that_of_the_fresh_seeds_selected_epochs() -> None:
    of = contender("winner", "sge:groups=16", number=1)
    records = final(of, 90.0, SEEDS).records
    # Another epoch than the last was selected, and the test accuracy is not the validation accuracy.
    records = tuple(replace(it, values=replace(it.values, selected_epoch=3)) for it in records)
    summary = study([trial(0, 50.0), trial(1, 60.0, settings={**DEFAULT, "groups": 16})])
    found = compare_finals([final(contender("default"), 89.0, SEEDS), Final(contender=of, records=records)], summary)
    optimism = found.rows[1].optimism
    expected = [record.curve[2].validation_top1_percent for record in records]

    assert optimism is not None
    assert (optimism.trial, optimism.trial_percent) == (1, 60.0)
    assert optimism.fresh_percent == t_interval(expected)
    assert optimism.points == pytest.approx(60.0 - fmean(expected))


def test_default_has_the_optimism_of_its_own_trial() -> None:
    summary = study([trial(0, 91.0), trial(1, 92.0, settings={**DEFAULT, "groups": 16})])
    (row,) = compare_finals([final(contender("default"), 90.0)], summary).rows

    assert row.optimism is not None
    assert (row.optimism.trial, row.optimism.trial_percent) == (0, 91.0)


def test_default_that_was_pruned_or_not_tried_has_no_optimism() -> None:
    for trials in ([trial(0), trial(1, 92.0, settings={**DEFAULT, "groups": 16})], [trial(1, 92.0, attention="se")]):
        (row,) = compare_finals([final(contender("default"), 90.0)], study(trials)).rows
        assert row.optimism is None


def test_accuracy_of_a_trial_is_found_among_several_objectives() -> None:
    summary = searched(20, ("latency", "accuracy"))
    number = summary.best[0]
    front = final(contender("front", "sge:groups=16", number=number), 90.0)
    rows = compare_finals([final(contender("default"), 90.0), front], summary).rows

    assert rows[1].optimism is not None
    assert rows[1].optimism.trial_percent == summary.trial(number).values[1] > 80


@pytest.mark.parametrize(("values", "is_best"), [((92.0, 91.0), True), ((91.0, 92.0), False)])
def test_says_that_the_default_won(values: tuple[float, float], is_best: bool) -> None:
    summary = study([trial(0, values[0]), trial(1, values[1], settings={**DEFAULT, "groups": 16})])

    assert compare_finals([final(contender("default"), 90.0)], summary).is_default_best is is_best


def test_contenders_without_records_are_named_and_left_out() -> None:
    missing = Final(contender=contender("winner", "sge:groups=16", number=1), records=())
    found = compare_finals([final(contender("default"), 90.0), missing], searched())
    nothing = compare_finals([Final(contender=contender("default"), records=())], searched())

    assert ([row.label for row in found.rows], found.without_records) == (["sge"], ("sge:groups=16",))
    assert (nothing.rows, nothing.without_records) == ((), ("sge",))


def test_without_the_default_nothing_is_compared() -> None:
    winner = final(contender("winner", "sge:groups=16", number=1), 91.0)
    for finals in ([Final(contender=contender("default"), records=()), winner], [winner]):
        found = compare_finals(finals, searched())
        (row,) = found.rows
        assert found.default == "sge"
        assert row.row.top1_difference is None
        assert row.row.parameters_difference is None


def test_too_few_seeds_show_nothing_however_far_apart() -> None:
    seeds = SEEDS[: fewest_seeds(0.05, 1) - 1]
    far = [final(contender("default"), 50.0, seeds), final(contender("winner", "sge:groups=16"), 90.0, seeds)]
    difference = compare_finals(far, searched()).rows[1].row.top1_difference

    assert difference is not None
    assert not difference.can_be_shown
    assert not difference.is_shown
