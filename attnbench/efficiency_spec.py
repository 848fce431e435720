"""What is measured of cost: frozen dataclasses that fix everything a row of an efficiency table depends on.

An `EfficiencySpec` is a table: several variants in one backbone under one set of conditions. It expands to
`RowSpec`s, one a variant.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

import msgspec

from attnbench.errors import SpecError
from attnbench.identity import fields_of
from attnbench.spec import PluginFile
from attnbench.spec_rules import canonical, check_fields

Phase: TypeAlias = Literal["inference", "training", "latency"]
"""What is timed: forward passes of a batch, training steps of a batch, forward passes of a single image."""

PHASES: tuple[Phase, ...] = get_args(Phase)
"""Every phase, in the order in which they are measured."""


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Under what the rows of a table are timed, all of them alike."""

    batch_size: int
    """Images of a step, as asked for; where memory ends, fewer are taken for all rows together."""
    mode: Literal["eager", "compiled-attention", "compiled"] = "eager"
    """Operator by operator, or by torch.compile with its default backend and static shapes: each attention module by
    itself, or the whole model."""
    layout: Literal["nchw", "channels_last"] = "nchw"
    """Memory layout of the feature maps."""
    precision: Literal["float32", "tf32", "bfloat16", "float16"] = "float32"
    """Arithmetic: float32 without TF32, float32 with TF32, or autocast to a half precision over float32 weights."""
    device: Literal["cpu", "cuda"]
    """Where the steps compute."""
    threads: int
    """CPU threads of torch."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("batch_size", "threads"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1; got {name}={getattr(self, name)}")
        if self.precision == "tf32" and self.device == "cpu":
            raise SpecError("precision tf32 needs a GPU; got device='cpu', allowed there: float32, bfloat16, float16")


@dataclass(frozen=True, kw_only=True)
class Effort:
    """What is measured, and how long."""

    phases: tuple[Phase, ...] = PHASES
    """What is timed; nothing leaves only what is counted."""
    half_width: float = 0.01
    """Rounds are added until every ratio's 95 % interval is narrower than ± this part of the ratio."""
    budget_s: float = 120.0
    """Seconds after which no further round of a phase begins."""
    latency_samples: int = 200
    """Forward passes of a single image that each row takes, if the budget lets it."""
    isolate: bool = False
    """Whether each row has a process of its own; the rows are still timed in turn."""

    def __post_init__(self) -> None:
        check_fields(self)
        unknown = [phase for phase in self.phases if phase not in PHASES]
        if unknown or len(set(self.phases)) != len(self.phases):
            raise SpecError(f"phases must be different ones of {', '.join(PHASES)}; got {', '.join(self.phases)}")
        if self.half_width < 0:
            raise SpecError(f"half_width must not be negative; got half_width={self.half_width!r}")
        if self.budget_s <= 0:
            raise SpecError(f"budget_s must be positive; got budget_s={self.budget_s!r}")
        if self.latency_samples < 1:
            raise SpecError(f"latency_samples must be at least 1; got latency_samples={self.latency_samples!r}")


@dataclass(frozen=True, kw_only=True)
class RowSpec:
    """One row: a variant in a backbone under conditions, measured beside a baseline."""

    attention: str
    """Variant of the attention module: ``none``, ``sge``, ``sge:groups=32``."""
    backbone: str
    """Backbone with its settings."""
    baseline: str
    """Variant that the row is compared with."""
    image_shape: tuple[int, int, int]
    """(C, H, W) of an image."""
    num_classes: int
    """Outputs of the classifier."""
    conditions: Conditions
    """Under what it is timed."""
    effort: Effort
    """What is measured, and how long."""
    plugin: PluginFile | None = None
    """The user's file that registers the attention module, if it is not one of attnbench's."""


@dataclass(frozen=True, kw_only=True)
class EfficiencySpec:
    """One table: variants in one backbone under one set of conditions."""

    attention: tuple[str, ...]
    """Variants to compare; the baseline is added in front where it is missing."""
    backbone: str = "resnet50"
    """Backbone with its settings."""
    baseline: str = "none"
    """Variant that the others are compared with."""
    image_shape: tuple[int, int, int] = (3, 224, 224)
    """(C, H, W) of an image."""
    num_classes: int = 1000
    """Outputs of the classifier."""
    conditions: Conditions
    """Under what the rows are timed."""
    effort: Effort = field(default_factory=Effort)
    """What is measured, and how long."""
    imports: tuple[str, ...] = ()
    """Users' files or modules to import first, which register further modules."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("backbone", "baseline"):
            object.__setattr__(self, name, canonical(getattr(self, name)))
        variants = [canonical(text) for text in self.attention]
        if len(set(variants)) != len(variants):
            raise SpecError(f"each variant may be named once; got attention={', '.join(variants)}")
        if self.baseline not in variants:
            variants.insert(0, self.baseline)
        object.__setattr__(self, "attention", tuple(variants))
        if min(self.image_shape) < 1:
            raise SpecError(f"image_shape must be positive; got image_shape={self.image_shape}")
        if self.num_classes < 1:
            raise SpecError(f"num_classes must be at least 1; got num_classes={self.num_classes}")


def spec_digest(*parts: object) -> str:
    """The identity of what dataclasses and texts say: 16 hexadecimal digits of the SHA-256 of their canonical JSON."""
    values = [part if isinstance(part, str) else fields_of(part) for part in parts]
    return hashlib.sha256(msgspec.json.encode(values, order="sorted")).hexdigest()[:16]
