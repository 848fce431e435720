from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from attnbench.efficiency_record import EfficiencyRecord
from attnbench.efficiency_spec import Conditions, Effort, Phase, spec_digest
from attnbench.report.efficiency.comparison import ComparedRow, Comparison, CountChange, Difference, compare
from attnbench.spec import PluginFile
from attnbench.stats import unpaired_ratio_interval
from tests.efficiency_records import LOAD, make_counts, make_row, make_timing

NUM_ROUNDS = 40
NONE = 10.0
CPU_2 = Conditions(batch_size=8, device="cpu", threads=2)
GPU = Conditions(batch_size=8, device="cuda", threads=1)


def noise(seed: int, num_rounds: int = NUM_ROUNDS, scale: float = 0.01) -> np.ndarray[Any, np.dtype[np.float64]]:
    return np.exp(scale * np.random.default_rng(seed).normal(size=num_rounds))


def session(
    name: str = "s",
    *,
    ms: dict[str, float],
    phases: Sequence[Phase] = ("inference",),
    seed: int = 0,
    drift: float = 0.0,
    **fields: Any,
) -> list[EfficiencyRecord]:
    """Rows timed in turn on a machine that drifts, with the median milliseconds of each."""
    common = noise(seed) * np.linspace(1, 1 + drift, NUM_ROUNDS)
    return [
        make_row(
            variant,
            *(make_timing(phase, (median * common * noise(100 * seed + number)).tolist()) for phase in phases),
            counts=make_counts(),
            session=name,
            **fields,
        )
        for number, (variant, median) in enumerate(ms.items(), start=1)
    ]


def only_row(comparison: Comparison, variant: str) -> ComparedRow:
    (table,) = comparison.tables
    (row,) = (row for row in table.rows if row.variant == variant)
    return row


def test_b_stands_over_a() -> None:
    a, b = session(ms={"none": NONE, "sge": 12.0}), session(ms={"none": 2 * NONE, "sge": 36.0}, seed=1)
    row = only_row(compare(a, b), "sge")
    (_, sge_a), (_, sge_b) = a, b
    ms_a, ms_b = sge_a.timings[0].ms, sge_b.timings[0].ms
    assert row.records == (sge_a, sge_b)
    assert row.median_ms == (np.median(ms_a), np.median(ms_b))
    assert row.ratio == unpaired_ratio_interval(ms_b, ms_a)
    assert row.ratio.ratio == pytest.approx(3.0, rel=0.02)
    assert row.relative is not None
    assert row.relative.ratio == pytest.approx(1.5, rel=0.02)
    assert row.relative == unpaired_ratio_interval(
        np.divide(ms_b, b[0].timings[0].ms).tolist(), np.divide(ms_a, a[0].timings[0].ms).tolist()
    )


def test_the_machines_speed_and_its_drift_cancel_beside_the_baseline() -> None:
    a = session(ms={"none": NONE, "sge": 12.0}, drift=1.0)
    b = session(ms={"none": 5 * NONE, "sge": 60.0}, seed=1, drift=0.5)
    row = only_row(compare(a, b), "sge")
    assert row.relative is not None
    assert row.relative.contains(1.0)
    assert row.relative.high - row.relative.low < 0.03
    assert row.ratio.high - row.ratio.low > 0.3


def test_a_store_compared_with_itself_has_not_changed() -> None:
    records = session(ms={"none": NONE, "sge": 12.0}, phases=("inference", "latency"))
    comparison = compare(records, records)
    (table,) = comparison.tables
    assert [row.ratio.ratio for row in table.rows] == [1.0] * 4
    assert [row.relative is None or row.relative.ratio == 1.0 for row in table.rows] == [True] * 4
    assert (table.changes, table.differences, table.edited, table.only, table.failed) == (
        (),
        (),
        (),
        ((), ()),
        ((), ()),
    )
    assert table.counted == ("none", "sge")
    assert comparison.unmatched == ((), ())


def test_rows_stand_by_phase_batch_and_variant_the_baseline_first() -> None:
    records = session(ms={"zeta": 12.0, "none": NONE, "alpha": 11.0}, phases=("latency", "inference"))
    (table,) = compare(records, list(reversed(records))).tables
    assert [(row.phase, row.batch_size, row.variant) for row in table.rows] == [
        ("inference", 8, "none"), ("inference", 8, "alpha"), ("inference", 8, "zeta"),
        ("latency", 1, "none"), ("latency", 1, "alpha"), ("latency", 1, "zeta"),
    ]  # fmt: skip
    assert [row.is_baseline for row in table.rows] == [True, False, False] * 2
    assert table.rows[0].relative is None


def test_order_of_records_and_repeats_do_not_matter() -> None:
    a, b = session(ms={"none": NONE, "sge": 12.0}), session("t", ms={"none": NONE, "sge": 12.0}, seed=1)
    assert compare([*reversed(a), *a], [*b, *b]) == compare(a, b)


def test_the_measured_batch_size_is_part_of_a_row() -> None:
    a = session(ms={"none": NONE, "sge": 12.0}, phases=("inference", "training"))
    b = session(ms={"none": NONE, "sge": 12.0}, phases=("inference", "training"), seed=1)
    b = [replace(record, timings=(record.timings[0], replace(record.timings[1], batch_size=4))) for record in b]
    (table,) = compare(a, b).tables
    assert {row.phase for row in table.rows} == {"inference"}
    only_a, only_b = table.only
    assert [(key.variant, key.phase, key.batch_size) for key in only_a] == [
        ("none", "training", 8),
        ("sge", "training", 8),
    ]
    assert [(key.variant, key.phase, key.batch_size) for key in only_b] == [
        ("none", "training", 4),
        ("sge", "training", 4),
    ]


def test_what_only_one_store_has_is_named() -> None:
    a = session(ms={"none": NONE, "sge": 12.0, "se": 11.0})
    b = session(ms={"none": NONE, "sge": 12.0})
    b[1] = replace(b[1], counts=None, errors={"counts": "RuntimeError: no"})
    (table,) = compare(a, b).tables
    only_a, only_b = table.only
    assert [(key.variant, key.phase) for key in only_a] == [("se", None), ("sge", None), ("se", "inference")]
    assert only_b == ()
    assert table.failed == ((), (b[1],))
    assert table.counted == ("none",)


@pytest.mark.parametrize(
    "change",
    [
        {"conditions": Conditions(batch_size=8, device="cpu", threads=1, mode="compiled")},
        {"conditions": Conditions(batch_size=8, device="cpu", threads=1, layout="channels_last")},
        {"conditions": Conditions(batch_size=8, device="cpu", threads=1, precision="bfloat16")},
        {"backbone": "resnet18"},
    ],
)
def test_rows_of_another_setup_do_not_match(change: dict[str, Any]) -> None:
    a, b = session(ms={"none": NONE}), session(ms={"none": NONE}, **change)
    comparison = compare(a, b)
    assert comparison.tables == ()
    assert [[group.records for group in groups] for groups in comparison.unmatched] == [[(a[0],)], [(b[0],)]]


@pytest.mark.parametrize("change", [{"image_shape": (3, 192, 192)}, {"num_classes": 10}])
def test_rows_of_another_image_or_head_do_not_match(change: dict[str, Any]) -> None:
    (a,) = session(ms={"none": NONE})
    spec = replace(a.spec, **change)
    b = replace(a, spec=spec, digest=spec_digest(spec, a.session))
    comparison = compare([a], [b])
    assert (comparison.tables, len(comparison.unmatched[0]), len(comparison.unmatched[1])) == ((), 1, 1)
    assert [table.setup.num_classes for table in compare([a, b], [b, a]).tables] == sorted([1000, spec.num_classes])


def test_the_latest_of_several_sessions_counts_and_their_number_is_kept() -> None:
    old = session("zz", ms={"none": 3 * NONE, "sge": 90.0}, started_at="2030-01-01T00:00:00+00:00")
    new = session("aa", ms={"none": NONE, "sge": 12.0}, started_at="2030-01-02T00:00:00+00:00", seed=1)
    b = session("bb", ms={"none": NONE, "sge": 12.0}, seed=2)
    for stored in ([*old, *new], [*new, *old]):
        row = only_row(compare(stored, b), "sge")
        assert row.records[0] is new[1]
        assert row.num_sessions == (2, 1)
        assert row.relative is not None
        assert row.relative.ratio == pytest.approx(1.0, rel=0.02)


def test_an_older_session_stands_in_for_a_phase_that_the_latest_has_not() -> None:
    old = session("old", ms={"none": NONE, "sge": 20.0}, phases=("latency",), started_at="2030-01-01T00:00:00+00:00")
    new = session("new", ms={"none": 3 * NONE, "sge": 36.0}, started_at="2030-01-02T00:00:00+00:00")
    b = session("b", ms={"none": NONE, "sge": 20.0}, phases=("inference", "latency"), seed=1)
    (table,) = compare([*old, *new], b).tables
    latency = next(row for row in table.rows if (row.variant, row.phase) == ("sge", "latency"))
    assert latency.records[0] is old[1]
    assert latency.relative is not None
    assert latency.relative.ratio == pytest.approx(1.0, rel=0.02)  # beside the baseline of its own session


def test_stores_with_several_devices_or_threads_are_compared_on_each() -> None:
    one, two = session("one", ms={"none": NONE}), session("two", ms={"none": 6.0}, conditions=CPU_2, threads=2)
    gpu = session("gpu", ms={"none": 1.0}, conditions=GPU, device="Example GPU")
    comparison = compare([*one, *two, *gpu], [*two, *one])
    assert [(table.groups[0].threads, table.rows[0].ratio.ratio) for table in comparison.tables] == [(1, 1.0), (2, 1.0)]
    assert [group.device for group in comparison.unmatched[0]] == ["Example GPU"]
    assert comparison.unmatched[1] == ()


def test_other_devices_and_threads_match_where_there_are_no_equal_ones() -> None:
    one = session("one", ms={"none": NONE}, started_at="2030-01-02T00:00:00+00:00")
    gpu = session("gpu", ms={"none": 1.0}, conditions=GPU, device="Example GPU")
    two = session("two", ms={"none": 5.0}, conditions=CPU_2, threads=2, started_at="2030-01-01T00:00:00+00:00")
    other_gpu = session("other", ms={"none": 2.0}, conditions=GPU, device="Other GPU")
    (table,) = compare([*one, *gpu], other_gpu).tables
    assert (table.groups[0].device, table.groups[1].device) == ("Example GPU", "Other GPU")
    assert Difference(name="device", values=(("Example GPU",), ("Other GPU",))) in table.differences
    (table,) = compare(one, two).tables
    assert table.differences == (Difference(name="threads", values=(("1",), ("2",))),)
    (table,) = compare(one, [*two, *other_gpu]).tables
    assert table.groups[1].device == "cpu"


def test_differences_of_the_environment_are_named_and_only_they() -> None:
    a = session(ms={"none": NONE})
    b = session(
        ms={"none": NONE},
        processor="Other CPU",
        python="3.12.0",
        git_revision="fedcba987654+changes",
        packages={"numpy": "2.0.0", "torch": "2.12.0", "timm": "1.0.20"},
        effort=Effort(isolate=True),
    )
    (table,) = compare(a, b).tables
    assert table.differences == (
        Difference(name="processor", values=(("Example CPU 3000",), ("Other CPU",))),
        Difference(name="attnbench", values=(("0.1.0 (0123456789ab)",), ("0.1.0 (fedcba987654+changes)",))),
        Difference(name="Python", values=(("3.11.9",), ("3.12.0",))),
        Difference(name="torch", values=(("2.11.0",), ("2.12.0",))),
        Difference(name="a process for each row", values=(("no",), ("yes",))),
        Difference(name="timm", values=(("none",), ("1.0.20",))),
    )


def test_differences_come_from_the_records_that_were_used() -> None:
    old = session("old", ms={"none": NONE}, python="3.10.0", started_at="2029-01-01T00:00:00+00:00")
    new, extra = session("new", ms={"none": NONE}), session("extra", ms={"none": NONE, "se": 11.0}, python="3.12.0")
    (table,) = compare([*old, *new], new).tables
    assert table.differences == ()
    (table,) = compare([*new, extra[1]], [*new, *session("b", ms={"se": 11.0})]).tables
    assert table.differences == (Difference(name="Python", values=(("3.11.9", "3.12.0"), ("3.11.9",))),)


def test_counts_that_differ_are_named() -> None:
    a, b = session(ms={"none": NONE, "sge": 12.0}), session(ms={"none": NONE, "sge": 12.0})
    counts = make_counts(fvcore=4_000_000_001, parameters=25_557_040, traffic={"aten::conv2d": 9}, saved_bytes=None)
    b[1] = replace(b[1], counts=counts)
    (table,) = compare(a, b).tables
    assert table.changes == (
        CountChange(variant="sge", name="parameters", values=(25_557_032, 25_557_040)),
        CountChange(variant="sge", name="operations (fvcore)", values=(4_000_000_000, 4_000_000_001)),
        CountChange(variant="sge", name="bytes of activations moved", values=(300_000_000, 9)),
        CountChange(variant="sge", name="bytes of parameters moved", values=(14, 7)),
        CountChange(variant="sge", name="bytes saved for backward at batch 2", values=(160_000_000, None)),
    )


@pytest.mark.parametrize(
    ("field", "name"),
    [
        ("full", "operations (full)"),
        ("published", "operations (published)"),
        ("buffers", "elements of buffers"),
        ("num_replaced", "replaced attention modules"),
    ],
)
def test_every_count_is_compared(field: str, name: str) -> None:
    a, b = (replace(session(ms={"none": NONE})[0], counts=make_counts(**{field: value})) for value in (3, 4))
    (table,) = compare([a], [b]).tables
    assert table.changes == (CountChange(variant="none", name=name, values=(3, 4)),)


def test_counts_alone_are_compared_too() -> None:
    a, b = (make_row("sge", counts=make_counts(parameters=parameters)) for parameters in (5, 6))
    (table,) = compare([a], [b]).tables
    assert (table.rows, table.counted) == ((), ("sge",))
    assert table.changes == (CountChange(variant="sge", name="parameters", values=(5, 6)),)


def test_an_edited_plugin_is_named() -> None:
    old, new = (PluginFile(path="gate.py", sha256=letter * 64) for letter in "ab")
    a, b, moved = (session(ms={"gate": NONE}, plugin=plugin) for plugin in (old, new, replace(old, path="x/gate.py")))
    assert compare(a, b).tables[0].edited == ("gate",)
    assert compare(a, moved).tables[0].edited == ()


def test_nothing_is_compared_beside_another_baseline_or_without_its_rounds() -> None:
    a = session(ms={"none": NONE, "se": 11.0, "sge": 12.0})
    other = session(ms={"none": NONE, "se": 11.0, "sge": 12.0}, baseline="se", seed=1)
    (table,) = compare(a, other).tables
    assert [row.relative for row in table.rows] == [None] * 3
    assert not any(row.is_baseline for row in table.rows)
    (table,) = compare(a, other[2:]).tables
    assert [row.relative for row in table.rows] == [None]
    shorter = [replace(a[0], timings=(replace(a[0].timings[0], ms=a[0].timings[0].ms[:-1]),)), *a[1:]]
    assert only_row(compare(shorter, a), "sge").relative is None
    smaller = [replace(a[0], timings=(replace(a[0].timings[0], batch_size=4),)), *a[1:]]
    assert only_row(compare(smaller, a), "sge").relative is None
    assert only_row(compare(a, a), "sge").relative is not None


def test_only_the_latest_errors_are_named() -> None:
    failed = replace(session("old", ms={"sge": NONE}, started_at="2029-01-01T00:00:00+00:00")[0], errors={"build": "x"})
    good = session("new", ms={"sge": NONE})[0]
    assert compare([failed, good], [good]).tables[0].failed == ((), ())
    assert compare([good], [failed]).tables[0].failed == ((), (failed,))


def test_what_else_the_machine_did_is_kept() -> None:
    busy = make_row("none", make_timing("inference", [1.0] * 8, load=replace(LOAD, other_processors=4.0)))
    (row,) = compare([busy], [busy]).tables[0].rows
    assert [timing.load.other_share for timing in row.timings] == [0.5, 0.5]
