"""The options of `attnbench efficiency`, and the spec that they describe."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter

from attnbench.compute_spec import Compilation
from attnbench.errors import SpecError
from attnbench.variant import split_variants

if TYPE_CHECKING:
    from attnbench.efficiency_spec import EfficiencySpec

_WHAT = Group("What is compared", sort_key=1)
_UNDER = Group("Under what it is timed", sort_key=2)
_HOW = Group("What is measured, and how long", sort_key=3)

DEFAULT_ATTENTION = "none,sge,se,sk,bam,cbam,ge"
_DEFAULT_BATCH_SIZE = {"cpu": 8, "cuda": 64}
_MODES: dict[Compilation, Literal["eager", "compiled-attention", "compiled"]] = {
    "none": "eager",
    "attention": "compiled-attention",
    "model": "compiled",
}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EfficiencyOptions:
    """What is measured, under what and how long."""

    attention: Annotated[str, Parameter(group=_WHAT)] = DEFAULT_ATTENTION
    """Variants to compare, with commas between them, such as none,sge,ge:extent=8,parametric=false."""
    backbone: Annotated[str, Parameter(group=_WHAT)] = "resnet50"
    """Network, with settings; see `attnbench list backbones`."""
    baseline: Annotated[str, Parameter(group=_WHAT)] = "none"
    """Variant that the others are compared with."""
    input_size: Annotated[str, Parameter(group=_WHAT)] = "224"
    """Height and width of an image in pixels: 224, or 192x256."""
    in_channels: Annotated[int, Parameter(group=_WHAT)] = 3
    """Channels of an image."""
    num_classes: Annotated[int, Parameter(group=_WHAT)] = 1000
    """Outputs of the classifier."""
    imports: Annotated[tuple[str, ...], Parameter(name="--import", group=_WHAT, negative=(), show_default=False)] = ()
    """Python file or module to import first, which registers attention modules of your own; may be repeated."""
    batch_size: Annotated[int | None, Parameter(group=_UNDER)] = None
    """Images of a step, for all rows alike; by default 64 on a GPU and 8 on a CPU."""
    compile: Annotated[Compilation, Parameter(group=_UNDER)] = "none"
    """Compile each attention module by itself, or the whole model; its seconds or minutes are beside the budget."""
    layout: Annotated[Literal["nchw", "channels_last"], Parameter(group=_UNDER)] = "nchw"
    """Memory layout of the feature maps."""
    precision: Annotated[Literal["float32", "tf32", "bfloat16", "float16"], Parameter(group=_UNDER)] = "float32"
    """Arithmetic: the half precisions by autocast over float32 weights; tf32 needs a GPU."""
    device: Annotated[Literal["auto", "cpu", "cuda"], Parameter(group=_UNDER)] = "auto"
    """Device; auto takes the GPU where there is one."""
    threads: Annotated[int | None, Parameter(group=_UNDER)] = None
    """CPU threads; by default one a core."""
    phases: Annotated[str, Parameter(group=_HOW)] = "inference,training,latency"
    """What is timed, with commas: inference and training steps of a batch, latency of one image; none only counts."""
    half_width: Annotated[float, Parameter(group=_HOW)] = 0.01
    """Rounds are added until every ratio to the baseline is known to ± this part of it, with 95 % confidence …"""
    budget: Annotated[float, Parameter(group=_HOW)] = 120.0
    """… or so many seconds are spent on a phase; a half-width of 0 spends them all."""
    latency_samples: Annotated[int, Parameter(group=_HOW)] = 200
    """Forward passes of one image that each row takes, if the budget lets it; the 99th percentile needs hundreds."""
    isolate: Annotated[bool, Parameter(group=_HOW, negative=())] = False
    """Give each row a process of its own. Rows are still timed in turn; a crash or a leak stays in its row."""


def efficiency_spec(options: EfficiencyOptions) -> "EfficiencySpec":
    """The spec that a command line describes.

    Raises:
        SpecError: If an option does not fit.
    """
    from attnbench.efficiency_spec import PHASES, Conditions, EfficiencySpec, Effort
    from attnbench.hardware import num_cores, resolve_device
    from attnbench.spec import Compute

    device: Literal["cpu", "cuda"] = "cuda" if resolve_device(Compute(device=options.device)).type == "cuda" else "cpu"
    names = [name.strip() for name in options.phases.split(",")]
    if unknown := [name for name in names if name not in PHASES and names != ["none"]]:
        raise SpecError(f"phases must be none, or some of {', '.join(PHASES)}; got {', '.join(map(repr, unknown))}")
    return EfficiencySpec(
        attention=tuple(split_variants(options.attention)),
        backbone=options.backbone,
        baseline=options.baseline,
        image_shape=(options.in_channels, *_size(options.input_size)),
        num_classes=options.num_classes,
        conditions=Conditions(
            batch_size=_DEFAULT_BATCH_SIZE[device] if options.batch_size is None else options.batch_size,
            mode=_MODES[options.compile],
            layout=options.layout,
            precision=options.precision,
            device=device,
            threads=num_cores() if options.threads is None else options.threads,
        ),
        effort=Effort(
            phases=() if names == ["none"] else tuple(names),  # type: ignore[arg-type]
            half_width=options.half_width,
            budget_s=options.budget,
            latency_samples=options.latency_samples,
            isolate=options.isolate,
        ),
        imports=options.imports,
    )


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)(?:[x×](\d+))?", text.strip())
    if not found:
        raise SpecError(f"input-size must be one number, or height x width; got {text!r}, such as 224 or 192x256")
    height, width = int(found[1]), int(found[2] or found[1])
    if min(height, width) < 1:
        raise SpecError(f"input-size must be positive; got {text!r}")
    return height, width
