"""Where settings lie on an axis."""

import pytest

from attnbench.report.study.plots.axes import setting_axis
from attnbench.space import Choices, Domain, Floats, Integers
from attnbench.study import StudySummary
from tests.report.study.studies import study, tune_spec


def of(domain: Domain) -> StudySummary:
    return study([], tune_spec(space={"groups": domain}))


def test_numbers_that_are_choices_stand_in_their_order_by_ratio() -> None:
    axis = setting_axis("groups", of(Choices((16, 2, 64, 1))))

    assert axis.is_logarithmic
    assert axis.ticks == ((1.0, "1"), (2.0, "2"), (16.0, "16"), (64.0, "64"))
    assert [axis.height(axis.position(value)) for value in (1, 2, 16, 64)] == pytest.approx([0, 1 / 6, 4 / 6, 1])


def test_near_numbers_and_zero_lie_by_difference() -> None:
    for values in ((3, 5, 7), (0, 1, 64)):
        axis = setting_axis("groups", of(Choices(values)))
        assert not axis.is_logarithmic
        assert axis.height(values[1]) == pytest.approx((values[1] - values[0]) / (values[2] - values[0]))


def test_words_lists_and_truth_values_stand_side_by_side_under_their_texts() -> None:
    axis = setting_axis("groups", of(Choices(((1, 2, 3), None, True, 4))))

    assert axis.ticks == ((0.0, "1,2,3"), (1.0, "none"), (2.0, "true"), (3.0, "4"))
    assert [axis.position(value) for value in ("1,2,3", None, True, 4)] == [0, 1, 2, 3]


def test_ranges_have_the_scale_that_they_are_searched_on_and_round_ticks() -> None:
    rate = setting_axis("groups", of(Floats(0.01, 0.3, log=True)))

    assert rate.height(0.01 * 30**0.5) == pytest.approx(0.5)
    assert [text for _, text in rate.shown_ticks()] == ["0.01", "0.02", "0.05", "0.1", "0.2"]
    assert [text for _, text in setting_axis("groups", of(Integers(1, 5))).shown_ticks()] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("domain", [Choices((4,)), Choices(("a",))])
def test_a_single_choice_has_an_axis(domain: Domain) -> None:
    axis = setting_axis("groups", of(domain))

    assert axis.height(axis.position(domain.values[0])) == 0  # type: ignore[union-attr]
