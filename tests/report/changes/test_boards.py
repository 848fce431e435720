"""What has changed between two stores, in numbers and in words."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import ttest_ind

from attnbench.packed import PackedIntegers
from attnbench.record import Record
from attnbench.report.changes.boards import BoardChange, Changes, changes
from attnbench.report.changes.notes import change_conclusions, change_conditions, unmatched
from attnbench.report.leaderboard.board import leaderboards
from attnbench.spec import PluginFile, Recipe, digest
from attnbench.stats import holm_adjusted, paired_accuracy_interval, permutation_test, unpaired_ratio_interval
from tests.records import make_record

NUM_IMAGES = 500


def bits(chance: float, *key: int) -> NDArray[np.bool_]:
    return np.random.default_rng(key).random(NUM_IMAGES) < chance


def run(variant: str, seed: int, chance: float = 0.8, *, key: int = 0, **fields: Any) -> Record:
    """A run with noise of its own; another key is another training."""
    return make_record(variant, seed, correct=bits(chance, seed, key, len(variant)), **fields)


def store(
    chances: dict[str, float], *, num_seeds: int = 8, key: int = 0, first: int = 0, **fields: Any
) -> list[Record]:
    return [
        run(variant, seed, chance, key=key, **fields)
        for variant, chance in chances.items()
        for seed in range(first, first + num_seeds)
    ]


OLD = {"none": 0.8, "se": 0.8, "sge": 0.8}
PLUGINS = {letter: PluginFile(path="mine.py", sha256=letter * 64) for letter in "abc"}


def with_sources(records: list[Record], images_a_source: int = 2) -> list[Record]:
    sources = PackedIntegers.pack(np.arange(NUM_IMAGES) // images_a_source)
    return [replace(record, test_sources=sources) for record in records]


def in_folder(records: list[Record], root: str) -> list[Record]:
    specs = [replace(record.spec, root=root) for record in records]
    return [replace(record, spec=spec, digest=digest(spec)) for record, spec in zip(records, specs, strict=True)]


def compared(a: list[Record], b: list[Record]) -> Changes:
    return changes(leaderboards(a), leaderboards(b))


def board(a: list[Record], b: list[Record]) -> BoardChange:
    [only] = compared(a, b).boards
    return only


def said(change: BoardChange) -> str:
    return "\n".join(change_conclusions(change))


def stacked(records: list[Record], variant: str) -> NDArray[np.bool_]:
    return np.stack([record.test_correct.unpack() for record in records if record.spec.attention == variant])


def test_shared_seeds_and_images_are_paired_and_corrected_as_one_family() -> None:
    a, b = store({"none": 0.8, "se": 0.9, "sge": 0.8}, key=1), store(OLD)
    found = board(a, b)
    p_values = []
    for change in found.variants:
        new, old = stacked(a, change.variant), stacked(b, change.variant)
        interval = paired_accuracy_interval(new, old)
        accuracy = change.accuracy
        assert (accuracy.mean, accuracy.low, accuracy.high) == (
            100 * interval.mean, 100 * interval.low, 100 * interval.high
        )  # fmt: skip
        assert accuracy.paired_seeds == tuple(range(8))
        p_values.append(permutation_test(new.sum(1).tolist(), old.sum(1).tolist()).p_value)
        assert accuracy.p_value == p_values[-1]
        assert accuracy.family_size == 3
    assert [change.accuracy.p_corrected for change in found.variants] == holm_adjusted(p_values)
    assert {change.variant for change in found.variants if change.accuracy.is_shown} == {"se"}
    se = next(change for change in found.variants if change.variant == "se")
    assert f"Shown to be higher in A than in B: se (+{se.accuracy.mean:.2f})." in said(found)
    assert "Not shown to have changed in accuracy: " in said(found)
    swapped = board(b, a)
    assert f"Shown to be lower in A than in B: se (−{se.accuracy.mean:.2f})." in said(swapped)


def test_other_seeds_are_compared_by_welch() -> None:
    a, b = store(OLD, key=1, first=8, num_seeds=4), store({**OLD, "se": 0.7})
    found = board(a, b)
    for change in found.variants:
        new, old = (
            [record.values.test_top1_percent for record in side if record.spec.attention == change.variant]
            for side in (a, b)
        )
        expected = ttest_ind(new, old, equal_var=False)
        ends = expected.confidence_interval()
        accuracy = change.accuracy
        assert accuracy.p_value == pytest.approx(expected.pvalue)
        assert (accuracy.low, accuracy.high) == pytest.approx((ends.low, ends.high))
        assert accuracy.mean == pytest.approx(np.mean(new) - np.mean(old))
        assert accuracy.num_seeds == (8, 4)
        assert not accuracy.is_paired
    assert "Seeds that only A has: 8 9 10 11 (of " in said(found)
    assert "Seeds that only B has: 0 1 2 3 4 5 6 7 (of " in said(found)
    assert "* passes Welch's t test over seeds" in said(found)


def test_other_test_images_are_never_paired() -> None:
    other = [make_record("none", seed, correct=bits(0.8, seed)[:400]) for seed in range(3)]
    assert not board(other, store({"none": 0.8}, num_seeds=3)).variants[0].accuracy.is_paired
    clustered = with_sources(store({"none": 0.8}, num_seeds=3, key=1), images_a_source=2)
    others = with_sources(store({"none": 0.8}, num_seeds=3), images_a_source=4)
    assert not board(clustered, others).variants[0].accuracy.is_paired


def test_sources_that_one_store_knows_are_the_clusters_of_both() -> None:
    known, unknown = with_sources(store({"none": 0.8}, num_seeds=3, key=1)), store({"none": 0.8}, num_seeds=3)
    expected = paired_accuracy_interval(
        stacked(known, "none"), stacked(unknown, "none"), clusters=np.arange(NUM_IMAGES) // 2
    )
    for a, b, sign in ((known, unknown, 1), (known, with_sources(unknown), 1), (unknown, known, -1)):
        accuracy = board(a, b).variants[0].accuracy
        assert accuracy.paired_seeds == (0, 1, 2)
        assert accuracy.mean == pytest.approx(sign * 100 * expected.mean)
        ends = sorted((sign * accuracy.low, sign * accuracy.high))  # type: ignore[operator]
        assert ends == pytest.approx([100 * expected.low, 100 * expected.high])


def test_images_of_another_folder_are_never_paired() -> None:
    a, b = in_folder(store(OLD, key=1), "new"), in_folder(store(OLD), "old")
    found = board(a, b)
    for change in found.variants:
        new, old = (
            [record.values.test_top1_percent for record in side if record.spec.attention == change.variant]
            for side in (a, b)
        )
        assert not change.accuracy.is_paired
        assert change.accuracy.p_value == pytest.approx(ttest_ind(new, old, equal_var=False).pvalue)
    assert "The folders of the images are not the same, and may hold other images." in said(found)
    assert "  root: old in B, new in A" in change_conditions(found)
    alone = board(a, store(OLD))
    assert not any(change.accuracy.is_paired for change in alone.variants)
    same = board(a, in_folder(store(OLD), "new"))
    assert all(change.accuracy.is_paired for change in same.variants)
    assert "folders" not in said(same)


def test_too_few_unpaired_runs_have_neither_interval_nor_test() -> None:
    found = board([run("none", 0)], [run("none", 1)])
    accuracy = found.variants[0].accuracy
    assert (accuracy.low, accuracy.high, accuracy.p_value, accuracy.p_corrected) == (None, None, None, None)
    assert "Neither shared seeds and images nor several that differ, so without a test: none." in said(found)
    alike = board(
        [make_record("none", seed, 85.0) for seed in (0, 1)], [make_record("none", seed, 84.0) for seed in (2, 3)]
    )
    assert alike.variants[0].accuracy.mean == pytest.approx(1.0)
    assert alike.variants[0].accuracy.p_value is None


def test_one_shared_seed_speaks_of_networks_alone() -> None:
    found = board(store({"none": 0.9}, num_seeds=1, key=1), store({"none": 0.8}, num_seeds=1))
    accuracy = found.variants[0].accuracy
    assert accuracy.is_shown_for_networks
    assert not accuracy.is_shown
    assert (
        "One seed shared by B and A: none. By McNemar's test two networks differ on these images (†): none ("
        in said(found)
    )
    same = board(store({"none": 0.8}, num_seeds=1, key=1), store({"none": 0.8}, num_seeds=1))
    assert "no two networks differ." in said(same)


def test_few_seeds_are_said_to_be_few() -> None:
    found = board(store({"none": 0.9, "se": 0.9}, key=1, num_seeds=5), store(OLD, num_seeds=5))
    assert not any(change.accuracy.is_shown for change in found.variants)
    assert "Too few seeds for any change to be shown in 2 comparisons, however large: " in said(found)
    assert "That takes 7 seeds." in said(found)


def test_equal_records_are_said_to_be_and_do_not_count_as_comparisons() -> None:
    b = store(OLD, num_seeds=6)
    later = [replace(record, timing=replace(record.timing, started_at="2031-01-01T00:00:00+00:00")) for record in b]
    found = board([later[0], *b[1:6], *store({"se": 0.8}, num_seeds=6, key=1), *b[12:]], b)
    by_name = {change.variant: change for change in found.variants}
    assert by_name["none"].identical_seeds == tuple(range(6))
    assert by_name["none"].is_unchanged
    assert not by_name["se"].is_unchanged
    assert by_name["se"].accuracy.family_size == 1
    assert by_name["none"].accuracy.p_corrected is None
    assert "identical, bit for bit, but for their timing: " in said(found)
    assert "none (6 of 6 shared seeds)" in said(found)
    assert "1 comparison of A with B" in said(found)


def test_equal_results_elsewhere_are_not_called_identical() -> None:
    b = store({"none": 0.8}, num_seeds=2)
    a = [replace(record, environment=replace(record.environment, git_revision="ffff")) for record in b]
    found = board(a, b)
    [change] = found.variants
    assert change.identical_seeds == ()
    assert change.equal_seeds == (0, 1)
    assert "the same though the conditions differ: none (2 of 2 shared seeds)." in said(found)
    assert "  attnbench: 0.1.0 (0123456789ab) in B, 0.1.0 (ffff) in A" in change_conditions(found)


def test_more_seeds_leave_the_shared_ones_equal() -> None:
    b = store({"none": 0.8}, num_seeds=3)
    found = board(store({"none": 0.8}, num_seeds=4), b)
    assert found.variants[0].is_unchanged
    assert found.variants[0].shared_seeds == (0, 1, 2)
    assert "Seeds that only A has: 3 (of none)." in said(found)
    assert "Means are over all seeds of a store, but A − B is over the seeds of both" in said(found)


def test_boards_match_by_data_and_backbone_and_then_by_the_nearest_settings() -> None:
    def of(epochs: int, rate: float = 0.1, **fields: Any) -> list[Record]:
        recipe = Recipe(epochs=epochs, learning_rate=rate)
        return store({"none": 0.8}, num_seeds=2, recipe=recipe, **fields)

    found = compared([*of(3), *of(6), *of(6, data="mnist")], [*of(6), *of(9), *of(6, backbone="resnet50")])
    pairs = [(change.before.facts.spec.recipe.epochs, change.after.facts.spec.recipe.epochs) for change in found.boards]
    assert sorted(pairs) == [(6, 6), (9, 3)]
    assert [line.facts.spec.data for line in found.only_after] == ["mnist"]
    assert [line.facts.spec.backbone for line in found.only_before] == ["resnet50"]
    assert unmatched(found) == [
        "Only A has: cifar-resnet:depth=20 on mnist, 6 epochs, 2 seeds: none.",
        "Only B has: resnet50 on fashion-mnist, 6 epochs, 2 seeds: none.",
    ]
    nearest = next(change for change in found.boards if change.after.facts.spec.recipe.epochs == 3)
    assert change_conditions(nearest) == ["What was run differs:", "  epochs: 9 in B, 3 in A"]
    one_field = compared(of(6, 0.2), [*of(3), *of(6)])  # two settings differ from the first, one from the second
    assert [change.before.facts.spec.recipe.epochs for change in one_field.boards] == [6]


def test_nothing_in_common_is_said() -> None:
    found = compared(store({"none": 0.8}, num_seeds=1), store({"none": 0.8}, num_seeds=1, data="mnist"))
    assert found.boards == ()
    assert unmatched(found)[0] == "No leaderboard of A has a counterpart in B. They match by backbone and data set."


def test_variants_of_one_store_and_edited_files_are_named() -> None:
    a = [*store({"none": 0.8, "cbam": 0.8}, num_seeds=2), *store({"mine": 0.8}, num_seeds=2, plugin=PLUGINS["a"])]
    b = [*store({"none": 0.8, "bam": 0.8}, num_seeds=2), *store({"mine": 0.8}, num_seeds=2, plugin=PLUGINS["b"])]
    found = board(a, b)
    assert (found.only_before, found.only_after) == (("bam",), ("cbam",))
    assert "Only A has: cbam." in said(found)
    assert "Only B has: bam." in said(found)
    assert "The user's file is not the same in B and in A for: mine." in said(found)
    assert [change.variant for change in found.variants if change.is_edited] == ["mine"]


def test_variants_match_by_the_content_of_their_file_before_their_name() -> None:
    none = store({"none": 0.8}, num_seeds=2)
    gap = {letter: store({"gap": 0.8}, num_seeds=2, plugin=PLUGINS[letter]) for letter in "abc"}
    found = board([*none, *gap["a"], *gap["b"]], [*none, *gap["a"]])
    change = next(change for change in found.variants if change.variant == "gap@aaaaaaaa")
    assert change.before.variant == "gap"
    assert not change.is_edited
    assert change.identical_seeds == (0, 1)
    assert (found.only_before, found.only_after) == ((), ("gap@bbbbbbbb",))
    assert all(set(order) == {"none", "gap@aaaaaaaa"} for order in found.orders)
    assert "One store has several contents under a name: gap@aaaaaaaa in A is gap in B." in said(found)
    other_way = board([*none, *gap["a"]], [*none, *gap["a"], *gap["b"]])
    assert {change.variant: change.before.variant for change in other_way.variants}["gap"] == "gap@aaaaaaaa"
    assert (other_way.only_before, other_way.only_after) == (("gap@bbbbbbbb",), ())
    unlike = board([*none, *gap["b"], *gap["c"]], [*none, *gap["a"]])
    assert [change.variant for change in unlike.variants] == ["none"]
    assert (unlike.only_before, set(unlike.only_after)) == (("gap",), {"gap@bbbbbbbb", "gap@cccccccc"})


def test_an_edited_baseline_is_not_the_same_baseline() -> None:
    def of(letter: str, *variants: str) -> list[Record]:
        mine = store({"mine": 0.8}, num_seeds=2, plugin=PLUGINS[letter], baseline="mine")
        return [*mine, *store(dict.fromkeys(variants, 0.8), num_seeds=2, baseline="mine")]

    edited = board(of("b", "se"), of("a", "se"))
    assert not edited.has_one_baseline
    assert all(change.speed is None for change in edited.variants)
    assert "The baseline mine was edited and is not the same in B and in A, so that neither Δ base nor" in said(edited)
    assert "× baseline is images/s" not in said(edited)
    same = board(of("a", "se"), of("a", "se"))
    assert same.has_one_baseline
    assert all(change.speed is not None for change in same.variants)
    unknown = board(of("b", "se"), of("a", "se")[2:])
    assert not unknown.has_one_baseline
    assert "The baseline mine is a user's, and B has no record of it, so that neither" in said(unknown)


def test_stars_that_come_and_go_and_the_order() -> None:
    quiet, loud = store(OLD), store({"none": 0.8, "se": 0.9, "sge": 0.8})
    found = board(loud, quiet)
    stars = {change.variant: change.stars for change in found.variants}
    assert stars == {"none": (False, False), "se": (False, True), "sge": (False, False)}
    assert "Shown to differ from the baseline in A and not in B: se." in said(found)
    assert "Shown to differ from the baseline in B and not in A: se." in said(board(quiet, loud))
    before, after = found.orders
    assert after[0] == "se"
    assert set(before) == set(after)
    same = board(loud, loud)
    assert "The same variants are shown to differ from the baseline in B and in A." in said(same)
    assert "The order by mean top-1 is the same in B and in A." in said(same)


def test_order_is_that_of_the_means() -> None:
    a = [make_record("none", 0, 80.0), make_record("se", 0, 82.0), make_record("sge", 0, 81.0)]
    b = [make_record("none", 0, 83.0), make_record("se", 0, 82.0), make_record("sge", 0, 81.0)]
    assert "was none > se > sge in B and is se > sge > none in A." in said(board(a, b))


def test_counts_and_speed() -> None:
    fast, slow, base = (10.0, 10.1, 9.9) * 8, (12.0, 12.1, 11.9) * 8, (9.0, 9.1, 8.9) * 8
    a = [make_record("none", 0), make_record("se", 0, parameters=272_012, forward_ms=fast, baseline_forward_ms=base)]
    b = [make_record("none", 0), make_record("se", 0, macs=41_000_100, forward_ms=slow, baseline_forward_ms=base)]
    found = board(a, b)
    se = next(change for change in found.variants if change.variant == "se")
    assert (se.parameters_change, se.macs_change) == (12, -100)
    assert se.speed is not None
    assert se.speed == unpaired_ratio_interval(
        [one / other for one, other in zip(base, fast, strict=True)],
        [one / other for one, other in zip(base, slow, strict=True)],
    )
    assert "Parameters or MACs have changed: se (+12 parameters, −100 MACs)." in said(found)
    assert "Faster beside the baseline in A than in B, beyond the noise of the passes: se (+" in said(found)
    assert "Slower beside the baseline in A than in B" in said(board(b, a))
    assert "Parameters and MACs of 2 variants are the same in B and in A." in said(board(a, a))


def test_other_baselines_are_not_compared() -> None:
    a, b = store(OLD, num_seeds=2, baseline="se"), store(OLD, num_seeds=2)
    found = board(a, b)
    assert "  baseline: none in B, se in A" in change_conditions(found)
    assert all(change.speed is None for change in found.variants)
    assert not any(change.is_baseline for change in found.variants)
    assert "B and A have different baselines" in said(found)
    assert "× baseline is images/s" not in said(found)


def test_equal_stores_have_equal_conditions() -> None:
    records = store(OLD, num_seeds=2)
    assert change_conditions(board(records, records)) == [
        "The specs and the environments of the records are the same in B and in A."
    ]
