"""Ablations of SGE with records whose accuracies are chosen."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from attnbench.record import Record
from attnbench.report.ablation.ablation import Ablation, ablation
from attnbench.report.ablation.design import Design, Point
from tests.records import make_record

GROUPS = Design(
    kind="groups",
    settings=("groups",),
    points=tuple(Point(variant=f"sge:groups={number}", values=(number,)) for number in (1, 2, 4, 8, 16)),
    reference="sge:groups=4",
    default="sge:groups=16",
    published=(64,),
)
INIT = Design(
    kind="init",
    settings=("gate_scale_init", "gate_shift_init"),
    points=(
        Point(variant="sge:gate_shift_init=0.0,groups=4", values=(0.0, 0.0)),
        Point(variant="sge:groups=4", values=(0.0, 1.0)),
        Point(variant="sge:gate_scale_init=1.0,gate_shift_init=0.0,groups=4", values=(1.0, 0.0)),
        Point(variant="sge:gate_scale_init=1.0,groups=4", values=(1.0, 1.0)),
    ),
    reference="sge:groups=4",
    default="sge:groups=4",
    published=(0.0, 1.0),
)
NORMALIZATION = Design(
    kind="normalization",
    settings=("normalize",),
    points=(
        Point(variant="sge:groups=4", values=(True,)),
        Point(variant="sge:groups=4,normalize=false", values=(False,)),
    ),
    reference="sge:groups=4",
    default="sge:groups=4",
    published=(True,),
)
STAGES = Design(
    kind="stages",
    settings=("at", "stages"),
    points=(
        Point(variant="sge:groups=4,stages=1", values=("post-bn3", (1,))),
        Point(variant="sge:groups=4,stages=2", values=("post-bn3", (2,))),
        Point(variant="sge:groups=4,stages=1,2", values=("post-bn3", (1, 2))),
        Point(variant="sge:groups=4", values=("post-bn3", (1, 2, 3))),
    ),
    reference="sge:groups=4",
    default="sge:groups=4",
    published=("post-bn3", (1, 2, 3)),
)
DESIGNS = (GROUPS, INIT, NORMALIZATION, STAGES)


def records_of(
    design: Design,
    means: Mapping[str, float] | None = None,
    *,
    num_seeds: int = 10,
    macs: Mapping[str, int] | None = None,
) -> list[Record]:
    """Records of a design and the baseline `none`: about 85 % but where a variant's mean is given."""
    variants = ["none", *(point.variant for point in design.points)]
    return [
        make_record(
            variant,
            seed,
            (means or {}).get(variant, 85.0) + 0.1 * int(np.random.default_rng([place, seed]).integers(3)),
            macs=(macs or {}).get(variant, 41_000_000),
            forward_ms=(10.0 + place, 11.0 + place, 12.0 + place),
        )
        for place, variant in enumerate(variants)
        for seed in range(num_seeds)
    ]


def ablation_of(design: Design, means: Mapping[str, float] | None = None, *, num_seeds: int = 10) -> Ablation:
    """What such records say."""
    return _ablation_of(design, tuple((means or {}).items()), num_seeds)


@cache
def _ablation_of(design: Design, means: tuple[tuple[str, float], ...], num_seeds: int) -> Ablation:
    return ablation(records_of(design, dict(means), num_seeds=num_seeds), design)
