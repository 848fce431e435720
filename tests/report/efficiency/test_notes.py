from collections.abc import Sequence
from dataclasses import replace

import pytest

from attnbench.efficiency_record import EfficiencyRecord, PhaseTiming
from attnbench.efficiency_spec import PHASES, Effort, Phase
from attnbench.report import RankBy, efficiency_tables
from attnbench.report.efficiency.meaning import efficiency_meaning
from attnbench.report.efficiency.notes import efficiency_conditions, efficiency_heading, efficiency_remarks
from tests.efficiency_records import CONDITIONS, LOAD, make_counts, make_row, make_timing

STEADY = [10.0, 10.1, 9.9, 10.0, 10.0, 10.2, 9.8, 10.0]
SLOWER = [1.5 * ms for ms in STEADY]
UNCLEAR = [9.0, 11.1, 9.9, 11.0, 9.0, 11.2, 8.8, 11.0]


def timings(ms: Sequence[float], **fields: object) -> list[PhaseTiming]:
    return [make_timing(phase, ms, **fields) for phase in PHASES]


def pair(*, effort: Effort | None = None, conditions: object = CONDITIONS, **fields: object) -> list[EfficiencyRecord]:
    """A baseline and a slower row, both with all phases, of which nothing is to be said."""
    return [
        make_row(name, *timings(ms, **fields), counts=make_counts(), effort=effort, conditions=conditions)  # type: ignore[arg-type]
        for name, ms in (("none", STEADY), ("sge", SLOWER))
    ]


def in_phase(phase: Phase, records: list[EfficiencyRecord], **fields: object) -> list[EfficiencyRecord]:
    """The records with other fields in one phase."""
    return [
        replace(
            record,
            timings=tuple(
                replace(timing, **fields) if timing.phase == phase else timing  # type: ignore[arg-type]
                for timing in record.timings
            ),
        )
        for record in records
    ]


def remarks(records: list[EfficiencyRecord]) -> list[str]:
    (table,) = efficiency_tables(records)
    return efficiency_remarks(table)


def meaning(records: list[EfficiencyRecord], rank_by: RankBy = "full") -> str:
    (table,) = efficiency_tables(records, rank_by=rank_by)
    return "\n".join(efficiency_meaning(table))


def test_nothing_is_remarked_where_nothing_is_to_be_said() -> None:
    assert remarks(pair()) == []


def test_heading_and_conditions() -> None:
    records = in_phase("training", pair(), repeats=3, stopped_by="budget", ms=tuple(STEADY[:7]))
    (table,) = efficiency_tables(records)
    assert efficiency_heading(table) == "resnet50 at 3×224×224, 1,000 classes"
    assert efficiency_conditions(table) == [
        "Batch 8, eager, NCHW; 2030-01-01 00:00 UTC.",
        "CPU Example CPU 3000, 1 thread, float32, torch 2.11.0, attnbench 0.1.0 (0123456789ab).",
        "Rows were timed in turn: inference 8 rounds in 30 s; training 7 rounds of 3 steps in 30 s, ended by the "
        "budget; latency 8 rounds in 30 s.",
    ]


def test_conditions_of_a_gpu_and_of_processes() -> None:
    conditions = replace(CONDITIONS, device="cuda", mode="compiled", layout="channels_last", precision="bfloat16")
    record = make_row(
        "none",
        make_timing("inference", STEADY),
        conditions=conditions,
        effort=Effort(isolate=True),
        device="Example GPU",
        precision="bfloat16",
    )
    (table,) = efficiency_tables([record])
    first, second, third = efficiency_conditions(table)
    assert first.startswith("Batch 8, compiled, channels_last (NHWC); ")
    assert second.startswith("GPU Example GPU beside Example CPU 3000, 1 thread, bfloat16, ")
    assert third.startswith("Rows were timed in turn, each in a process of its own: inference 8 rounds")


def test_a_table_that_is_only_counted_has_no_batch() -> None:
    (table,) = efficiency_tables([make_row("none", counts=make_counts(), effort=Effort(phases=()))])
    assert efficiency_conditions(table)[0] == "eager, NCHW; 2030-01-01 00:00 UTC."
    assert len(efficiency_conditions(table)) == 2
    assert efficiency_remarks(table) == ["Not timed: inference, training and latency."]


def test_errors_stand_first_one_line_each() -> None:
    broken = make_row("bad", errors={"build": "PlacementError: no\n  place", "training": "X: " + "y" * 400})
    first, second, *rest = remarks([*pair(), broken])
    assert first == "bad failed in build: PlacementError: no place"
    assert second == f"bad failed in training: X: {'y' * 297} … (the record has all of it)"
    assert rest == []


def test_problems_of_records_are_named() -> None:
    records = pair()
    records[1] = in_phase("training", records[1:], ms=tuple(SLOWER[:-1]))[0]
    assert remarks(records) == [
        f"Left out: record {records[1].digest} (sge) must share the baseline's rounds of training; "
        "got 7 at batch 8 beside 8 at batch 8."
    ]


def test_a_missing_baseline_is_named() -> None:
    assert remarks(pair()[1:]) == ["The baseline none has no record here, so no differences are given."]
    uncounted = [replace(pair()[0], counts=None), pair()[1]]
    assert remarks(uncounted) == ["The baseline none was not counted, so no differences of counts are given."]
    untimed = [replace(pair()[0], timings=pair()[0].timings[:1]), pair()[1]]
    assert remarks(untimed) == [
        "The baseline none has no times of training and latency, so no ratios of that are given."
    ]


def test_a_lowered_batch_is_named() -> None:
    assert remarks(in_phase("training", pair(), batch_size=2)) == [
        "Memory ended at batch 8 in training, so all rows were timed at batch 2."
    ]


def test_what_was_not_measured_is_named() -> None:
    assert remarks(pair(effort=Effort(phases=("inference",))))[0] == "Not timed: training and latency."
    failed = [replace(record, timings=record.timings[1:]) for record in pair()]
    assert remarks(failed) == ["No row has times of inference."]
    unsaved = [pair()[0], replace(pair()[1], counts=make_counts(saved_bytes=None))]
    assert remarks(unsaved) == ["Bytes saved for backward could not be counted where the pass fails: sge."]


def test_uncounted_operators_are_named_by_the_rows_that_have_them() -> None:
    own = {"aten::mul": 3, "aten::add": 16}
    records = pair()
    records[0] = replace(records[0], counts=make_counts(uncounted={"fvcore": {"aten::add": 16}}))
    records[1] = replace(records[1], counts=make_counts(uncounted={"fvcore": own, "full": {"my::op": 1}}))
    assert remarks(records) == [
        "* full has no rule for, and leaves out: my::op in sge.",
        "* fvcore has no rule for, and leaves out: add in every row; mul in sge.",
    ]


def test_rows_that_cannot_be_told_apart_are_named_phase_by_phase() -> None:
    records = pair()
    records.append(make_row("se", *timings(UNCLEAR), counts=make_counts()))
    records.append(make_row("eca", *timings(STEADY), counts=make_counts()))
    records = [*records[:3], *in_phase("training", records[3:], ms=tuple(SLOWER))]
    assert remarks(records) == [
        "In inference this measurement cannot tell apart from the baseline none: eca and se.",
        "In training this measurement cannot tell apart from the baseline none: se.",
        "In latency this measurement cannot tell apart from the baseline none: eca and se.",
    ]


def test_intervals_that_the_budget_left_wide_are_named() -> None:
    records = [*pair(), make_row("se", *timings([3 * ms for ms in UNCLEAR]), counts=make_counts())]
    (table,) = efficiency_tables(records)
    ratio = next(row for row in table.rows if row.variant == "se").cells["training"].ratio
    assert ratio is not None
    assert ratio.relative_half_width > 0.01
    assert remarks(records) == []
    assert remarks(in_phase("training", records, stopped_by="budget")) == [
        "The budget of 120 s ended training before these intervals were as narrow as asked for (±1 %): "
        f"se (±{100 * ratio.relative_half_width:.2g} %)."
    ]
    assert remarks(in_phase("training", records[:2], stopped_by="budget")) == []


def test_a_latency_that_the_budget_ended_says_how_far_it_came() -> None:
    assert remarks(in_phase("latency", pair(), stopped_by="budget")) == [
        "The budget of 120 s ended latency after 8 of 200 samples."
    ]


def test_too_few_rounds_give_no_interval_and_no_statement() -> None:
    records = [
        *in_phase("training", pair()[:1], ms=tuple(STEADY[:5]), stopped_by="budget"),
        *in_phase("training", pair()[1:], ms=tuple(STEADY[:5]), stopped_by="budget"),
    ]
    assert remarks(records) == ["5 rounds of training cannot give an interval; six can."]


def test_an_unsteady_warm_up_is_named() -> None:
    unsteady = in_phase("latency", in_phase("inference", pair(), is_steady=False), is_steady=False)
    assert remarks(unsteady) == ["The warm-up of inference and latency ended before times were steady."]


def test_compiling_says_how_long_its_first_step_took() -> None:
    records = pair(conditions=replace(CONDITIONS, mode="compiled"), first_call_s=30.0)
    records[1] = in_phase("training", records[1:], first_call_s=300.0)[0]
    assert remarks(records)[1] == "The first step of training, which compiles, took at most 5 min (sge)."
    assert len(remarks(records)) == 3


def test_other_programs_and_machines_are_named() -> None:
    quiet = replace(LOAD, other_processors=0.34, stolen_processors=0.05)
    busy = replace(LOAD, other_processors=0.36, stolen_processors=0.05)
    stolen = replace(LOAD, other_processors=0.0, stolen_processors=0.5)
    assert remarks(pair(load=quiet)) == []
    assert remarks(in_phase("training", pair(), load=busy)) == [
        "Of 8 processors, other programs kept busy: 0.4 during training. Ratios suffer less than milliseconds; "
        "with fewer --threads than processors both suffer less."
    ]
    assert remarks(in_phase("training", pair(), load=stolen)) == [
        "The hypervisor gave processors to other machines meanwhile: 0.50 during training."
    ]
    silent = replace(LOAD, other_processors=None, stolen_processors=None)
    assert remarks(in_phase("inference", pair(), load=silent)) == [
        "What else ran on the machine during inference is not known: this system does not tell."
    ]


def test_a_gpu_that_was_held_down_is_named() -> None:
    fast = replace(LOAD, gpu_clock_mhz=1_900, gpu_max_clock_mhz=1_980)
    slow = replace(fast, gpu_clock_mhz=1_200, gpu_throttles=("power limit", "power brake"))
    assert remarks(pair(load=fast)) == []
    assert remarks(in_phase("latency", pair(), load=slow)) == [
        "The GPU was throttled at the end of latency: power limit and power brake.",
        "The GPU ran at 1,200 MHz at the end of latency, of 1,980 that it could.",
    ]


def test_replaced_modules_are_named() -> None:
    records = [pair()[0], replace(pair()[1], counts=make_counts(num_replaced=16))]
    assert remarks(records) == [
        "The backbone's own attention modules are part of none, and replaced in the other variants."
    ]


def test_what_the_numbers_mean() -> None:
    text = meaning(pair())
    assert "a multiply-accumulate counts once, not twice" in text
    assert "× is a ratio of times, above 1 where the row is slower" in text
    assert "not corrected for the number of comparisons, which is 1." in text
    assert "Latency is of one image" in text
    assert "They do not tell those of another batch size" in text
    assert "of a forward pass of 8 images takes at the 20.00 GB/s at which this device copies" in text
    assert "Peak memory is what torch's allocator handed out" in text
    assert "autocast" not in text
    assert "tf32" not in text
    assert "Compiled models" not in text


def test_what_is_not_there_is_not_explained() -> None:
    counted = meaning([make_row("none", counts=make_counts())])
    assert "multiply-accumulate" in counted
    for word in ("×", "Latency", "Times", "floor", "Peak"):
        assert word not in counted
    timed = meaning([make_row("none", make_timing("training", STEADY))])
    assert "Times and their ratios" in timed
    for word in ("multiply-accumulate", "× is", "Latency", "floor"):
        assert word not in timed


@pytest.mark.parametrize(
    ("precision", "words"),
    [
        ("bfloat16", "bfloat16 is autocast over float32 weights"),
        ("float16", "float16 is autocast over float32 weights"),
        ("tf32", "tf32 rounds the operands of matrix products and convolutions"),
    ],
)
def test_precision_is_explained(precision: str, words: str) -> None:
    conditions = replace(CONDITIONS, device="cuda", precision=precision)  # type: ignore[arg-type]
    assert words in meaning(pair(conditions=conditions))


def test_compiled_models_move_less_than_is_counted() -> None:
    assert "Compiled models run fewer operators" in meaning(pair(conditions=replace(CONDITIONS, mode="compiled")))


def test_memory_is_explained_by_its_scope() -> None:
    together = meaning(pair(memory_scope="process during the step"))
    assert "the resident memory of the whole process during a step" in together
    assert "All rows share it" in together
    apart = meaning(pair(memory_scope="process since its start", effort=Effort(isolate=True)))
    assert "it never falls" in apart
    assert "All rows share it" not in apart
    assert "Peak memory is that of: another." in meaning(pair(memory_scope="another"))
    assert "Peak memory" not in meaning(pair(peak_memory_bytes=None))


def test_the_order_is_named() -> None:
    assert meaning(pair()).endswith("Ranked by FLOPs in full, the cheapest first; rows that failed stand last.")
    assert "Ranked by parameters, " in meaning(pair(), "params")
    assert "Ranked by the ratio of a training step's time to the baseline's, " in meaning(pair(), "training")
