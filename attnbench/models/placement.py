"""Attention modules into a ResNet of timm, without touching timm's code."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from torch import nn

from attnbench.attention.registration import Placement
from attnbench.errors import ContractError, PlacementError, SpecError

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


def place(model: ResNet, placement: Placement, make: Make) -> list[Place]:
    """Put a new attention module at each place of a backbone.

    Args:
        model: The backbone; it is changed.
        placement: Where the modules go.
        make: Makes one module: of `channels`, or for `conv` of `(in_channels, out_channels, stride=, groups=)`.

    Returns:
        The places that were filled.

    Raises:
        PlacementError: If the backbone has no such place.
        SpecError: If a module does not take the channels it meets.
    """
    put = {"block": _place_in_blocks, "conv": _place_as_convs, "stage": _place_after_stages}[placement]
    placed = list(put(model, make))
    if not placed:
        raise PlacementError(f"{type(model).__name__} has no place for a {placement!r} module")
    return placed


def stages_of(model: ResNet) -> list[tuple[str, nn.Sequential]]:
    """The stages of a ResNet by name; CIFAR's have three, ImageNet's four."""
    return [
        (name, stage)
        for name, stage in model.named_children()
        if isinstance(stage, nn.Sequential) and name.startswith("layer")
    ]


def _blocks_of(model: ResNet) -> Iterator[tuple[str, BasicBlock | Bottleneck]]:
    for stage_name, stage in stages_of(model):
        for index, block in stage.named_children():
            if not isinstance(block, BasicBlock | Bottleneck):
                raise PlacementError(
                    f"blocks of type {type(block).__name__} take no attention; allowed: BasicBlock, Bottleneck"
                )
            yield f"{stage_name}.{index}", block


def _place_in_blocks(model: ResNet, make: Make) -> Iterator[Place]:
    for name, block in _blocks_of(model):
        out_channels = _out_channels(block)
        # timm calls `se` after the last norm and before drop path and addition.
        block.se = _made(make, f"{name}.se", out_channels)
        yield Place(f"{name}.se", block.se, out_channels)


def _place_as_convs(model: ResNet, make: Make) -> Iterator[Place]:
    for name, block in _blocks_of(model):
        index = 2 if isinstance(block, Bottleneck) else 1
        conv = getattr(block, f"conv{index}")
        if conv.dilation != (1, 1):
            raise PlacementError(f"a 'conv' module replaces plain convolutions; {name}.conv{index} is dilated")
        made = _made(
            make, f"{name}.conv{index}", conv.in_channels, conv.out_channels, stride=conv.stride[0], groups=conv.groups
        )
        setattr(block, f"conv{index}", made)
        # The module brings its own norm and activation.
        setattr(block, f"bn{index}", nn.Identity())
        setattr(block, f"act{index}", nn.Identity())
        yield Place(f"{name}.conv{index}", made, conv.out_channels, conv.stride[0])


def _place_after_stages(model: ResNet, make: Make) -> Iterator[Place]:
    for name, stage in stages_of(model)[:-1]:
        out_channels = _out_channels(stage[-1])
        made = _made(make, name, out_channels)
        stage.add_module("attention", made)
        yield Place(f"{name}.attention", made, out_channels)


def _out_channels(block: BasicBlock | Bottleneck) -> int:
    return int((block.conv3 if isinstance(block, Bottleneck) else block.conv2).out_channels)


def _made(make: Make, place_name: str, *channels: int, **convolution: int) -> nn.Module:
    try:
        return make(*channels, **convolution)
    except SpecError as error:
        raise SpecError(f"{error} (at {place_name})") from error
    except Exception as error:
        raise ContractError(f"the attention module for {place_name} cannot be made: {error!r}") from error


def probe(model: nn.Module, places: list[Place], image_shape: tuple[int, int, int], *, label: str) -> None:
    """Run one image through the model and hold each attention module to the shape it must give.

    Args:
        model: The whole model; its state is unchanged.
        places: Its attention modules.
        image_shape: (C, H, W).
        label: The variant, for messages.

    Raises:
        ContractError: If a module fails or gives another shape; the message names it.
    """
    running = ["the backbone"]
    handles = []
    for at in places:
        handles.append(at.module.register_forward_pre_hook(_remember(running, at.name)))
        handles.append(at.module.register_forward_hook(_check_shape(at, label)))
    was_training = model.training
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, *image_shape))
    except ContractError:
        raise
    except Exception as error:
        raise ContractError(f"{label} fails on an image of {image_shape} at {running[0]}: {error!r}") from error
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()


def _remember(running: list[str], name: str) -> Callable[[nn.Module, object], None]:
    def hook(module: nn.Module, inputs: object) -> None:
        running[0] = name

    return hook


def _check_shape(at: Place, label: str) -> Callable[[nn.Module, tuple[torch.Tensor, ...], object], None]:
    def hook(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: object) -> None:
        images, _, height, width = inputs[0].shape
        expected = (images, at.out_channels, -(-height // at.stride), -(-width // at.stride))
        got = tuple(output.shape) if isinstance(output, torch.Tensor) else f"a {type(output).__name__}"
        if got != expected:
            given = tuple(inputs[0].shape)
            raise ContractError(f"{label} at {at.name} must give {expected} for {given}; got {got}")

    return hook
