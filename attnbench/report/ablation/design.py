"""What an ablation compares, in its own order: the settings it changes, and the variants that this gives."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from attnbench.variant import Setting, format_setting

Kind: TypeAlias = Literal["groups", "init", "normalization", "placement", "stages"]
"""What is changed: the number of groups, the gate's initial values, the normalisation, the position, the stages."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """One variant of an ablation."""

    variant: str
    """Variant as in the spec; a setting at its default is left out of it."""
    values: tuple[Setting, ...]
    """Of the settings that the ablation changes, in their order, those at their defaults too."""


@dataclass(frozen=True, kw_only=True)
class Design:
    """The variants of an ablation, all of one module, which differ in a few settings only."""

    kind: Kind
    """What is changed."""
    settings: tuple[str, ...]
    """The settings that are changed."""
    points: tuple[Point, ...]
    """The variants, in the order of table and figure."""
    reference: str
    """The variant whose settings are changed, one of the points; the others are compared with it."""
    default: str | None
    """The variant with the module's published settings, as far as the backbone allows; none if no point is it."""
    published: tuple[Setting, ...]
    """The module's published values of the settings, whether the backbone allows them or not."""
    left_out: tuple[str, ...] = ()
    """A sentence for each variant that cannot be built."""

    def point_of(self, variant: str) -> Point:
        """The point of a variant."""
        return next(point for point in self.points if point.variant == variant)


def label(design: Design, point: Point) -> str:
    """A point as its row is called: the settings that the ablation changes.

    >>> design = Design(kind="stages", settings=("at", "stages"), points=(), reference="", default=None, published=())
    >>> label(design, Point(variant="sge", values=("post-bn3", (1, 2, 3))))
    'stages 1–3'
    >>> label(design, Point(variant="sge:at=stage,stages=3", values=("stage", (3,))))
    'after stage 3'
    """
    if design.kind == "stages":
        at, stages = point.values
        return f"after {_stages(stages)}" if at == "stage" else _stages(stages)
    return ",".join(
        f"{name}={format_setting(value)}" for name, value in zip(design.settings, point.values, strict=True)
    )


def _stages(stages: Setting) -> str:
    assert isinstance(stages, tuple), "stages are numbers"
    first, last = stages[0], stages[-1]
    if len(stages) == 1:
        return f"stage {first}"
    if stages == tuple(range(first, last + 1)):
        return f"stages {first}–{last}"
    return f"stages {format_setting(stages)}"
