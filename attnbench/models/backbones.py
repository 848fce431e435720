"""The networks that attention modules are put into, by name.

timm's ResNet family (resnet50, resnext50_32x4d, wide_resnet50_2, resnet50d …)
under timm's names, and `cifar-resnet`: the ResNets for small images of He et
al. (https://arxiv.org/abs/1512.03385, section 4.2), made of timm's ResNet class.
"""

import timm
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import nn

from attnbench.errors import SpecError, UnknownNameError
from attnbench.registry import did_you_mean
from attnbench.variant import Variant, check_settings

CIFAR_RESNET = "cifar-resnet"

RESERVED = ("name", "in_channels", "num_classes")
"""Parameters that attnbench passes itself; the others are settings."""

# timm's ResNets whose blocks have an attention of their own.
_OWN_ATTENTION = ("seresne", "senet", "ecaresne", "resnetrs", "gcresne", "skresne")


def backbone_names() -> list[str]:
    """Names of the backbones that take attention modules, sorted."""
    family = [name for name in timm.list_models(module="resnet") if not name.startswith(_OWN_ATTENTION)]
    return sorted([CIFAR_RESNET, *family])


def create_backbone(backbone: Variant, *, in_channels: int, num_classes: int) -> ResNet:
    """A backbone without attention, freshly initialised from torch's global generator.

    Raises:
        UnknownNameError: If there is no such backbone.
        SpecError: If a setting is unknown, of the wrong type or out of range.
    """
    if backbone.name not in (names := backbone_names()):
        raise UnknownNameError(f"unknown backbone {backbone.name!r}; {did_you_mean(backbone.name, names)}")
    if backbone.name == CIFAR_RESNET:
        settings = check_settings(cifar_resnet, backbone, reserved=RESERVED)
        return cifar_resnet(in_channels=in_channels, num_classes=num_classes, **settings)  # type: ignore[arg-type]
    settings = check_settings(timm_resnet, backbone, reserved=RESERVED)
    return timm_resnet(name=backbone.name, in_channels=in_channels, num_classes=num_classes, **settings)  # type: ignore[arg-type]


def timm_resnet(
    *,
    name: str,
    in_channels: int,
    num_classes: int,
    zero_init_last: bool = True,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.0,
) -> ResNet:
    """A ResNet of timm.

    Args:
        name: timm's name.
        in_channels: Channels of the image.
        num_classes: Outputs of the classifier.
        zero_init_last: Start with each residual branch's last scale at 0.
        drop_rate: Dropout before the classifier.
        drop_path_rate: Stochastic depth of the last block.
    """
    model: ResNet = timm.create_model(
        name,
        pretrained=False,
        in_chans=in_channels,
        num_classes=num_classes,
        zero_init_last=zero_init_last,
        drop_rate=drop_rate,
        drop_path_rate=drop_path_rate,
    )
    return model


def cifar_resnet(
    *,
    in_channels: int,
    num_classes: int,
    depth: int = 20,
    width: int = 16,
    bottleneck: bool = False,
    stem_stride: int = 1,
    zero_init_last: bool = True,
) -> ResNet:
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
    return model
