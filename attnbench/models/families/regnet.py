"""timm's RegNets: X, and Y with its squeeze-and-excitation after the 3×3 convolution.

Left out are V, whose pre-activation blocks end with a convolution and no norm,
and Z, whose blocks that change the size have no shortcut.
"""

from functools import partial
from typing import Any

import timm
from timm.models.regnet import Bottleneck
from torch import nn

from attnbench.models.anatomy import Block, Convolution, Family, Spot, Stage, unknown_block
from attnbench.models.families.timm_backbone import timm_residual_backbone


def _stages(model: nn.Module) -> list[Stage]:
    stages = []
    for name in ("s1", "s2", "s3", "s4"):
        module = model.get_submodule(name)
        blocks = tuple(_block(f"{name}.{index}", block) for index, block in module.named_children())
        # A stage of timm's RegNet runs its children in turn.
        spot = Spot(layer="", side="end", channels=blocks[-1].spots["post-bn3"].channels)
        stages.append(Stage(name=name, module=module, blocks=blocks, spot=spot))
    return stages


def _block(name: str, block: Any) -> Block:
    if type(block) is not Bottleneck:
        raise unknown_block(name, block, [Bottleneck])
    at_end = partial(Spot, channels=block.conv3.out_channels)
    return Block(
        name=name,
        module=block,
        spots={
            "post-bn3": at_end(layer="conv3", side="after"),
            "pre-add": at_end(layer="drop_path", side="after"),
            "post-add": at_end(layer="act3", side="after"),
            "post-conv2": Spot(layer="se", side="instead", channels=block.conv2.out_channels),
            "pre-branch": Spot(layer="conv1", side="before", channels=block.conv1.in_channels),
            "shortcut": at_end(layer="downsample", side="after"),
        },
        convolution=Convolution(layer="conv2", conv=block.conv2.conv),
        own_attention=None if isinstance(block.se, nn.Identity) else "se",
    )


REGNET = Family(
    name="regnet",
    names=lambda: [name for name in timm.list_models(module="regnet") if name.startswith(("regnetx", "regnety"))],
    create=timm_residual_backbone,
    stages=_stages,
)
