"""Grad-CAM: where a layer's features speak for a class.

"Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization" (Selvaraju et al., 2017),
https://arxiv.org/abs/1610.02391: ReLU(Σ_c w_c · A_c), where A is the layer's output and w_c the mean over space of the
class score's gradient to A_c. By captum's `LayerGradCam`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from attnbench.errors import MissingDependencyError, SpecError
from attnbench.registry import did_you_mean


def check_grad_cam() -> None:
    """Refuse to begin what will need captum where it is not installed.

    Raises:
        MissingDependencyError: If it is not.
    """
    try:
        import captum  # noqa: F401
    except ImportError as error:
        raise MissingDependencyError(
            "Grad-CAM needs captum, which is not installed: pip install attnbench[visualize]"
        ) from error


def grad_cam(model: nn.Module, images: torch.Tensor, classes: torch.Tensor, *, layer: str) -> torch.Tensor:
    """Grad-CAM of each image for one class.

    The model's parameters get no gradient, and it is left as it was.

    Args:
        model: A classifier, in evaluation mode.
        images: Normalised as in training (N, C, H, W).
        classes: The class of each image, int64 (N,).
        layer: Name of the layer whose output is looked at, mostly the last stage.

    Returns:
        Maps of the layer's height and width, not below 0 (N, h, w).

    Raises:
        MissingDependencyError: If captum is not installed.
        SpecError: If there is no such layer, or its output is no feature map.
    """
    check_grad_cam()
    from captum.attr import LayerGradCam

    layers = dict(model.named_modules())
    if layer not in layers:
        raise SpecError(f"the model has no layer {layer!r}; {did_you_mean(layer, filter(None, layers))}")
    with _without_parameter_gradients(model), torch.enable_grad():
        maps = LayerGradCam(model, layers[layer]).attribute(
            images.detach().requires_grad_(), target=classes, relu_attributions=True
        )
    if not isinstance(maps, torch.Tensor) or maps.dim() != 4:
        raise SpecError(f"Grad-CAM needs a layer whose output is a feature map (N, C, H, W); got {layer!r}")
    return maps.detach().squeeze(1)


@contextmanager
def _without_parameter_gradients(model: nn.Module) -> Iterator[None]:
    """Only the way from the images is followed, which costs less; parameters are told afterwards as before."""
    needed = [parameter for parameter in model.parameters() if parameter.requires_grad]
    for parameter in needed:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in needed:
            parameter.requires_grad_(True)
