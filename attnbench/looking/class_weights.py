"""The channel weights of a classifier for the images of each class."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from attnbench.looking.images import Images
from attnbench.visualize import capture, channel_weights_by_class, views

_BATCH = 32


def weights_of_classes(
    model: nn.Module, images: Images, modules: Sequence[str], *, num_classes: int
) -> dict[str, NDArray[np.float64]]:
    """Mean weight of each channel over the images of each class.

    Args:
        model: The classifier, in evaluation mode.
        images: Images with labels.
        modules: Names of attention modules.
        num_classes: Classes in all.

    Returns:
        By the names of the modules that have weights of channels, (num_classes, C); NaN for classes without images, and
        for channels without a value.
    """
    assert images.labels is not None
    device = next(model.parameters()).device
    found: dict[str, list[NDArray[np.float32]]] = {}
    with torch.inference_mode(), capture(model, modules=modules) as captures:
        for inputs in torch.split(images.inputs, _BATCH):
            model(inputs.to(device))
            for module in modules:
                for view in views(captures[module], most_groups=1):
                    if view.kind == "bars":
                        found.setdefault(f"{module} {view.name}", []).append(view.values)
    whole = {name: np.concatenate(parts) for name, parts in found.items()}
    # Whether a ratio is the same everywhere is asked of each batch anew.
    return {
        name: channel_weights_by_class(weights, images.labels, num_classes=num_classes)
        for name, weights in whole.items()
        if len(weights) == len(images.labels) and np.isfinite(weights).any()
    }
