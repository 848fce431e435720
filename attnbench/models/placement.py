"""Attention modules into a backbone, without touching the code of its library."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from attnbench.attention.ending import EndsBlock
from attnbench.attention.registration import Placing
from attnbench.errors import ContractError, PlacementError, SpecError
from attnbench.models.anatomy import Block, Family, Spot, Stage
from attnbench.variant import format_setting

Make = Callable[..., nn.Module]


@dataclass(frozen=True)
class Place:
    """An attention module in a backbone, and the shape it must give."""

    name: str
    """Qualified name of the module in the model."""
    module: nn.Module
    """The attention module."""
    out_channels: int
    """Channels it must give."""
    stride: int = 1
    """By how much it must divide height and width, rounding up."""


def place(family: Family, model: nn.Module, placing: Placing, make: Make) -> tuple[Place, ...]:
    """Put a new attention module at each place of a backbone.

    Args:
        family: The backbone's family, which takes modules there.
        model: The backbone; it is changed.
        placing: Where the modules go.
        make: Makes one module: of `channels`, or for `conv` of `(in_channels, out_channels, stride=, groups=)`.

    Returns:
        The places that were filled, in the order of the backbone.

    Raises:
        SpecError: If there is no such stage, or a module does not take the channels it meets.
        PlacementError: If the stages have no such place.
        ContractError: If a module cannot be made.
    """
    stages = _chosen(family.stages(model), placing)
    if placing.at == "stage":
        places = tuple(put_at(stage.name, stage.module, stage.spot, make) for stage in stages)
    else:
        blocks = [block for stage in stages for block in stage.blocks]
        places = tuple(_as_convolutions(blocks, make) if placing.at == "conv" else _in_blocks(blocks, placing, make))
    if not places:
        chosen = "" if placing.stages is None else f" in stages={format_setting(placing.stages)}"
        raise PlacementError(f"this backbone has no place for a module at {placing.at!r}{chosen}")
    return places


def put_at(parent_name: str, parent: nn.Module, spot: Spot, make: Make) -> Place:
    """Put a new attention module at one spot of a block, a stage or another part of a network.

    Args:
        parent_name: Qualified name of the part.
        parent: The part; it is changed.
        spot: Where in it.
        make: Makes the module, of `channels`.

    Raises:
        SpecError: If the module does not take the channels.
        ContractError: If it cannot be made.
    """
    layer_name = f"{parent_name}.{spot.layer}" if spot.layer else parent_name
    name = layer_name if spot.side == "instead" else f"{layer_name}.attention"
    made = _made(make, name, spot.channels)
    _put(parent, spot, made)
    return Place(name, made, spot.channels)


def take_out_own(stages: list[Stage]) -> int:
    """Replace the attention modules that a backbone has of itself by identities, and say how many there were."""
    num_replaced = 0
    for block in (block for stage in stages for block in stage.blocks):
        if block.own_attention is not None:
            setattr(block.module, block.own_attention, nn.Identity())
            num_replaced += 1
    return num_replaced


def _chosen(stages: list[Stage], placing: Placing) -> list[Stage]:
    if placing.stages is None:
        return stages[:-1] if placing.at == "stage" else stages
    if placing.stages[-1] > len(stages):
        numbers = ", ".join(str(number + 1) for number in range(len(stages)))
        raise SpecError(f"this backbone has the stages {numbers}; got stages={format_setting(placing.stages)}")
    return [stages[number - 1] for number in placing.stages]


def _in_blocks(blocks: list[Block], placing: Placing, make: Make) -> Iterator[Place]:
    for block in blocks:
        if placing.at not in block.spots:
            continue
        placed = put_at(block.name, block.module, block.spots[placing.at], make)
        if placing.at == "post-bn3" and block.let_end is not None and isinstance(placed.module, EndsBlock):
            block.let_end(block.module)
        yield placed


def _as_convolutions(blocks: list[Block], make: Make) -> Iterator[Place]:
    for block in blocks:
        if block.convolution is None:
            continue
        conv = block.convolution.conv
        name = f"{block.name}.{block.convolution.layer}"
        made = _made(make, name, conv.in_channels, conv.out_channels, stride=conv.stride[0], groups=conv.groups)
        setattr(block.module, block.convolution.layer, made)
        for layer in block.convolution.with_it:
            setattr(block.module, layer, nn.Identity())
        yield Place(name, made, conv.out_channels, conv.stride[0])


def _put(parent: nn.Module, spot: Spot, attention: nn.Module) -> None:
    owner_name, _, last = spot.layer.rpartition(".")
    owner = parent.get_submodule(owner_name)
    if spot.side == "instead":
        setattr(owner, last, attention)
        return
    if last and getattr(owner, last) is None:
        # A library may leave out a layer that does nothing; the module needs one to stand at.
        setattr(owner, last, nn.Identity())
    layer = parent.get_submodule(spot.layer)
    # A child and a hook, and no wrapper: the names of the backbone's weights stay, and so do checkpoints of it.
    layer.add_module("attention", attention)
    if spot.side == "before":
        layer.register_forward_pre_hook(_attend_before)
    elif spot.side == "after":
        layer.register_forward_hook(_attend_after_channels_last if spot.channels_last else _attend_after)


# The hooks find the module by its layer, so that a copied or unpickled model uses its own.


def _attend_before(layer: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    return (layer.attention(inputs[0]), *inputs[1:])


def _attend_after(layer: Any, inputs: object, output: torch.Tensor) -> torch.Tensor:
    attended: torch.Tensor = layer.attention(output)
    return attended


def _attend_after_channels_last(layer: Any, inputs: object, output: torch.Tensor) -> torch.Tensor:
    attended: torch.Tensor = layer.attention(output.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    return attended


def _made(make: Make, place_name: str, *channels: int, **convolution: int) -> nn.Module:
    try:
        return make(*channels, **convolution)
    except SpecError as error:
        raise SpecError(f"{error} (at {place_name})") from error
    except (Exception, SystemExit) as error:
        raise ContractError(f"the attention module for {place_name} cannot be made: {error!r}") from error
