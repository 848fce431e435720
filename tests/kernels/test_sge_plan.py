import pytest

from attnbench.kernels.sge_plan import Plan, plan_kernel

STAGES = [(256, 56), (512, 28), (1024, 14), (2048, 7)]
"""Channels and height of ResNet-50's stages at 224×224."""


def plan(channels: int, positions: int, **settings: int) -> Plan:
    given = {"groups": 64, "element_bytes": 2, "channels_last": False, "backward": False, "ends_block": False}
    return plan_kernel(channels=channels, positions=positions, **(given | settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(("channels", "height"), STAGES)
@pytest.mark.parametrize("element_bytes", [2, 4])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("ends_block", [False, True])
def test_every_stage_of_a_resnet_is_held(
    channels: int, height: int, element_bytes: int, backward: bool, ends_block: bool
) -> None:
    got = plan(channels, height**2, element_bytes=element_bytes, backward=backward, ends_block=ends_block)
    assert got.holds_tile
    assert got.feature_block == channels // 64
    assert height**2 <= got.position_block < 2 * height**2


@pytest.mark.parametrize("groups", [1, 3, 16, 64])
@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("positions", [1, 49, 3136, 67200])
def test_a_program_holds_what_its_threads_can(groups: int, channels_last: bool, backward: bool, positions: int) -> None:
    got = plan(192, positions, groups=groups, channels_last=channels_last, backward=backward)
    elements = got.group_block * got.feature_block * got.position_block
    assert elements <= got.num_warps * 32 * 64
    assert got.num_warps <= 16
    assert got.group_block < 2 * groups
    assert got.feature_block >= 192 // groups
    assert not got.holds_tile or got.position_block >= positions


@pytest.mark.parametrize(("channels", "height"), STAGES)
@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("element_bytes", [2, 4])
def test_channels_last_reads_half_a_sector_at_least(
    channels: int, height: int, backward: bool, element_bytes: int
) -> None:
    got = plan(channels, height**2, channels_last=True, backward=backward, element_bytes=element_bytes)
    assert got.group_block * got.feature_block * element_bytes >= 16
    # Of the first stage's gradient in half precision so little is held that passes cost less.
    assert got.holds_tile == ((height, backward, element_bytes) != (56, True, 2))


def test_small_tiles_share_a_program() -> None:
    assert plan(512, 49).group_block == 4
    assert plan(512, 49, groups=3).group_block <= 4
    assert plan(64, 1).group_block == 64
    assert plan(512, 49).num_warps == 1
