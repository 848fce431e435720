"""timm's ConvNeXts, V1 and V2.

The end of a branch is after its layer scale. The spatial convolution is the
depthwise one, with its norm; no activation follows it.
"""

from functools import partial
from typing import Any

import timm
from timm.models.convnext import ConvNeXtBlock
from torch import nn

from attnbench.models.anatomy import Block, Family, Spot, Stage, unknown_block
from attnbench.models.families.timm_backbone import timm_backbone


def _stages(model: nn.Module) -> list[Stage]:
    stages = []
    for name, module in model.get_submodule("stages").named_children():
        blocks = tuple(
            _block(f"stages.{name}.blocks.{index}", block)
            for index, block in module.get_submodule("blocks").named_children()
        )
        spot = Spot(layer="", side="after", channels=blocks[-1].spots["post-add"].channels)
        stages.append(Stage(name=f"stages.{name}", module=module, blocks=blocks, spot=spot))
    return stages


def _block(name: str, block: Any) -> Block:
    if type(block) is not ConvNeXtBlock:
        raise unknown_block(name, block, [ConvNeXtBlock])
    within = partial(Spot, channels=block.conv_dw.out_channels)
    return Block(
        name=name,
        module=block,
        spots={
            # Layer scale is no layer of its own, so what follows it is the layer to stand at.
            "post-bn3": within(layer="drop_path", side="before"),
            "pre-add": within(layer="drop_path", side="after"),
            "post-add": within(layer="", side="after"),
            "post-conv2": within(layer="norm", side="after", channels_last=not block.use_conv_mlp),
            "pre-branch": Spot(layer="conv_dw", side="before", channels=block.conv_dw.in_channels),
            "shortcut": within(layer="shortcut", side="after"),
        },
    )


CONVNEXT = Family(
    name="convnext",
    names=lambda: list(timm.list_models(module="convnext")),
    create=timm_backbone,
    stages=_stages,
    refused={"conv": "its spatial convolutions are depthwise"},
)
