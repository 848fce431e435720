"""The kernels compiled for an H100: nothing spills."""

from math import gcd
from typing import Any

import pytest

from attnbench.kernels.sge_passes_triton import backward_passes, forward_passes
from attnbench.kernels.sge_plan import plan_kernel
from attnbench.kernels.sge_tile_triton import backward_tile, forward_tile
from tests.kernels.ahead import Compiled, compile_ahead

STAGES = [(256, 56 * 56), (512, 28 * 28), (1024, 14 * 14), (2048, 7 * 7)]
"""Channels and positions of ResNet-50's stages at 224×224."""
DETECTION_STAGES = [(256, 200 * 336), (2048, 25 * 42)]
"""The same of the first stage and the last of ResNet-50 at 800×1344."""
GROUPS = 64
BYTES = {"bf16": 2, "fp16": 2, "fp32": 4}


def compile_kernel(
    channels: int,
    positions: int,
    dtype: str,
    *,
    channels_last: bool,
    backward: bool,
    ends_block: bool,
) -> Compiled:
    """Compile as the launcher does."""
    plan = plan_kernel(
        channels=channels,
        groups=GROUPS,
        positions=positions,
        element_bytes=BYTES[dtype],
        channels_last=channels_last,
        backward=backward,
        ends_block=ends_block,
    )
    constants: dict[str, Any] = {
        "FEATURES": channels // GROUPS,
        "GROUP_BLOCK": plan.group_block,
        "FEATURE_BLOCK": plan.feature_block,
        "POSITION_BLOCK": plan.position_block,
        "CHANNELS_LAST": channels_last,
        "NORMALIZE": True,
        "OFFICIAL": True,
    }
    if plan.holds_tile:
        kernel = backward_tile if backward else forward_tile
        constants |= {"GROUPS": GROUPS, "POSITIONS": positions}
    else:
        kernel = backward_passes if backward else forward_passes
        constants |= {"UNIT": gcd(positions, 16)}
    arguments = {name: f"*{dtype}" for name in kernel.arg_names if name.endswith("_pointer")}
    arguments |= {name: "*fp32" for name in arguments if "gate" in name or name.startswith(("grad_sc", "grad_shift"))}
    arguments |= {"groups": "i32", "position_units": "i32"}
    if not ends_block:
        constants |= dict.fromkeys(["y_pointer", "grad_shortcut_pointer"] if backward else ["shortcut_pointer"])
    return compile_ahead(kernel, arguments, constants, num_warps=plan.num_warps)


@pytest.mark.parametrize("backward", [False, True])
def test_nothing_spills_in_the_first_stage(backward: bool) -> None:
    got = compile_kernel(*STAGES[0], "bf16", channels_last=False, backward=backward, ends_block=True)
    assert got.spilled_bytes == 0
    assert got.registers > 64


@pytest.mark.slow
@pytest.mark.parametrize(
    ("channels", "positions", "dtype"),
    [
        *((*stage, dtype) for stage in STAGES for dtype in ("bf16", "fp32")),
        *((*stage, "bf16") for stage in DETECTION_STAGES),
    ],
)
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("ends_block", [False, True])
def test_nothing_spills(
    channels: int, positions: int, dtype: str, channels_last: bool, backward: bool, ends_block: bool
) -> None:
    layout_and_kernel = {"channels_last": channels_last, "backward": backward, "ends_block": ends_block}
    got = compile_kernel(channels, positions, dtype, **layout_and_kernel)
    assert got.spilled_bytes == 0
