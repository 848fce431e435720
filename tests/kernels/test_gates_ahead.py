"""Kernels of gates, compiled for a GPU: at ResNet-50's stages their values fit the registers."""

from typing import Any

import pytest
import torch
import triton

from attnbench.kernels import bam_passes_triton, excite_tile_triton, excite_triton, gates_passes_triton, gates_triton
from tests.kernels.ahead import Compiled, compile_ahead

STAGES = [(256, 56), (512, 28), (1024, 14), (2048, 7)]
LAYOUTS = {"nchw": torch.contiguous_format, "nhwc": torch.channels_last}
TYPES = {torch.float32: "*fp32", torch.bfloat16: "*bf16"}
SUMS = (
    "sum_pointer", "maximum_pointer", "ties_pointer", "terms_pointer", "position_terms_pointer",
    "channel_terms_pointer", "channel_sum_pointer", "position_sum_pointer",
)  # fmt: skip
"""What is in float32, whatever the map is."""


def compiled(kernel: Any, x: torch.Tensor, constants: dict[str, Any], *, num_warps: int = 4) -> Compiled:
    """The kernel for a map, with every pointer given that `constants` does not take away."""
    arguments = {}
    for name in kernel.arg_names:
        if name not in constants:
            is_map = name.endswith("_pointer") and name not in SUMS
            arguments[name] = TYPES[x.dtype] if is_map else "*fp32" if name in SUMS else "i32"
    return compile_ahead(kernel, arguments, constants, num_warps=num_warps)


def cases(x: torch.Tensor) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Kernels of four warps, and their constants, in their largest forms."""
    _, layout = gates_triton.of_map(x)
    tile = {**layout, **gates_triton.tiles_of(x)[1]}
    over_channels, over_positions = (
        {**layout, **gates_triton.plan_pooling(x, over_channels=over).constants} for over in (True, False)
    )
    no_terms = {"position_pointer": None, "terms_pointer": None}
    return {
        "pool channels": (gates_passes_triton.pool_pass, over_channels),
        "pool positions": (gates_passes_triton.pool_pass, {**over_positions, "channel_pointer": None}),
        "channel gradient": (gates_passes_triton.dot_pass, over_positions),
        "position gradient": (gates_passes_triton.dot_pass, {**over_channels, **no_terms}),
        "scale": (gates_passes_triton.scale_pass, tile),
        "map gradient": (gates_passes_triton.gradient_pass, {**tile, "CHANNEL_TERMS": 3}),
        "bam": (bam_passes_triton.forward_pass, {**tile, "PRODUCT": True}),
        "bam backward": (bam_passes_triton.backward_pass, {**tile, "PRODUCT": True, "TILES": 8}),
    }


def empty_map(channels: int, side: int, layout: str, dtype: torch.dtype) -> torch.Tensor:
    return torch.empty(2, channels, side, side, dtype=dtype).contiguous(memory_format=LAYOUTS[layout])


NAMES = list(cases(torch.empty(1, 8, 4, 4)))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_spills_where_rows_are_odd(name: str) -> None:
    x = empty_map(2048, 7, "nchw", torch.bfloat16)
    kernel, constants = cases(x)[name]
    assert compiled(kernel, x, constants).spilled_bytes == 0


# Of float32, which fills registers alike at every stage, the largest and the smallest maps.
MAPS = [
    (stage, layout, dtype)
    for stage in STAGES
    for layout in LAYOUTS
    for dtype in TYPES
    if dtype == torch.bfloat16 or stage in (STAGES[0], STAGES[-1])
]


@pytest.mark.slow
@pytest.mark.parametrize(("stage", "layout", "dtype"), MAPS)
@pytest.mark.parametrize("name", NAMES)
def test_nothing_spills(name: str, stage: tuple[int, int], layout: str, dtype: torch.dtype) -> None:
    x = empty_map(*stage, layout, dtype)
    kernel, constants = cases(x)[name]
    assert compiled(kernel, x, constants).spilled_bytes == 0


HELD = [
    pytest.param(stage, layout, marks=[] if (stage, layout) == ((512, 28), "nhwc") else pytest.mark.slow)
    for stage in STAGES
    for layout in LAYOUTS
    if (stage, layout) != ((256, 56), "nhwc")
]


@pytest.mark.skipif(triton.__version__.startswith("3.7."), reason="16 bytes of one kernel spill before Triton 3.8")
@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("kernel", ["forward_held", "backward_held"])
@pytest.mark.parametrize(("stage", "layout"), HELD)
def test_nothing_spills_of_channels_that_are_held(
    stage: tuple[int, int], layout: str, kernel: str, dtype: torch.dtype
) -> None:
    x = empty_map(*stage, layout, dtype)
    assert excite_triton.holds_channels(x)
    plan = excite_triton.plan_tile(x)
    constants = {**gates_triton.of_map(x)[1], **plan.constants}
    found = compiled(getattr(excite_tile_triton, kernel), x, constants, num_warps=plan.num_warps)
    assert found.spilled_bytes == 0


def test_channels_that_do_not_fit_are_not_held() -> None:
    assert not excite_triton.holds_channels(empty_map(256, 56, "nhwc", torch.bfloat16))
    assert not excite_triton.holds_channels(empty_map(256, 200, "nchw", torch.bfloat16))
