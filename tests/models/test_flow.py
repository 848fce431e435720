"""Where a module stands in a block of each kind, by what goes in and out of the layers around it."""

import re
from functools import partial

import pytest
import torch
from timm.models.convnext import ConvNeXtBlock
from torch import nn

from attnbench.models.backbones import family_of
from tests.models.modules import SMALLEST, TARGETS, Recorded, built, register_all, without_own


@pytest.fixture(autouse=True)
def _registered() -> None:
    register_all()


class Flow:
    """What went through the layers of a block in one pass.

    `raw` goes into a layer and `out` comes out of it before any hook of ours;
    `in` goes into it and `end` comes out behind them.
    """

    def __init__(self, model: nn.Module, block: str) -> None:
        self.block = model.get_submodule(block)
        self.maps: dict[str, torch.Tensor] = {}
        for name, layer in self.block.named_modules():
            channels_last = isinstance(self.block, ConvNeXtBlock) and not self.block.use_conv_mlp
            keep = partial(self._keep, channels_last=channels_last and name in ("norm", "mlp"))
            layer.register_forward_pre_hook(
                lambda _, given, name=name, keep=keep: keep(f"raw:{name}", given[0]), prepend=True
            )
            layer.register_forward_pre_hook(lambda _, given, name=name, keep=keep: keep(f"in:{name}", given[0]))
            layer.register_forward_hook(
                lambda _, given, out, name=name, keep=keep: keep(f"out:{name}", out), prepend=True
            )
            layer.register_forward_hook(lambda _, given, out, name=name, keep=keep: keep(f"end:{name}", out))

    def _keep(self, key: str, x: torch.Tensor, *, channels_last: bool) -> None:
        # A copy, since layers work in place.
        self.maps[key] = (x.permute(0, 3, 1, 2) if channels_last else x).detach().clone()

    def value(self, formula: str) -> torch.Tensor:
        """The sum of maps, some with a minus; `scaled:` is the output of a layer after ConvNeXt's layer scale."""
        total: torch.Tensor | None = None
        for sign, key in re.findall(r"([+-]?) ?([a-z]+:[a-z0-9_.]*)", formula):
            if key.startswith("scaled:"):
                x = self.maps[key.replace("scaled", "out")] * self.block.gamma.detach()[:, None, None]
            else:
                x = self.maps[key]
            total = x if total is None else total - x if sign == "-" else total + x
        assert total is not None
        return total


# By block: at each position what the module gets, and where what it gives arrives.
BOTTLENECK = {
    "post-bn3": ("out:bn3", "in:drop_path"),
    "pre-add": ("out:drop_path", "in:act3 - out:downsample"),
    "post-add": ("out:act3", "end:"),
    "post-conv2": ("out:act2", "in:conv3"),
    "pre-branch": ("raw:", "in:conv1"),
    "shortcut": ("out:downsample.2", "in:act3 - out:drop_path"),
}
BASIC = {
    "post-bn3": ("out:bn2", "in:drop_path"),
    "pre-add": ("out:drop_path", "in:act2 - out:downsample"),
    "post-add": ("out:act2", "end:"),
    "post-conv2": ("out:act1", "in:conv2"),
    "pre-branch": ("raw:", "in:conv1"),
    "shortcut": ("out:downsample.2", "in:act2 - out:drop_path"),
}
BASIC_BARE = {
    "post-bn3": ("out:bn2", "in:act2 - raw:"),
    "pre-add": ("out:bn2", "in:act2 - raw:"),
    "post-add": ("out:act2", "end:"),
    "post-conv2": ("out:act1", "in:conv2"),
    "pre-branch": ("raw:", "in:conv1"),
    "shortcut": ("raw:", "in:act2 - out:bn2"),
}
REGNET = {
    "post-bn3": ("out:conv3.bn", "in:drop_path"),
    "pre-add": ("out:drop_path", "in:act3 - raw:"),
    "post-add": ("out:act3", "end:"),
    "post-conv2": ("out:conv2.bn", "in:conv3"),
    "pre-branch": ("raw:", "in:conv1"),
    "shortcut": ("raw:", "in:act3 - out:drop_path"),
}
INVERTED = {
    "post-bn3": ("out:bn3", "in:drop_path"),
    "pre-add": ("out:drop_path", "end: - raw:"),
    "post-add": ("out:drop_path + raw:", "end:"),
    "post-conv2": ("out:bn2", "in:conv_pwl"),
    "pre-branch": ("raw:", "in:conv_pw"),
}
SEPARABLE = {
    "post-bn3": ("out:bn2", "end:"),
    "post-conv2": ("out:bn1", "in:conv_pw"),
    "pre-branch": ("raw:", "in:conv_dw"),
}
EDGE = {
    "post-bn3": ("out:bn2", "end:"),
    "post-conv2": ("out:bn1", "in:conv_pwl"),
    "pre-branch": ("raw:", "in:conv_exp"),
}
CONVOLUTION = {
    "post-bn3": ("out:bn1", "end:"),
    "post-conv2": ("out:bn1", "end:"),
    "pre-branch": ("raw:", "in:conv"),
}
CONVNEXT = {
    "post-bn3": ("scaled:mlp", "in:drop_path"),
    "pre-add": ("out:drop_path", "end: - raw:"),
    "post-add": ("out:drop_path + raw:", "end:"),
    "post-conv2": ("out:norm", "in:mlp"),
    "pre-branch": ("raw:", "in:conv_dw"),
    "shortcut": ("raw:", "end: - out:drop_path"),
}
SHUFFLENET = {
    "post-bn3": ("out:branch2.7", "end:branch2"),
    "post-conv2": ("out:branch2.4", "in:branch2.5"),
    "pre-branch": ("raw:branch2", "in:branch2.0"),
}
FLOWS = [
    (SMALLEST["resnet"], "layer3.0", BOTTLENECK),
    (SMALLEST["resnet"], "layer4.0", BASIC),
    (SMALLEST["cifar-resnet"], "layer2.1", BASIC_BARE),
    (SMALLEST["regnet"], "s4.b7", REGNET),
    (SMALLEST["efficientnet"], "blocks.4.2", INVERTED),
    (SMALLEST["efficientnet"], "blocks.0.0", SEPARABLE),
    ("test_efficientnet", "blocks.1.0", EDGE),
    ("test_efficientnet", "blocks.0.0", CONVOLUTION),
    (SMALLEST["convnext"], "stages.3.blocks.1", CONVNEXT),
    ("convnext_zepto_rms:drop_path_rate=0.5", "stages.3.blocks.1", CONVNEXT),
    (SMALLEST["shufflenet"], "stage2.0", SHUFFLENET),
    (SMALLEST["shufflenet"], "stage2.1", SHUFFLENET),
]


@pytest.mark.parametrize(
    ("backbone", "block", "position", "got", "given"),
    [(backbone, block, at, *ends) for backbone, block, flows in FLOWS for at, ends in flows.items()],
)
def test_a_module_stands_where_its_position_says(
    backbone: str, block: str, position: str, got: str, given: str
) -> None:
    made = built(backbone, f"recorded:at={position}")
    (module,) = [place.module for place in made.places if place.name.startswith(f"{block}.")]
    assert isinstance(module, Recorded)
    flow = Flow(made.model, block)
    # In training, for stochastic depth tells apart what stands before it and behind.
    made.model.double()(torch.randn(4, 3, 64, 64, dtype=torch.float64))
    torch.testing.assert_close(module.got, flow.value(got))
    torch.testing.assert_close(module.gave, flow.value(given))


def test_every_position_of_every_family_is_followed() -> None:
    followed = {(family_of(backbone.partition(":")[0]).name, at) for backbone, _, flows in FLOWS for at in flows}
    assert followed == {(family, target) for family, target in TARGETS if target != "stage"}


@pytest.mark.parametrize("family", SMALLEST)
def test_stage_modules_get_what_a_stage_gives_and_by_default_leave_out_the_last(family: str) -> None:
    backbone = SMALLEST[family]
    stages = family_of(backbone.partition(":")[0]).stages(without_own(backbone))
    default = built(backbone, "recorded:at=stage")
    assert [place.name for place in default.places] == [f"{stage.name}.attention" for stage in stages[:-1]]
    every = ",".join(str(number + 1) for number in range(len(stages)))
    made = built(backbone, f"recorded:at=stage,stages={every}")
    assert [place.name for place in made.places] == [f"{stage.name}.attention" for stage in stages]
    flows = [Flow(made.model, stage.name) for stage in stages]
    blocks = [Flow(made.model, stage.blocks[-1].name) for stage in stages]
    made.model(torch.randn(4, 3, 64, 64))
    for place, flow, block in zip(made.places, flows, blocks, strict=True):
        assert isinstance(place.module, Recorded)
        torch.testing.assert_close(place.module.got, block.value("end:"))
        torch.testing.assert_close(place.module.gave, flow.value("end:"))
