"""One image through a new model: what does not fit shows before training, and is named."""

from collections.abc import Callable, Iterable

import torch
from torch import nn

from attnbench.errors import ContractError, SpecError
from attnbench.models.placement import Place


def probe(
    model: nn.Module, places: Iterable[Place], image_shape: tuple[int, int, int], *, backbone: str, attention: str
) -> None:
    """Run one image through the model and hold each attention module to the shape it must give.

    Args:
        model: The whole model; its state is unchanged.
        places: Its attention modules.
        image_shape: (C, H, W).
        backbone: The backbone's variant, for messages.
        attention: The attention module's, for messages.

    Raises:
        ContractError: If an attention module fails or gives another shape; the message names it.
        SpecError: If the backbone fails outside of them, as on an image too small for its strides.
    """
    running: list[str] = []
    handles = []
    for at in places:
        handles.append(at.module.register_forward_pre_hook(_enter(running, at.name)))
        handles.append(at.module.register_forward_hook(_leave(running, at, attention)))
    was_training = model.training
    try:
        with torch.no_grad():
            model.eval()(torch.zeros(1, *image_shape))
    except ContractError:
        raise
    except (Exception, SystemExit) as error:
        if running:
            raise ContractError(
                f"{attention} fails on an image of {image_shape} at {running[-1]}: {error!r}"
            ) from error
        raise SpecError(f"{backbone} with {attention} fails on an image of {image_shape}: {error!r}") from error
    finally:
        model.train(was_training)
        for handle in handles:
            handle.remove()


def _enter(running: list[str], name: str) -> Callable[[nn.Module, object], None]:
    def hook(module: nn.Module, inputs: object) -> None:
        running.append(name)

    return hook


def _leave(
    running: list[str], at: Place, attention: str
) -> Callable[[nn.Module, tuple[torch.Tensor, ...], object], None]:
    def hook(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: object) -> None:
        images, _, height, width = inputs[0].shape
        expected = (images, at.out_channels, -(-height // at.stride), -(-width // at.stride))
        got = tuple(output.shape) if isinstance(output, torch.Tensor) else f"a {type(output).__name__}"
        if got != expected:
            given = tuple(inputs[0].shape)
            raise ContractError(f"{attention} at {at.name} must give {expected} for {given}; got {got}")
        running.pop()

    return hook
