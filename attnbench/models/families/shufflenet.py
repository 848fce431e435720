"""torchvision's ShuffleNetV2.

A block has two branches whose outputs are concatenated and shuffled. The second
is the one with the convolutions in every block, and attention stands in it; the
end of the block's branch is the end of that one.
"""

from typing import Any

from torch import nn
from torchvision.models import get_model, list_models, shufflenetv2  # type: ignore[import-untyped]

from attnbench.models.anatomy import Block, Family, Spot, Stage, unknown_block

_NO_ADDITION = "its branches are concatenated, and nothing is added"


def shufflenet(name: str, *, in_channels: int, num_classes: int) -> nn.Module:
    """A ShuffleNetV2 of torchvision.

    Args:
        name: torchvision's name.
        in_channels: Channels of the image.
        num_classes: Outputs of the classifier.
    """
    model: nn.Module = get_model(name, weights=None, num_classes=num_classes)
    stem = model.get_submodule("conv1.0")
    assert isinstance(stem, nn.Conv2d)
    # torchvision's is for images of three channels only.
    stem = nn.Conv2d(in_channels, stem.out_channels, 3, stride=2, padding=1, bias=False)
    model.get_submodule("conv1").add_module("0", stem)
    return model


def _stages(model: nn.Module) -> list[Stage]:
    stages = []
    for name in ("stage2", "stage3", "stage4"):
        module = model.get_submodule(name)
        blocks = tuple(_block(f"{name}.{index}", block) for index, block in module.named_children())
        # A block puts out both of its branches, which are equally wide.
        spot = Spot(layer="", side="end", channels=2 * blocks[-1].spots["post-bn3"].channels)
        stages.append(Stage(name=name, module=module, blocks=blocks, spot=spot))
    return stages


def _block(name: str, block: Any) -> Block:
    if type(block) is not shufflenetv2.InvertedResidual:
        raise unknown_block(name, block, [shufflenetv2.InvertedResidual])
    # The second branch: convolution, norm, activation; depthwise convolution, norm; convolution, norm, activation.
    first, last = block.branch2[0], block.branch2[5]
    return Block(
        name=name,
        module=block,
        spots={
            "post-bn3": Spot(layer="branch2", side="end", channels=last.out_channels),
            "post-conv2": Spot(layer="branch2.4", side="after", channels=last.in_channels),
            "pre-branch": Spot(layer="branch2.0", side="before", channels=first.in_channels),
        },
    )


SHUFFLENET = Family(
    name="shufflenet",
    names=lambda: list(list_models(include="shufflenet_v2_*")),
    create=shufflenet,
    stages=_stages,
    refused={
        "pre-add": _NO_ADDITION,
        "post-add": _NO_ADDITION,
        "shortcut": "half of its input goes on untouched, with no layer to stand at",
        "conv": "its spatial convolutions are depthwise",
    },
)
