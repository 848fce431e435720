"""Test images made worse, by known amounts and the same for every model: noise, blur, occlusion and clutter.

All work on normalised images, so that they mean the same on any data set: 0 is the training images' mean colour, and 1
their standard deviation. Nothing is clipped to what a camera could have seen. What is drawn for an image depends on its
place in the split and on the corruption alone, and a larger strength adds to what a smaller one did; clutter is taken
from the other images of its batch, which are the same for all runs of one recipe on as many devices.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torchvision.transforms.v2 import functional  # type: ignore[import-untyped]

from attnbench.spec import Corruption

_PATCH_SIDE = 0.25
"""Side of a pasted patch, of the shorter side of the image."""


@dataclass(frozen=True, kw_only=True)
class Worsened:
    """What a corruption is given."""

    images: torch.Tensor
    """Normalised (N, C, H, W)."""
    generators: Sequence[torch.Generator]
    """One an image, at its start."""
    masks: torch.Tensor | None
    """Pixels of the object, bool (N, H, W), where they are known."""


def strengths(corruption: Corruption, *, size: tuple[int, int]) -> tuple[float, ...]:
    """In which strengths a corruption is tried, growing.

    Args:
        corruption: Which.
        size: Height and width of the images, pixels.

    Returns:
        `noise`: standard deviations, in those of the training images. `blur`: σ of the Gaussian, pixels. `occlusion`:
        share of the image that is hidden. `clutter`: area of the pasted patches, of the image's.
    """
    if corruption == "blur":
        return tuple(round(share * min(size), 3) for share in (0.02, 0.04, 0.06, 0.08, 0.12))
    return {
        "noise": (0.25, 0.5, 1.0, 1.5, 2.0),
        "occlusion": (0.05, 0.1, 0.2, 0.3, 0.4),
        "clutter": (0.125, 0.25, 0.375, 0.5, 0.625),
    }[corruption]


def corrupted(corruption: Corruption, worsened: Worsened, *, strength: float) -> torch.Tensor:
    """Images made worse; those that are given stay as they are.

    Args:
        corruption: In which way.
        worsened: The images.
        strength: How much, in the unit that `strengths` names.

    Returns:
        Images (N, C, H, W).
    """
    return _CORRUPTIONS[corruption](worsened, strength)


def _with_noise(worsened: Worsened, strength: float) -> torch.Tensor:
    """Gaussian noise is added."""
    images = worsened.images
    drawn = torch.stack([torch.randn(images.shape[1:], generator=generator) for generator in worsened.generators])
    return images + strength * drawn.to(images.device)


def _blurred(worsened: Worsened, strength: float) -> torch.Tensor:
    """Convolved with a Gaussian that is cut off at 3 σ, the border reflected."""
    reach = min(math.ceil(3 * strength), min(worsened.images.shape[-2:]) - 1)
    size = [2 * reach + 1] * 2
    blurred: torch.Tensor = functional.gaussian_blur(worsened.images, kernel_size=size, sigma=[strength] * 2)
    return blurred


def _occluded(worsened: Worsened, strength: float) -> torch.Tensor:
    """One rectangle of the image's shape, wholly inside it, has the mean colour."""
    images = worsened.images.clone()
    height, width = images.shape[-2:]
    rows, columns = (max(1, round(side * math.sqrt(strength))) for side in (height, width))
    for image, generator in zip(images, worsened.generators, strict=True):
        down, right = torch.rand(2, generator=generator).tolist()
        top, left = math.floor(down * (height - rows + 1)), math.floor(right * (width - columns + 1))
        image[:, top : top + rows, left : left + columns] = 0
    return images


def _cluttered(worsened: Worsened, strength: float) -> torch.Tensor:
    """Square patches of the batch's other images are pasted at random places, beneath the object where it is known."""
    images = worsened.images
    pasted = images.clone()
    height, width = images.shape[-2:]
    side = max(1, round(_PATCH_SIDE * min(height, width)))
    number = round(strength * height * width / side**2)
    for index, generator in enumerate(worsened.generators):
        for patch in range(number):
            places = torch.rand(4, generator=generator) * torch.tensor([height - side + 1, width - side + 1] * 2)
            to_row, to_column, from_row, from_column = map(int, places)
            other = images[(index + 1 + patch) % len(images)]
            pasted[index, :, to_row : to_row + side, to_column : to_column + side] = other[
                :, from_row : from_row + side, from_column : from_column + side
            ]
    return pasted if worsened.masks is None else torch.where(worsened.masks[:, None], images, pasted)


_CORRUPTIONS: dict[Corruption, Callable[[Worsened, float], torch.Tensor]] = {
    "noise": _with_noise,
    "blur": _blurred,
    "occlusion": _occluded,
    "clutter": _cluttered,
}
