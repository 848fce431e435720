"""Synthetic records of efficiency rows: every field filled, the numbers chosen by the test."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from attnbench.efficiency_record import (
    EFFICIENCY_SCHEMA,
    Convention,
    Counts,
    EfficiencyRecord,
    FlopCount,
    MachineLoad,
    MovedBytes,
    PhaseTiming,
)
from attnbench.efficiency_spec import Conditions, Effort, Phase, RowSpec, spec_digest
from attnbench.spec import PluginFile
from tests.records import ENVIRONMENT

CONDITIONS = Conditions(batch_size=8, device="cpu", threads=1)

LOAD = MachineLoad(
    wall_s=30.0,
    own_processors=1.0,
    other_processors=0.0,
    stolen_processors=0.0,
    num_processors=8,
    gpu_clock_mhz=None,
    gpu_max_clock_mhz=None,
    gpu_throttles=(),
)


def make_counts(
    full: int = 4_100_000_000,
    fvcore: int = 4_000_000_000,
    published: int = 4_050_000_000,
    *,
    parameters: int = 25_557_032,
    buffers: int = 53_120,
    num_replaced: int = 0,
    traffic: Mapping[str, int] | None = None,
    saved_bytes: int | None = 160_000_000,
    uncounted: Mapping[Convention, Mapping[str, int]] | None = None,
    by_module: Mapping[Convention, Mapping[str, int]] | None = None,
) -> Counts:
    """Counts whose traffic is given in activation bytes by operator, three quarters of them read."""
    totals: dict[Convention, int] = {"full": full, "fvcore": fvcore, "published": published}
    moved = {"aten::conv2d": 200_000_000, "aten::relu": 100_000_000} if traffic is None else traffic
    return Counts(
        parameters=parameters,
        buffers=buffers,
        num_attention_modules=16,
        num_replaced=num_replaced,
        flops={
            name: FlopCount(
                total=total,
                by_module=dict((by_module or {}).get(name, {"": total})),
                uncounted_operators=dict((uncounted or {}).get(name, {})),
            )
            for name, total in totals.items()
        },
        traffic={
            name: MovedBytes(read_bytes=size - size // 4, written_bytes=size // 4, parameter_bytes=7)
            for name, size in moved.items()
        },
        saved_bytes=saved_bytes,
        saved_batch_size=2,
    )


def make_timing(phase: Phase, ms: Sequence[float], **fields: Any) -> PhaseTiming:
    """A phase on a quiet machine, with batch 8, or 1 for latency; further keywords change its fields."""
    timing = PhaseTiming(
        phase=phase,
        batch_size=1 if phase == "latency" else 8,
        ms=tuple(ms),
        repeats=1,
        first_call_s=0.5,
        num_warmup_rounds=10,
        is_steady=True,
        stopped_by="samples" if phase == "latency" else "interval",
        peak_memory_bytes=500_000_000,
        memory_scope="allocated by the step",
        load=LOAD,
    )
    return replace(timing, **fields)


def make_row(
    attention: str = "sge",
    *timings: PhaseTiming,
    counts: Counts | None = None,
    errors: Mapping[str, str] | None = None,
    session: str = "s",
    started_at: str = "2030-01-01T00:00:00+00:00",
    baseline: str = "none",
    backbone: str = "resnet50",
    conditions: Conditions = CONDITIONS,
    effort: Effort | None = None,
    plugin: PluginFile | None = None,
    bandwidth_bytes_per_s: float | None = 20e9,
    **environment: Any,
) -> EfficiencyRecord:
    """A record of one row; further keywords change its environment."""
    spec = RowSpec(
        attention=attention,
        backbone=backbone,
        baseline=baseline,
        image_shape=(3, 224, 224),
        num_classes=1000,
        conditions=conditions,
        effort=effort or Effort(),
        plugin=plugin,
    )
    return EfficiencyRecord(
        schema=EFFICIENCY_SCHEMA,
        digest=spec_digest(spec, session),
        session=session,
        started_at=started_at,
        spec=spec,
        environment=replace(ENVIRONMENT, **environment),
        bandwidth_bytes_per_s=bandwidth_bytes_per_s,
        counts=counts,
        timings=timings,
        errors=dict(errors or {}),
    )
