"""ResNets: timm's under timm's names, and `cifar-resnet` for small images.

timm's are ResNet, ResNeXt, wide ResNet, ResNet-D, and those with an attention
of their own: SE-ResNet, SENet, ResNet-RS, ECA-ResNet. The ResNets for small
images are those of He et al. (https://arxiv.org/abs/1512.03385, section 4.2),
made of timm's ResNet class. In a basic block, which has two 3×3 convolutions
and an activation after the first, that one is the spatial convolution.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import timm
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import nn

from attnbench.errors import SpecError
from attnbench.models.anatomy import Block, Convolution, Family, Spot, Stage, unknown_block
from attnbench.models.families.resnet_end import let_end, plain_class
from attnbench.models.families.timm_backbone import timm_residual_backbone

# By type of block: index of the spatial convolution, and of the last one with its norm and the block's activation.
_INDICES: dict[type[nn.Module], tuple[int, int]] = {BasicBlock: (1, 2), Bottleneck: (2, 3)}


def cifar_resnet(
    _: str,
    *,
    in_channels: int,
    num_classes: int,
    depth: int = 20,
    width: int = 16,
    bottleneck: bool = False,
    stem_stride: int = 1,
    zero_init_last: bool = True,
) -> nn.Module:
    """A ResNet of three stages for small images.

    Args:
        in_channels: Channels of the image.
        num_classes: Outputs of the classifier.
        depth: Layers: 6n + 2 of basic blocks (20, 32, 44, 56, 110), 9n + 2 of bottlenecks (11, 20, 29, 164).
        width: Channels of the stem and of the first stage's 3×3 convolutions; doubled at each later stage.
        bottleneck: Bottleneck blocks, whose output has 4 times the channels, instead of basic ones.
        stem_stride: Stride of the stem; 2 costs a quarter.
        zero_init_last: Start with each residual branch's last scale at 0.

    Raises:
        SpecError: If `depth` is not of that form, or `width` or `stem_stride` is not positive (`width`: even).
    """
    layers_a_block = 9 if bottleneck else 6
    blocks_a_stage, rest = divmod(depth - 2, layers_a_block)
    if rest or blocks_a_stage < 1:
        raise SpecError(f"depth must be {layers_a_block}n + 2 for bottleneck={bottleneck}; got depth={depth}")
    if width < 2 or width % 2:
        raise SpecError(f"width must be even and at least 2; got width={width}")
    if stem_stride < 1:
        raise SpecError(f"stem_stride must be at least 1; got stem_stride={stem_stride}")
    model = ResNet(
        Bottleneck if bottleneck else BasicBlock,
        layers=(blocks_a_stage,) * 3,
        num_classes=num_classes,
        in_chans=in_channels,
        # The deep stem is the one whose width timm lets us choose; its convolutions are replaced below.
        stem_type="deep",
        stem_width=width // 2,
        channels=(width, 2 * width, 4 * width),
        zero_init_last=zero_init_last,
    )
    model.conv1 = nn.Conv2d(in_channels, width, 3, stride=stem_stride, padding=1, bias=False)
    nn.init.kaiming_normal_(model.conv1.weight, mode="fan_out", nonlinearity="relu")
    model.maxpool = nn.Identity()
    model.layer4 = nn.Identity()
    made: nn.Module = model
    return made


def timm_resnet(
    name: str,
    *,
    in_channels: int,
    num_classes: int,
    width: int | None = None,
    zero_init_last: bool = True,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.0,
) -> nn.Module:
    """A ResNet of timm, as published or narrower or wider.

    Args:
        name: timm's name.
        in_channels: Channels of the image.
        num_classes: Outputs of the classifier.
        width: Channels of the stem and of the first stage's 3×3 convolutions, doubled at each later stage; none for
            the model's own. The stem must be one of several convolutions, as in a ResNet-D. In a ResNeXt or a wide
            ResNet the 3×3 convolutions have as many times these as in the published one.
        zero_init_last: Start with each residual branch's last scale at 0.
        drop_rate: Dropout before the classifier.
        drop_path_rate: Stochastic depth of the last block.

    Raises:
        SpecError: If a rate is not in [0, 1), `width` is not positive and divisible by 8, or the stem is of one
            convolution.
    """
    create = partial(
        timm_residual_backbone,
        name,
        in_channels=in_channels,
        num_classes=num_classes,
        zero_init_last=zero_init_last,
        drop_rate=drop_rate,
        drop_path_rate=drop_path_rate,
    )
    if width is None:
        return create()
    if width < 8 or width % 8:  # a tiered stem begins with three eighths of it
        raise SpecError(f"width must be positive and divisible by 8; got width={width}")
    model = create(stem_width=width // 2, channels=tuple(width * 2**stage for stage in range(4)))
    if isinstance(model.conv1, nn.Conv2d):
        raise SpecError(
            f"the stem of {name} is one convolution, whose width is fixed; got width={width}, which needs a stem of "
            "several, as that of resnet18d or resnet50d"
        )
    return model


def _stages(model: nn.Module) -> list[Stage]:
    stages = []
    for name, module in model.named_children():
        # CIFAR's have three, and an identity for the fourth.
        if name.startswith("layer") and isinstance(module, nn.Sequential):
            blocks = tuple(_block(f"{name}.{index}", block) for index, block in module.named_children())
            spot = Spot(layer="", side="end", channels=blocks[-1].spots["post-add"].channels)
            stages.append(Stage(name=name, module=module, blocks=blocks, spot=spot))
    return stages


def _block(name: str, block: Any) -> Block:
    kind = plain_class(block)
    if kind not in _INDICES:
        raise unknown_block(name, block, _INDICES)
    spatial, last = _INDICES[kind]
    convolution = getattr(block, f"conv{spatial}")
    at_end = partial(Spot, channels=getattr(block, f"conv{last}").out_channels)
    return Block(
        name=name,
        module=block,
        spots={
            # timm calls `se` after the last norm and before drop path and addition.
            "post-bn3": at_end(layer="se", side="instead"),
            "pre-add": at_end(layer="drop_path", side="after"),
            "post-add": at_end(layer=f"act{last}", side="after"),
            # `aa` strides in place of the convolution where the backbone is anti-aliased.
            "post-conv2": Spot(layer="aa", side="after", channels=convolution.out_channels),
            "pre-branch": Spot(layer="conv1", side="before", channels=block.conv1.in_channels),
            "shortcut": at_end(
                layer="downsample", side="end" if isinstance(block.downsample, nn.Sequential) else "after"
            ),
        },
        convolution=Convolution(layer=f"conv{spatial}", conv=convolution, with_it=(f"bn{spatial}", f"act{spatial}")),
        own_attention=None if block.se is None else "se",
        let_end=let_end,
    )


RESNET = Family(
    name="resnet",
    names=lambda: list(timm.list_models(module="resnet")),
    create=timm_resnet,
    stages=_stages,
)
CIFAR_RESNET = replace(RESNET, name="cifar-resnet", names=lambda: ["cifar-resnet"], create=cifar_resnet)
