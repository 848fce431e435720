import itertools
import math

import numpy as np
import pytest
from numpy.typing import NDArray

from attnbench.record import Record
from attnbench.report.leaderboard.differences import against, all_differences
from attnbench.report.leaderboard.grouping import comparable
from attnbench.report.leaderboard.letters import letters, share_letter
from attnbench.stats import (
    holm_adjusted,
    mcnemar_p,
    paired_accuracy_interval,
    permutation_test,
    smallest_detectable_difference,
)
from tests.records import make_record

NUM_IMAGES = 400
CHANCES = {"sge": 0.9, "se": 0.8, "none": 0.8}


def bits(chance: float, seed: int, number: int = NUM_IMAGES) -> NDArray[np.bool_]:
    return np.random.default_rng([seed, round(1000 * chance)]).random(number) < chance


def noisy(num_seeds: int) -> dict[str, list[Record]]:
    """Variants of the chances above; each draws for itself."""
    return {
        name: [
            make_record(name, seed, correct=bits(chance + 0.001 * place, seed))
            for seed in range(num_seeds)
        ]
        for place, (name, chance) in enumerate(CHANCES.items())
    }  # fmt: skip


def stacked(records: list[Record]) -> NDArray[np.bool_]:
    return np.stack([record.test_correct.unpack() for record in records])


def test_intervals_and_tests_are_those_of_the_statistics() -> None:
    variants = noisy(8)
    found = all_differences(variants)
    assert [(pair.variant, pair.other) for pair in found] == list(itertools.combinations(variants, 2))
    p_values = []
    for pair in found:
        one, other = stacked(variants[pair.variant]), stacked(variants[pair.other])
        interval = paired_accuracy_interval(one, other)
        assert (pair.mean, pair.low, pair.high) == (100 * interval.mean, 100 * interval.low, 100 * interval.high)
        test = permutation_test(one.sum(1).tolist(), other.sum(1).tolist())
        assert pair.test == test
        p_values.append(test.p_value)
        percents = 100 * (one.mean(1) - other.mean(1))
        assert pair.deviation == pytest.approx(np.std(percents, ddof=1))
        assert pair.smallest_detectable == pytest.approx(
            smallest_detectable_difference(float(np.std(percents, ddof=1)), 8, num_tests=3)
        )
    assert [pair.p_corrected for pair in found] == holm_adjusted(p_values)
    assert [pair.is_shown for pair in found] == [True, True, False]


def test_comparisons_with_the_baseline_are_a_family_of_their_own() -> None:
    found = all_differences(noisy(8))
    to_none = against(found, "none")
    assert [pair.variant for pair in to_none] == ["sge", "se"]
    assert [pair.p_corrected for pair in to_none] == holm_adjusted([pair.test.p_value for pair in found[1:]])
    assert {pair.family_size for pair in to_none} == {2}


def test_a_star_can_be_had_beside_the_baseline_and_not_among_all_pairs() -> None:
    # Seven seeds reach p = 1/64, which passes two comparisons (0.031) and not four or more.
    variants = {name: [make_record(name, seed, 85.0 + shift) for seed in range(7)]
                for name, shift in (("se", 2.0), ("sge", 1.0), ("bam", -0.01), ("none", 0.0))}  # fmt: skip
    found = all_differences({name: variants[name] for name in ("se", "sge", "none")})
    assert all(pair.is_shown for pair in against(found, "none"))
    assert [pair.p_corrected for pair in found] == [pytest.approx(3 / 64)] * 3
    among_all = all_differences(variants)
    assert not any(pair.is_shown for pair in among_all)
    assert not any(pair.can_be_shown for pair in among_all)


def test_one_seed_is_a_test_of_two_networks() -> None:
    (first, *_), (second, *_) = noisy(1)["sge"], noisy(1)["none"]
    (pair,) = all_differences({"sge": [first], "none": [second]})
    one, other = first.test_correct.unpack(), second.test_correct.unpack()
    assert pair.test.p_value == mcnemar_p(int((one & ~other).sum()), int((other & ~one).sum()))
    assert pair.is_shown_for_networks
    assert not pair.is_shown
    assert not pair.is_over_seeds
    assert (pair.deviation, pair.smallest_detectable) == (None, None)
    assert letters(["sge", "none"], [pair]) == ["", ""]


def test_few_seeds_show_nothing_however_large_the_difference() -> None:
    variants = {
        name: [make_record(name, seed, top1) for seed in range(5)] for name, top1 in (("sge", 99.0), ("none", 1.0))
    }
    (pair,) = all_differences(variants)
    assert pair.test.p_value == 2 / 32
    assert not pair.is_shown
    assert not pair.can_be_shown
    assert pair.smallest_detectable == math.inf


def test_images_of_one_source_count_as_one() -> None:
    sources = np.repeat(np.arange(20), NUM_IMAGES // 20)
    by_source = {
        name: [make_record(name, seed, correct=bits(chance, seed, 20)[sources], sources=sources) for seed in range(6)]
        for name, chance in (("sge", 0.85), ("none", 0.7))
    }
    (pair,) = all_differences(by_source)
    one, other = (stacked(by_source[name]) for name in ("sge", "none"))
    expected = paired_accuracy_interval(one, other, clusters=sources)
    assert (pair.low, pair.high) == (100 * expected.low, 100 * expected.high)
    naive = paired_accuracy_interval(one, other)
    assert pair.high - pair.low > 1.2 * 100 * (naive.high - naive.low)
    single = {name: records[:1] for name, records in by_source.items()}
    assert [pair.test.method for pair in all_differences(single)] == ["cluster permutation"]


@pytest.mark.parametrize("without", ["sge", "none"])
def test_records_that_know_no_sources_are_of_the_same_images(without: str) -> None:
    sources = np.repeat(np.arange(20), NUM_IMAGES // 20)
    records = {
        name: [
            make_record(
                name, seed, correct=bits(chance, seed, 20)[sources], sources=None if name == without else sources
            )
            for seed in range(4)
        ]
        for name, chance in (("sge", 0.85), ("none", 0.7))
    }
    (pair,) = all_differences(records)
    one, other = (stacked(records[name]) for name in ("sge", "none"))
    assert pair.low == 100 * paired_accuracy_interval(one, other, clusters=sources).low
    (group,) = comparable([record for members in records.values() for record in members])
    assert len(group) == 8


def test_other_sources_are_another_table() -> None:
    sources = np.arange(NUM_IMAGES) // 2
    mine = make_record("sge", correct=bits(0.8, 0), sources=sources)
    theirs = make_record("none", correct=bits(0.8, 1), sources=sources[::-1].copy())
    assert sorted(len(group) for group in comparable([mine, theirs])) == [1, 1]


def test_one_seed_and_many_are_families_of_their_own() -> None:
    variants = noisy(8)
    variants["bam"] = [make_record("bam", 0, correct=bits(0.5, 0))]
    found = all_differences(variants)
    alone = all_differences(noisy(8))
    by_pair = {(pair.variant, pair.other): pair for pair in found}
    assert all(by_pair[pair.variant, pair.other] == pair for pair in alone)
    assert {pair.family_size for pair in found if not pair.is_over_seeds} == {3}
    assert by_pair["sge", "bam"].is_shown_for_networks
    assert letters(["sge", "bam", "se", "none"], found) == ["a", "", "b", "b"]


def test_each_pair_takes_the_seeds_that_both_have() -> None:
    variants = noisy(8)
    variants["se"] = variants["se"][2:5]
    del variants["sge"][3]
    found = {(pair.variant, pair.other): pair for pair in all_differences(variants)}
    assert found["sge", "se"].seeds == (2, 4)
    assert found["sge", "none"].seeds == (0, 1, 2, 4, 5, 6, 7)
    one, other = stacked(variants["sge"]), np.delete(stacked(variants["none"]), 3, axis=0)
    assert found["sge", "none"].low == 100 * paired_accuracy_interval(one, other).low
    apart = {"sge": variants["sge"][:1], "none": variants["none"][1:2]}
    assert all_differences(apart) == []


def test_letters_are_shared_by_what_is_not_told_apart() -> None:
    found = all_differences(noisy(8))
    assert letters(["sge", "se", "none"], found) == ["a", "b", "b"]
    assert share_letter("ab", "bc")
    assert not share_letter("a", "b")
    assert not share_letter("", "")
    assert share_letter("ab1", "b1c")
    assert not share_letter("b1c", "ab")


def test_what_does_not_differ_at_all_is_not_shown() -> None:
    variants = {name: [make_record(name, seed, 85.0 + seed) for seed in range(8)] for name in ("sge", "none")}
    (pair,) = all_differences(variants)
    assert (pair.mean, pair.low, pair.high, pair.test.p_value, pair.is_shown) == (0, 0, 0, 1.0, False)
