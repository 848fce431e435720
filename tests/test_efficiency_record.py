import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from attnbench.efficiency_record import EFFICIENCY_SCHEMA, EfficiencyRecord, EfficiencyStore
from attnbench.efficiency_spec import Conditions, EfficiencySpec, Effort, RowSpec, spec_digest
from attnbench.errors import RecordError, SpecError, StoreError
from attnbench.record import Store
from tests.efficiency_records import make_counts, make_row, make_timing
from tests.records import ENVIRONMENT, make_record

CONDITIONS = Conditions(batch_size=8, device="cpu", threads=2)


def row(attention: str = "sge", **fields: object) -> RowSpec:
    return RowSpec(
        attention=attention,
        backbone="resnet50",
        baseline="none",
        image_shape=(3, 224, 224),
        num_classes=1000,
        conditions=CONDITIONS,
        effort=Effort(**fields),  # type: ignore[arg-type]
    )


def make(spec: RowSpec, session: str = "a") -> EfficiencyRecord:
    return EfficiencyRecord(
        schema=EFFICIENCY_SCHEMA,
        digest=spec_digest(spec, session),
        session=session,
        started_at="2030-01-01T00:00:00+00:00",
        spec=spec,
        environment=ENVIRONMENT,
        bandwidth_bytes_per_s=None,
        counts=None,
    )


def test_records_of_both_kinds_stand_in_one_folder(tmp_path: Path) -> None:
    run, cost = make_record(), make(row())
    Store(tmp_path).add(run)
    EfficiencyStore(tmp_path).add(cost)
    assert Store(tmp_path).read() == ([run], [])
    assert EfficiencyStore(tmp_path).read() == ([cost], [])


def test_one_row_of_two_sessions_gives_two_records(tmp_path: Path) -> None:
    store = EfficiencyStore(tmp_path)
    store.add(make(row(), "a"))
    store.add(make(row(), "b"))
    assert len(store.digests()) == 2


def test_a_record_of_another_spec_is_damaged(tmp_path: Path) -> None:
    store, record = EfficiencyStore(tmp_path), make(row())
    file = store.add(record)
    file.write_bytes(file.read_bytes().replace(b'"sge"', b'"se"'))
    records, problems = store.read()
    assert records == []
    assert "is damaged: its spec and session have the digest" in problems[0]
    with pytest.raises(RecordError, match="has schema 2; this attnbench reads up to 1"):
        EfficiencyRecord.from_json(replace(record, schema=2).to_json(), source="x")


def test_whole_numbers_have_the_digest_of_their_floats(tmp_path: Path) -> None:
    record = make(row(budget_s=60, half_width=1))
    assert record.digest == make(row(budget_s=60.0, half_width=1.0)).digest
    EfficiencyStore(tmp_path).add(record)
    assert EfficiencyStore(tmp_path).read() == ([record], [])


def test_a_missing_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"no store of records at .*nowhere; attnbench efficiency --store makes one"):
        EfficiencyStore(tmp_path / "nowhere").read()


def test_the_baseline_is_added_in_front() -> None:
    assert EfficiencySpec(attention=("sge", "se"), conditions=CONDITIONS).attention == ("none", "sge", "se")
    spec = EfficiencySpec(attention=("sge", "se:reduction=8"), baseline="se:reduction=8", conditions=CONDITIONS)
    assert spec.attention == ("sge", "se:reduction=8")


@pytest.mark.parametrize(
    ("make_wrong", "message"),
    [
        (lambda: EfficiencySpec(attention=("se", "se"), conditions=CONDITIONS), "each variant may be named once"),
        (
            lambda: EfficiencySpec(attention=("se",), image_shape=(3, 0, 9), conditions=CONDITIONS),
            r"image_shape must be positive; got image_shape=\(3, 0, 9\)",
        ),
        (
            lambda: EfficiencySpec(attention=("se",), num_classes=0, conditions=CONDITIONS),
            "num_classes must be at least 1; got num_classes=0",
        ),
        (lambda: replace(CONDITIONS, batch_size=0), "batch_size must be at least 1; got batch_size=0"),
        (lambda: replace(CONDITIONS, threads=0), "threads must be at least 1; got threads=0"),
        (lambda: replace(CONDITIONS, precision="tf32"), "precision tf32 needs a GPU; got device='cpu'"),
        (lambda: row(phases=("inference", "inference")), "phases must be different ones of inference, training"),
        (lambda: row(phases=("speed",)), "phases must be different ones of inference, training, latency; got speed"),
        (lambda: row(half_width=-0.1), "half_width must not be negative; got half_width=-0.1"),
        (lambda: row(half_width=float("nan")), "half_width must be finite; got half_width=nan"),
        (lambda: row(half_width=float("inf")), "half_width must be finite; got half_width=inf"),
        (lambda: row(budget_s=0), "budget_s must be positive; got budget_s=0.0"),
        (lambda: row(budget_s=float("inf")), "budget_s must be finite; got budget_s=inf"),
        (lambda: row(latency_samples=0), "latency_samples must be at least 1; got latency_samples=0"),
    ],
)
def test_wrong_fields_are_named(make_wrong: object, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        make_wrong()  # type: ignore[operator]


WHOLE = make_row("sge", make_timing("inference", [5.0, 6.0]), make_timing("latency", [5.0, 6.0]), counts=make_counts())


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("bandwidth_bytes_per_s",), 0.0, "bandwidth_bytes_per_s must lie in (0, 1e+18]; got 0"),
        (("environment", "threads"), 0, "threads must lie in [1, 2**63); got 0"),
        (("counts", "flops"), {}, "operations must be counted as full, fvcore, published; full, fvcore, published is"),
        (("counts", "flops", "full", "total"), 2**63, "total must lie in [0, 2**63); got 9223372036854775808"),
        (("counts", "flops", "full", "by_module", ""), -1, "by_module must lie in [0, 2**63); got -1"),
        (("counts", "flops", "full", "uncounted_operators"), {"a": 0}, "a must lie in [1, 2**63); got 0"),
        (("counts", "traffic", "aten::relu", "read_bytes"), -1, "read_bytes must lie in [0, 2**63); got -1"),
        (("counts", "saved_bytes"), -1, "saved_bytes must lie in"),
        (("timings", 1, "phase"), "inference", "each phase may be timed once; got inference, inference"),
        (("timings", 0, "ms"), [], "inference must be timed at least once; got no time"),
        (("timings", 0, "ms", 1), 0.0, "a pass must take 1e-06 … 1e+10 ms; got 0 … 5"),
        (("timings", 0, "ms", 1), 1e300, "a pass must take 1e-06 … 1e+10 ms; got 5 … 1e+300"),
        (("timings", 0, "batch_size"), 0, "batch_size must lie in [1, 2**63); got 0"),
        (("timings", 0, "first_call_s"), -1.0, "first_call_s must lie in [0, 1e+18]; got -1"),
        (("timings", 0, "peak_memory_bytes"), -1, "peak_memory_bytes must lie in [0, 2**63); got -1"),
        (("timings", 0, "load", "num_processors"), 0, "num_processors must lie in [1, 2**63); got 0"),
        (("timings", 0, "load", "wall_s"), 1e300, "wall_s must lie in [-1e+18, 1e+18]; got 1e+300"),
    ],
)
def test_what_cannot_have_been_measured_is_named(path: tuple[str | int, ...], value: Any, fault: str) -> None:
    content = part = json.loads(WHOLE.to_json())
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(RecordError, match="^x is damaged: " + re.escape(fault)):
        EfficiencyRecord.from_json(json.dumps(content).encode(), source="x")
