"""Images of any size as a classifier takes them, and back."""

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from attnbench.errors import SpecError
from attnbench.preparation import Preparation

_MODES = {1: "L", 3: "RGB"}


def prepared(image: Image.Image, shape: tuple[int, int, int], preparation: Preparation) -> torch.Tensor:
    """The middle of an image, normalised, as the test images of `attnbench.data.image_folder` are.

    Args:
        image: Any image.
        shape: Channels, height and width that are wanted; a grey image is given to all three channels, and of a
            coloured one a single channel gets the luma.
        preparation: Crop, mean and standard deviation.

    Returns:
        float32 (C, H, W).

    Raises:
        SpecError: If other than 1 or 3 channels are wanted.
    """
    from torchvision.transforms import v2  # type: ignore[import-untyped]

    channels, height, width = shape
    if channels not in _MODES:
        raise SpecError(f"files of images have 1 or 3 channels; the model takes {channels}")
    image = image.convert("RGB").convert(_MODES[channels])
    covering = _covering(image.size, round(height / preparation.crop_ratio), round(width / preparation.crop_ratio))
    cropped = v2.functional.center_crop(v2.functional.resize(image, covering), [height, width])
    grey_levels: torch.Tensor = v2.functional.pil_to_tensor(cropped)
    return (grey_levels - _column(preparation.mean)) / _column(preparation.std)


def as_pixels(inputs: torch.Tensor, preparation: Preparation | None) -> NDArray[np.uint8]:
    """What a model's input looks like.

    Args:
        inputs: Normalised images (N, C, H, W).
        preparation: How they were normalised; where nobody knows, each image's values are spread from black to white.

    Returns:
        RGB (N, H, W, 3).
    """
    values = inputs.detach().float().cpu()
    if preparation is None:
        low, high = values.flatten(1).aminmax(dim=1)
        values = 255 * (values - low[:, None, None, None]) / (high - low).clamp_min(1e-12)[:, None, None, None]
    else:
        values = values * _column(preparation.std) + _column(preparation.mean)
    values = values if values.shape[1] == 3 else values.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    pixels: NDArray[np.uint8] = values.round().clamp(0, 255).byte().permute(0, 2, 3, 1).contiguous().numpy()
    return pixels


def _covering(size: tuple[int, int], height: int, width: int) -> list[int]:
    """The least height and width of an image of the same shape that covers these."""
    own_width, own_height = size
    if height * own_width >= width * own_height:
        return [height, max(width, int(height * own_width / own_height))]
    return [max(height, int(width * own_height / own_width)), width]


def _column(values: tuple[float, ...]) -> torch.Tensor:
    return torch.tensor(values)[:, None, None]
