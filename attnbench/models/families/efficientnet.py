"""timm's networks of inverted residuals: MobileNetV1 to V3, EfficientNet, and their kin.

Their stages are the rows of the architecture's table; a last row that is a
1×1 convolution belongs to the head. Only a block that keeps its size has an
addition, and `pre-add` and `post-add` are in such blocks alone. Left out are
MobileNetV4, whose blocks have up to three spatial convolutions, and MixNet,
whose 1×1 convolutions are several side by side.
"""

from typing import Any

import timm
from timm.models._efficientnet_blocks import (
    CondConvResidual,
    ConvBnAct,
    DepthwiseSeparableConv,
    EdgeResidual,
    InvertedResidual,
)
from torch import nn

from attnbench.attention.registration import Target
from attnbench.models.anatomy import Block, Family, Spot, Stage, unknown_block
from attnbench.models.families.timm_backbone import timm_backbone

_LEFT_OUT = ("mobilenetv4", "mixnet", "tf_mixnet")

# By type of block: its first and last convolution, and the layer that ends its branch.
_LAYERS: dict[type[nn.Module], tuple[str, str, str]] = {
    InvertedResidual: ("conv_pw", "conv_pwl", "bn3"),
    CondConvResidual: ("conv_pw", "conv_pwl", "bn3"),
    DepthwiseSeparableConv: ("conv_dw", "conv_pw", "bn2"),
    EdgeResidual: ("conv_exp", "conv_pwl", "bn2"),
    ConvBnAct: ("conv", "conv", "aa"),
}


def _names() -> list[str]:
    names = [*timm.list_models(module="efficientnet"), *timm.list_models(module="mobilenetv3")]
    return [name for name in names if not name.startswith(_LEFT_OUT)]


def _stages(model: nn.Module) -> list[Stage]:
    stages = []
    for index, module in model.get_submodule("blocks").named_children():
        if all(isinstance(block, ConvBnAct) and block.conv.kernel_size == (1, 1) for block in module.children()):
            continue
        name = f"blocks.{index}"
        blocks = tuple(_block(f"{name}.{index}", block) for index, block in module.named_children())
        spot = Spot(layer="", side="end", channels=blocks[-1].spots["post-bn3"].channels)
        stages.append(Stage(name=name, module=module, blocks=blocks, spot=spot))
    return stages


def _block(name: str, block: Any) -> Block:
    if type(block) not in _LAYERS:
        raise unknown_block(name, block, _LAYERS)
    first, last, end = _LAYERS[type(block)]
    in_channels, out_channels = getattr(block, first).in_channels, getattr(block, last).out_channels
    if getattr(block, "conv_s2d", None) is not None:
        first, in_channels = "conv_s2d", block.conv_s2d.in_channels
    at_end = Spot(layer=end, side="after", channels=out_channels)
    spots: dict[Target, Spot] = {
        "post-bn3": at_end,
        "post-conv2": at_end,
        "pre-branch": Spot(layer=first, side="before", channels=in_channels),
    }
    # timm calls `se` after the spatial convolution; a block of that convolution alone has none.
    own = getattr(block, "se", None)
    if own is not None:
        spots["post-conv2"] = Spot(layer="se", side="instead", channels=getattr(block, last).in_channels)
    if block.has_skip:
        spots["pre-add"] = Spot(layer="drop_path", side="after", channels=out_channels)
        spots["post-add"] = Spot(layer="", side="after", channels=out_channels)
    has_own = own is not None and not isinstance(own, nn.Identity)
    return Block(name=name, module=block, spots=spots, own_attention="se" if has_own else None)


EFFICIENTNET = Family(
    name="efficientnet",
    names=_names,
    create=timm_backbone,
    stages=_stages,
    refused={
        "shortcut": "its shortcut is the block's input itself, with no layer to stand at",
        "conv": "its spatial convolutions are depthwise but for a few blocks",
    },
)
