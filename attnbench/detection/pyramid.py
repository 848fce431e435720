"""The feature pyramid on a body, and attention modules within it.

At ``at=fpn`` one module stands after the output convolution of each level, of
which every level has one; all heads see what it gives, and so does the level that the R-CNNs
make by subsampling. RetinaNet's coarser levels come from the body. The setting `stages` chooses levels by the
stage of the body that they stand on: ``sge:at=fpn,stages=3,4``.
"""

from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn
from torchvision.ops.feature_pyramid_network import (  # type: ignore[import-untyped]
    ExtraFPNBlock,
    FeaturePyramidNetwork,
)

from attnbench.detection.body import Body, StageMap
from attnbench.detection.norms import batch_norms, hold_norms
from attnbench.detection.registration import check_positive
from attnbench.errors import ContractError, SpecError
from attnbench.models.anatomy import Spot
from attnbench.models.placement import Place, put_at
from attnbench.variant import format_setting

PyramidT = TypeVar("PyramidT", bound="Pyramid")


class Pyramid(nn.Module):
    """A body under torchvision's feature pyramid network.

    Shape: (N, 3, H, W) in; out one map of `out_channels` a level, the finest first.
    """

    def __init__(
        self, body: Body, *, channels: int, first_stage: int, coarser: Callable[[int, int], ExtraFPNBlock]
    ) -> None:
        """Put a pyramid on a body.

        Args:
            body: The body.
            channels: Channels of every level.
            first_stage: The body's stage that the finest level stands on, counted from 1.
            coarser: Makes what adds coarser levels, of the channels of the last stage and of the pyramid.

        Raises:
            SpecError: If there is no such stage, or no channels.
        """
        super().__init__()
        check_positive(pyramid_channels=channels)
        if not 1 <= first_stage <= len(body.stages):
            numbers = ", ".join(str(number + 1) for number in range(len(body.stages)))
            raise SpecError(f"the body has the stages {numbers}; got first_stage={first_stage}")
        self.body = body
        self.first_stage = first_stage
        self.out_channels = channels
        in_channels = [stage.channels for stage in self.levels]
        self.fpn = FeaturePyramidNetwork(in_channels, channels, coarser(in_channels[-1], channels))

    @property
    def levels(self) -> tuple[StageMap, ...]:
        """The stages that the levels stand on, without the coarser levels that are made from the last."""
        return self.body.stages[self.first_stage - 1 :]

    def forward(self, images: torch.Tensor) -> "OrderedDict[str, torch.Tensor]":
        """The map of each level."""
        try:
            maps = self.body(images)
            levels = OrderedDict((stage.name, maps[stage.name]) for stage in self.levels)
            pyramid: OrderedDict[str, torch.Tensor] = self.fpn(levels)
        except ValueError as error:
            if self.training and "more than 1 value per channel" in str(error):
                raise ContractError(
                    f"the batch norm {self._failing_norm(images)} cannot train on {tuple(images.shape)}, "
                    "which gives it a single value a channel; pass more images at once, or keep its statistics "
                    "by norm=eval"
                ) from error
            raise
        return pyramid

    def train(self: PyramidT, mode: bool = True) -> PyramidT:
        """Set the mode, but for what is frozen; the norms of attention modules in the pyramid go with the body's."""
        super().train(mode)
        hold_norms(self, self.body.norm)
        return self

    def _failing_norm(self, images: torch.Tensor) -> str:
        """The batch norm that a pass ends in."""
        entered: list[str] = []
        handles = [
            norm.register_forward_pre_hook(lambda module, inputs, name=name: entered.append(name))
            for name, norm in batch_norms(self).items()
        ]
        try:
            with torch.no_grad():
                self.fpn(self.body(images))
        except ValueError:
            pass
        finally:
            for handle in handles:
                handle.remove()
        return entered[-1]


def attend_levels(
    pyramid: Pyramid, stages: tuple[int, ...] | None, make: Callable[..., nn.Module]
) -> tuple[Place, ...]:
    """Put a new attention module after the output convolution of each level.

    Args:
        pyramid: The pyramid; it is changed.
        stages: The body's stages whose levels get one, counted from 1; none: all.
        make: Makes one module, of `channels`.

    Returns:
        The places that were filled, the finest first, with names within the pyramid.

    Raises:
        SpecError: If a stage has no level, or a module does not take the channels.
        ContractError: If a module cannot be made.
    """
    numbers = range(pyramid.first_stage, pyramid.first_stage + len(pyramid.levels))
    if stages is not None and not set(stages) <= set(numbers):
        raise SpecError(
            f"this pyramid has levels on the stages {', '.join(map(str, numbers))}; got stages={format_setting(stages)}"
        )
    spot = Spot(layer="", side="end", channels=pyramid.out_channels)
    return tuple(
        put_at(f"fpn.layer_blocks.{index}", pyramid.fpn.layer_blocks[index], spot, make)
        for index, number in enumerate(numbers)
        if stages is None or number in stages
    )
