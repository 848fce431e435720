from dataclasses import replace

import pytest

from attnbench.efficiency_record import EfficiencyRecord
from attnbench.efficiency_spec import PHASES
from attnbench.errors import SpecError
from attnbench.report import EfficiencyRow, EfficiencyTable, RankBy, efficiency_tables
from attnbench.report.efficiency.table import saved_bytes_an_image, traffic_bytes
from attnbench.stats import paired_ratio_interval
from tests.efficiency_records import make_counts, make_row, make_timing

BASE_MS = [10.0, 20.0, 10.0, 12.0, 10.0, 10.0, 11.0, 10.0]
SLOW_MS = [12.0, 24.0, 12.0, 14.4, 15.0, 12.0, 13.2, 12.0]


def only(table: EfficiencyTable, variant: str) -> EfficiencyRow:
    (row,) = (row for row in table.rows if row.variant == variant)
    return row


def test_counts_are_held_against_the_baseline() -> None:
    base = make_counts(100, 90, 95, parameters=50, traffic={"aten::conv2d": 800, "aten::relu": 400}, saved_bytes=600)
    own = make_counts(130, 91, 80, parameters=40, traffic={"aten::conv2d": 700, "aten::mul": 900}, saved_bytes=None)
    (table,) = efficiency_tables([make_row("sge", counts=own), make_row("none", counts=base)])
    row = only(table, "sge")
    assert [row.added_flops(name) for name in ("full", "fvcore", "published")] == [30, 1, -15]
    assert list((row.added_bytes() or {}).items()) == [("aten::mul", 900), ("aten::relu", -400), ("aten::conv2d", -100)]
    assert (traffic_bytes(base), traffic_bytes(own)) == (1200, 1600)
    assert (saved_bytes_an_image(base), saved_bytes_an_image(own)) == (300, None)
    assert table.baseline is only(table, "none")
    assert (table.baseline.added_flops("full"), table.baseline.added_bytes()) == (None, None)


def test_an_operator_that_moves_as_much_as_before_is_not_named() -> None:
    own = make_counts(traffic={"aten::conv2d": 200_000_000, "aten::relu": 100_000_001})
    (table,) = efficiency_tables([make_row("sge", counts=own), make_row("none", counts=make_counts())])
    assert only(table, "sge").added_bytes() == {"aten::relu": 1}


def test_a_phase_is_timed_beside_the_baseline() -> None:
    (table,) = efficiency_tables(
        [make_row("none", make_timing("inference", BASE_MS)), make_row("sge", make_timing("inference", SLOW_MS))]
    )
    cell, base = only(table, "sge").cells["inference"], only(table, "none").cells["inference"]
    assert (cell.lower_quartile_ms, cell.median_ms, cell.upper_quartile_ms) == (12.0, 12.6, 14.55)
    assert cell.images_per_s == pytest.approx(8 / 0.0126)
    assert cell.ratio == paired_ratio_interval(SLOW_MS, BASE_MS)
    assert cell.ratio.median == pytest.approx(1.2)
    assert (base.ratio, base.added_ms) == (None, None)
    assert table.phases == ("inference",)


def test_added_milliseconds_follow_the_ratio_not_the_medians() -> None:
    (table,) = efficiency_tables(
        [make_row("none", make_timing("inference", BASE_MS)), make_row("sge", make_timing("inference", SLOW_MS))]
    )
    cell = only(table, "sge").cells["inference"]
    assert cell.ratio is not None
    # The baseline's median is 10 ms; medians alone would differ by 2.6 - 0.5 ms.
    assert cell.added_ms == pytest.approx(
        [(end - 1) * 10.0 for end in (cell.ratio.low, cell.ratio.median, cell.ratio.high)]
    )


def test_percentiles_need_samples() -> None:
    def percentiles(num_samples: int) -> dict[int, float | None]:
        timing = make_timing("latency", [float(ms) for ms in range(1, num_samples + 1)])
        return efficiency_tables([make_row("none", timing)])[0].rows[0].cells["latency"].percentiles_ms

    assert percentiles(19) == {50: 10.0, 95: None, 99: None}
    assert percentiles(20) == {50: 10.5, 95: pytest.approx(19.05), 99: None}
    assert percentiles(99) == {50: 50.0, 95: pytest.approx(94.1), 99: None}
    assert percentiles(100) == {50: 50.5, 95: pytest.approx(95.05), 99: pytest.approx(99.01)}


def test_the_floor_is_the_added_traffic_of_the_whole_batch() -> None:
    timings = [make_timing(phase, BASE_MS) for phase in PHASES]
    own = make_counts(traffic={"aten::conv2d": 200_000_000, "aten::relu": 150_000_000})
    less = make_counts(traffic={"aten::conv2d": 200_000_000})
    rows = [
        make_row("none", *timings, counts=make_counts()),
        make_row("more", *timings, counts=own),
        make_row("less", *timings, counts=less),
        make_row("uncounted", *timings),
    ]
    (table,) = efficiency_tables(rows)
    more = only(table, "more")
    # 50 MB an image at 20 GB/s: 2.5 ms an image, and a batch of 8.
    assert more.floor_ms("inference") == pytest.approx(20.0)
    assert more.floor_ms("latency") == pytest.approx(2.5)
    assert more.floor_ms("training") is None
    assert only(table, "less").floor_ms("inference") == pytest.approx(-40.0)
    assert [only(table, name).floor_ms("inference") for name in ("none", "uncounted")] == [None, None]
    (unknown,) = efficiency_tables([replace(row, bandwidth_bytes_per_s=None) for row in rows])
    assert only(unknown, "more").floor_ms("inference") is None


@pytest.mark.parametrize(
    ("rank_by", "expected"),
    [
        ("full", "b none a"),
        ("fvcore", "none a b"),
        ("published", "none b a"),
        ("params", "a none b"),
        ("traffic", "b a none"),
        ("inference", "a none b"),
        ("training", "none b a"),
        ("latency", "b none a"),
    ],
)
def test_the_cheapest_stands_first(rank_by: RankBy, expected: str) -> None:
    def row(name: str, counted: list[int], times: list[float], parameters: int, moved: int) -> EfficiencyRecord:
        return make_row(
            name,
            *(make_timing(phase, [ms] * 8) for phase, ms in zip(PHASES, times, strict=True)),
            counts=make_counts(*counted, parameters=parameters, traffic={"aten::mul": moved}),
        )

    records = [
        row("a", [3, 2, 3], [1.0, 3.0, 3.0], 1, 8),
        row("b", [1, 3, 2], [3.0, 2.0, 1.0], 3, 4),
        row("none", [2, 1, 1], [2.0, 1.0, 2.0], 2, 12),
    ]
    (table,) = efficiency_tables(records, rank_by=rank_by)
    assert [row.variant for row in table.rows] == expected.split()
    assert table.rank_by == rank_by


def test_a_phase_ranks_by_the_ratio_that_drift_leaves_alone() -> None:
    # Slower in two rounds of three, though the median of its times is the lower one.
    records = [
        make_row("none", make_timing("inference", [10.0, 20.0, 30.0])),
        make_row("a", make_timing("inference", [11.0, 15.0, 33.0])),
    ]
    (table,) = efficiency_tables(records, rank_by="inference")
    assert [row.variant for row in table.rows] == ["none", "a"]


def test_without_the_baseline_a_phase_ranks_by_time() -> None:
    records = [make_row(name, make_timing("inference", [ms] * 8)) for name, ms in (("a", 3.0), ("b", 1.0), ("c", 2.0))]
    (table,) = efficiency_tables(records, rank_by="inference")
    assert [row.variant for row in table.rows] == ["b", "c", "a"]
    assert table.baseline is None
    (table,) = efficiency_tables([*records, make_row("none", counts=make_counts())], rank_by="inference")
    assert [row.variant for row in table.rows] == ["b", "c", "a", "none"]
    assert all(row.cells["inference"].ratio is None for row in table.rows[:3])


def test_rows_that_failed_stand_last() -> None:
    records = [
        make_row("failed", counts=make_counts(1), errors={"training": "RuntimeError: no"}),
        make_row("uncounted"),
        make_row("broken", errors={"build": "PlacementError: no"}),
        make_row("sge", counts=make_counts(3)),
        make_row("none", counts=make_counts(2)),
    ]
    (table,) = efficiency_tables(records)
    assert [row.variant for row in table.rows] == ["none", "sge", "uncounted", "failed", "broken"]


def test_rows_that_do_not_share_the_baselines_rounds_lose_their_ratio_only() -> None:
    records = [
        make_row("none", make_timing("inference", BASE_MS), make_timing("training", BASE_MS)),
        make_row("short", make_timing("inference", SLOW_MS[:-1]), make_timing("training", SLOW_MS)),
        make_row("small", make_timing("inference", SLOW_MS, batch_size=4)),
        make_row("sge", make_timing("inference", SLOW_MS)),
    ]
    (table,) = efficiency_tables(records, rank_by="inference")
    short, small, sge = (only(table, name) for name in ("short", "small", "sge"))
    assert (short.cells["inference"].ratio, short.cells["inference"].median_ms) == (None, 13.2)
    assert short.cells["training"].ratio is not None
    assert short.problems == (
        f"record {records[1].digest} (short) must share the baseline's rounds of inference; "
        "got 7 at batch 8 beside 8 at batch 8",
    )
    assert small.cells["inference"].ratio is None
    assert "got 8 at batch 4 beside 8 at batch 8" in small.problems[0]
    assert (sge.problems, sge.cells["inference"].ratio) == ((), paired_ratio_interval(SLOW_MS, BASE_MS))
    assert [row.variant for row in table.rows] == ["none", "sge", "short", "small"]


@pytest.mark.parametrize(("ms", "got"), [((), "none"), ((1.0, 0.0), "0.0"), ((1.0, float("inf")), "inf")])
def test_damaged_samples_cost_the_row_its_phase_only(ms: tuple[float, ...], got: str) -> None:
    sound = make_timing("training", BASE_MS)
    records = [make_row("none", sound), make_row("sge", make_timing("inference", ms), sound)]
    (table,) = efficiency_tables(records)
    sge = only(table, "sge")
    assert list(sge.cells) == ["training"]
    assert sge.problems == (
        f"record {records[1].digest} (sge) must hold positive, finite milliseconds of inference; got {got}",
    )


def test_one_table_for_each_session_the_oldest_first() -> None:
    records = [
        make_row("sge", session="new", started_at="2030-01-02T00:00:00+00:00"),
        make_row("sge", session="old"),
        make_row("none", session="new", started_at="2030-01-02T00:00:00+00:00"),
    ]
    tables = efficiency_tables([*records, records[0]])
    assert [[row.variant for row in table.rows] for table in tables] == [["sge"], ["none", "sge"]]
    assert efficiency_tables([]) == []


def test_what_a_phase_shares_is_read_where_the_baseline_is() -> None:
    lowered = make_timing("inference", BASE_MS, batch_size=4)
    records = [make_row("a", make_timing("inference", BASE_MS, batch_size=2)), make_row("none", lowered)]
    (table,) = efficiency_tables(records)
    assert table.timing("inference") is lowered
    (alone,) = efficiency_tables(records[:1])
    assert alone.timing("inference").batch_size == 2


def test_an_unknown_order_is_refused() -> None:
    with pytest.raises(SpecError, match=r"rank_by must be one of full, fvcore, .*; got 'speed'"):
        efficiency_tables([], rank_by="speed")  # type: ignore[arg-type]
