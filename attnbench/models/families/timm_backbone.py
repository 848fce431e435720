"""How timm's backbones are made, with the settings that their families share."""

import timm
from torch import nn

from attnbench.errors import SpecError


def timm_backbone(
    name: str, *, in_channels: int, num_classes: int, drop_rate: float = 0.0, drop_path_rate: float = 0.0
) -> nn.Module:
    """A backbone of timm, freshly initialised.

    Args:
        name: timm's name.
        in_channels: Channels of the image.
        num_classes: Outputs of the classifier.
        drop_rate: Dropout before the classifier.
        drop_path_rate: Stochastic depth of the last block.

    Raises:
        SpecError: If a rate is not in [0, 1), or a setting is none that timm can build.
    """
    return _create(
        name, in_chans=in_channels, num_classes=num_classes, drop_rate=drop_rate, drop_path_rate=drop_path_rate
    )


def timm_residual_backbone(
    name: str,
    *,
    in_channels: int,
    num_classes: int,
    zero_init_last: bool = True,
    drop_rate: float = 0.0,
    drop_path_rate: float = 0.0,
    **widths: object,
) -> nn.Module:
    """A backbone of timm whose blocks end with a norm that may start at 0.

    Args:
        name: timm's name.
        in_channels: Channels of the image.
        num_classes: Outputs of the classifier.
        zero_init_last: Start with each residual branch's last scale at 0.
        drop_rate: Dropout before the classifier.
        drop_path_rate: Stochastic depth of the last block.
        **widths: What timm calls the widths of the family's models.

    Raises:
        SpecError: If a rate is not in [0, 1), or a setting is none that timm can build.
    """
    return _create(
        name,
        in_chans=in_channels,
        num_classes=num_classes,
        zero_init_last=zero_init_last,
        drop_rate=drop_rate,
        drop_path_rate=drop_path_rate,
        **widths,
    )


def _create(name: str, *, drop_rate: float, drop_path_rate: float, **settings: object) -> nn.Module:
    if not (0 <= drop_rate < 1 and 0 <= drop_path_rate < 1):
        raise SpecError(
            "drop_rate and drop_path_rate must be in [0, 1); "
            f"got drop_rate={drop_rate}, drop_path_rate={drop_path_rate}"
        )
    try:
        model: nn.Module = timm.create_model(
            name, pretrained=False, drop_rate=drop_rate, drop_path_rate=drop_path_rate, **settings
        )
    except ValueError as error:  # as of a width that is no multiple of the groups of a model's norms
        raise SpecError(f"timm cannot build {name!r} with these settings: {error}") from error
    return model
