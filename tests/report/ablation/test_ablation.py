"""What records say of a design: differences to its reference, in its own order."""

import numpy as np
import pytest

from attnbench.errors import SpecError
from attnbench.report import leaderboard
from attnbench.report.ablation.ablation import ablation
from attnbench.stats import holm_adjusted, paired_accuracy_interval, permutation_test
from tests.records import make_record
from tests.report.ablation.designs import GROUPS, INIT, NORMALIZATION, ablation_of, records_of

MEANS = {"none": 84.0, "sge:groups=1": 84.0, "sge:groups=2": 86.0, "sge:groups=16": 84.5}


def test_rows_are_in_the_designs_order_behind_the_baseline_whatever_their_means() -> None:
    found = ablation_of(GROUPS, MEANS)
    names = [f"groups={number}" for number in (1, 2, 4, 8, 16)]
    assert [row.variant for row in found.board.rows] == ["none", *names]
    assert list(found.rows) == list(found.points) == names
    assert [row.records[0].spec.attention for row in found.rows.values()] == [point.variant for point in GROUPS.points]
    assert found.reference is found.rows["groups=4"]
    assert [name for name in names if found.is_reference(name)] == ["groups=4"]


def test_differences_to_the_reference_are_those_of_the_statistics_and_a_family_of_their_own() -> None:
    found = ablation_of(GROUPS, MEANS)
    assert list(found.to_reference) == ["groups=1", "groups=2", "groups=8", "groups=16"]
    assert found.reference is not None

    def bits(name: str) -> np.ndarray:  # type: ignore[type-arg]
        return np.stack([record.test_correct.unpack() for record in found.rows[name].records])

    p_values = []
    for name, difference in found.to_reference.items():
        interval = paired_accuracy_interval(bits(name), bits("groups=4"))
        ends = (difference.mean, difference.low, difference.high)
        assert ends == pytest.approx((100 * interval.mean, 100 * interval.low, 100 * interval.high), abs=1e-9)
        assert (difference.variant, difference.other) == (name, "groups=4")
        p_values.append(permutation_test(bits(name).sum(1).tolist(), bits("groups=4").sum(1).tolist()).p_value)
    assert [one.p_corrected for one in found.to_reference.values()] == holm_adjusted(p_values)
    assert {one.family_size for one in found.to_reference.values()} == {4}


def test_differences_to_the_baseline_are_the_leaderboards() -> None:
    found = ablation_of(GROUPS, MEANS)
    board = leaderboard(records_of(GROUPS, MEANS))
    expected = {row.variant: row.top1_difference for row in board.rows}
    for row in found.rows.values():
        difference, other = row.top1_difference, expected[row.records[0].spec.attention]
        assert difference is not None
        assert other is not None
        assert (difference.mean, difference.p_corrected, difference.family_size) == (other.mean, other.p_corrected, 5)
        assert (difference.variant, difference.other) == (row.variant, "none")


def test_what_has_no_record_is_left_out() -> None:
    records = [record for record in records_of(GROUPS) if record.spec.attention not in ("none", "sge:groups=8")]
    found = ablation(records, GROUPS)
    assert list(found.rows) == ["groups=1", "groups=2", "groups=4", "groups=16"]
    assert found.board.baseline is None
    assert len(found.to_reference) == 3
    without = ablation([record for record in records if record.spec.attention != "sge:groups=4"], GROUPS)
    assert without.reference is None
    assert without.to_reference == {}
    assert without.reference_name == "groups=4"


def test_the_reference_may_be_the_baseline() -> None:
    records = [
        make_record(point.variant, seed, 85.0 + place, baseline="sge:groups=4")
        for place, point in enumerate(NORMALIZATION.points)
        for seed in range(3)
    ]
    found = ablation(records, NORMALIZATION)
    assert [row.variant for row in found.board.rows] == ["normalize=true", "normalize=false"]
    assert found.reference is found.board.baseline
    to_baseline = found.rows["normalize=false"].top1_difference
    assert found.to_reference == {"normalize=false": to_baseline}


def test_records_of_two_tables_are_refused() -> None:
    other = make_record("none", data="cifar10")
    with pytest.raises(SpecError, match="got 2 groups"):
        ablation([*records_of(INIT), other], INIT)
