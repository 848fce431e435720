import numpy as np
import pytest

from attnbench.errors import SpecError
from attnbench.record import Record
from attnbench.report import leaderboard, leaderboards
from attnbench.report.leaderboard.notes import heading
from attnbench.spec import PluginFile, Recipe
from attnbench.stats import t_interval
from tests.records import make_record


def three_seeds(attention: str, *top1: float, **values: int) -> list[Record]:
    return [make_record(attention, seed, percent, **values) for seed, percent in enumerate(top1)]


def test_the_factory_makes_records_that_can_be_stored() -> None:
    record = make_record("ge:parametric=false,extent=8", 3, 84.37)
    assert Record.from_json(record.to_json(), source="memory") == record
    assert record.test_correct.unpack().mean() * 100 == pytest.approx(84.37)


def test_rows_are_raw_and_sorted() -> None:
    records = [
        *three_seeds("none", 85.0, 85.4, 84.9, parameters=1000, macs=500),
        *three_seeds("sge", 85.6, 86.1, 85.5, parameters=1128, macs=500),
        *three_seeds("se", 84.0, 84.1, 84.4, parameters=900, macs=620),
    ]
    board = leaderboard(records)
    assert [row.variant for row in board.rows] == ["sge", "none", "se"]
    sge, none, se = board.rows
    assert (sge.parameters, sge.parameters_difference, sge.macs, sge.macs_difference) == (1128, 128, 500, 0)
    assert (se.parameters_difference, se.macs_difference) == (-100, 120)
    assert sge.top1_percent.mean == pytest.approx(t_interval([85.6, 86.1, 85.5]).mean)
    assert sge.top1_percent.half_width == pytest.approx(t_interval([85.6, 86.1, 85.5]).half_width)
    assert sge.top1_difference is not None
    assert sge.top1_difference.mean == pytest.approx(0.6333, abs=1e-4)
    assert board.baseline is none
    assert none.is_baseline
    assert none.top1_difference is None
    assert sge.uncounted_operators == {"aten::add": 9}


def test_order_of_records_and_repeats_do_not_matter() -> None:
    records = [*three_seeds("none", 85.0, 85.4, 84.9), *three_seeds("sge", 85.6, 86.1, 85.5)]
    assert leaderboard([*reversed(records), *records]) == leaderboard(records)


def test_throughput_pools_the_pairs_of_all_seeds() -> None:
    records = [
        make_record("sge", 0, forward_ms=(10.0, 20.0), baseline_forward_ms=(5.0, 20.0)),
        make_record("sge", 1, forward_ms=(40.0,), baseline_forward_ms=(30.0,)),
    ]
    (row,) = leaderboard(records).rows
    ratio = row.throughput_ratio
    assert (ratio.lower_quartile, ratio.median, ratio.upper_quartile, ratio.num_pairs) == (0.625, 0.75, 0.875, 3)
    assert row.images_per_s == 64 / 0.020


def test_differences_are_paired_by_the_seeds_both_have() -> None:
    records = [
        make_record("none", 0, 80.0),
        make_record("none", 2, 90.0),
        make_record("none", 5, 10.0),
        make_record("sge", 1, 99.0),
        make_record("sge", 2, 91.0),
        make_record("sge", 0, 80.5),
    ]
    board = leaderboard(records)
    sge = next(row for row in board.rows if row.variant == "sge")
    assert sge.seeds == (0, 1, 2)
    assert sge.top1_percent.num_samples == 3
    assert sge.top1_difference is not None
    assert (sge.top1_difference.seeds, sge.top1_difference.mean) == ((0, 2), pytest.approx(0.75))
    assert board.facts.seeds == (0, 1, 2, 5)


def test_without_a_shared_seed_or_a_baseline_there_is_no_difference() -> None:
    apart = leaderboard([make_record("none", 0), make_record("sge", 1, parameters=272_100)])
    sge = next(row for row in apart.rows if row.variant == "sge")
    assert (sge.top1_difference, sge.parameters_difference) == (None, 100)
    alone = leaderboard([make_record("sge")])
    assert alone.baseline is None
    assert (alone.rows[0].parameters_difference, alone.rows[0].macs_difference) == (None, None)


def test_one_table_for_each_recipe_backbone_data_and_baseline() -> None:
    records = [
        make_record("sge"),
        make_record("none"),
        make_record("sge", recipe=Recipe(epochs=7)),
        make_record("sge", backbone="resnet50"),
        make_record("sge", data="cluttered-digits"),
        make_record("sge", baseline="se"),
    ]
    boards = leaderboards(records)
    assert [(board.facts.spec.data, board.facts.spec.backbone, board.facts.spec.recipe.epochs) for board in boards] == [
        ("cluttered-digits", "cifar-resnet:depth=20", 6),
        ("fashion-mnist", "cifar-resnet:depth=20", 6),
        ("fashion-mnist", "cifar-resnet:depth=20", 6),
        ("fashion-mnist", "cifar-resnet:depth=20", 7),
        ("fashion-mnist", "resnet50", 6),
    ]
    assert sorted(len(board.rows) for board in boards) == [1, 1, 1, 1, 2]
    with pytest.raises(SpecError, match="got 5 groups"):
        leaderboard(records)
    assert leaderboards([]) == []


def test_other_test_images_are_another_table() -> None:
    records = [make_record("none"), make_record("sge"), make_record("se", correct=np.ones(500, dtype=bool))]
    assert [[row.variant for row in board.rows] for board in leaderboards(records)] == [["none", "sge"], ["se"]]


def test_every_pair_is_compared_the_better_first_and_the_baseline_last() -> None:
    board = leaderboard([make_record("none", top1=90.0), make_record("se", top1=80.0), make_record("sge", top1=85.0)])
    assert [(pair.variant, pair.other) for pair in board.differences] == [
        ("sge", "se"),
        ("sge", "none"),
        ("se", "none"),
    ]
    assert {pair.family_size for pair in board.differences} == {3}
    assert {row.top1_difference.family_size for row in board.rows if row.top1_difference} == {2}


def test_an_edited_data_set_is_another_table() -> None:
    files = [
        PluginFile(path=path, sha256=letter * 64) for path, letter in (("/a.py", "a"), ("/b.py", "a"), ("/a.py", "b"))
    ]
    boards = leaderboards([make_record("none", seed, data_plugin=file) for seed, file in enumerate(files)])
    assert sorted(board.facts.seeds for board in boards) == [(0, 1), (2,)]
    assert {heading(board).rpartition(" on ")[2] for board in boards} == {
        "fashion-mnist@aaaaaaaa",
        "fashion-mnist@bbbbbbbb",
    }


def test_an_edited_plugin_is_another_variant() -> None:
    old, new = (PluginFile(path="gate.py", sha256=letter * 64) for letter in "ab")
    records = [
        make_record("none"),
        make_record("gate", plugin=old, top1=85.5),
        make_record("gate", plugin=new, top1=85.6),
    ]
    assert [row.variant for row in leaderboard(records).rows] == ["gate@bbbbbbbb", "gate@aaaaaaaa", "none"]
    assert [row.variant for row in leaderboard(records[:2]).rows] == ["gate", "none"]


def test_an_edited_plugin_as_baseline_is_one_of_its_contents() -> None:
    old, new = (PluginFile(path="gate.py", sha256=letter * 64) for letter in "ab")
    records = [
        make_record("gate", 0, baseline="gate", plugin=new, started_at="2030-01-02T00:00:00+00:00"),
        make_record("gate", 0, baseline="gate", plugin=old, started_at="2030-01-01T00:00:00+00:00"),
    ]
    baseline = leaderboard(records).baseline
    assert baseline is not None
    assert baseline.variant == "gate@bbbbbbbb"


def test_facts() -> None:
    records = [
        make_record("none", 0, uncounted_operators={"aten::add": 3}, train_s=10.0),
        make_record("none", 1, device="Example GPU", precision="bfloat16", train_s=20.5),
        make_record("sge", 0, uncounted_operators={"aten::mul": 3, "aten::add": 1}, train_s=30.0),
    ]
    facts = leaderboard(records).facts
    assert (facts.num_train_images, facts.num_validation_images, facts.num_test_images) == (54_000, 6_000, 10_000)
    assert (facts.num_classes, facts.image_shape) == (10, (1, 28, 28))
    assert (facts.num_records, facts.train_s, facts.seeds) == (3, 60.5, (0, 1))
    assert facts.uncounted_operators == ("aten::add", "aten::mul")
    cpu, gpu = facts.machines
    assert (cpu.device, cpu.num_records, cpu.torch) == ("cpu", 2, "2.11.0")
    assert (gpu.device, gpu.precision, gpu.num_records) == ("Example GPU", "bfloat16", 1)
