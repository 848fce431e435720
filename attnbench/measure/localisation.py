"""Where maps lie beside the object: the energy-based pointing game, and the overlap of a thresholded map.

The energy-based pointing game is of "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural Networks"
(Wang et al., 2020), https://arxiv.org/abs/1910.01279, section 4.3, here with the object's mask in place of its box:
Σ_object m / Σ m of a map m in [0, 1].
"""

import torch
from torch.nn import functional

THRESHOLDS: tuple[float, ...] = tuple(step / 20 for step in range(1, 20))
"""Levels that a map's threshold is chosen from."""

_CENTRE_WIDTH = 0.25


def stretched(maps: torch.Tensor, *, size: tuple[int, int]) -> torch.Tensor:
    """Maps in the images' size, each stretched to [0, 1].

    A map that is the same everywhere becomes 1 everywhere: it says nothing, and its energy on the object is the
    object's share of the image. So does one with a value that is no finite number.

    Args:
        maps: Any numbers (N, h, w).
        size: Height and width of the images, to which maps are interpolated bilinearly.

    Returns:
        Maps (N, H, W), float32.
    """
    resized = maps.float()[:, None]
    if resized.shape[-2:] != size:
        resized = functional.interpolate(resized, size=size, mode="bilinear", align_corners=False)
    flat = resized.flatten(1)
    low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
    # What interpolation rounds is no difference.
    is_flat = ~(high - low > 1e-6 * high.abs().maximum(low.abs())) | ~flat.isfinite().all(1, keepdim=True)
    unit = torch.where(is_flat, 1.0, (flat - low) / torch.where(is_flat, 1.0, high - low))
    return unit.view(len(maps), *size)


def energy_on_object(maps: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    """The energy-based pointing game: the share of each map's sum that lies on the object.

    Args:
        maps: Of `stretched` (N, H, W).
        masks: Pixels of the object, bool (N, H, W).

    Returns:
        Shares in [0, 1], float64 (N,).
    """
    maps = maps.double()
    return (maps * masks).sum((1, 2)) / maps.sum((1, 2))


def overlap(maps: torch.Tensor, masks: torch.Tensor, thresholds: torch.Tensor) -> torch.Tensor:
    """Intersection over union of the object and of where a map reaches a threshold.

    Args:
        maps: Of `stretched` (N, H, W).
        masks: Pixels of the object, bool (N, H, W).
        thresholds: Levels (T,).

    Returns:
        Overlaps in [0, 1], float64 (N, T); 0 where both are empty.
    """
    columns = []
    for threshold in thresholds:
        marked = maps >= threshold
        both, either = ((joined).sum((1, 2)) for joined in (marked & masks, marked | masks))
        columns.append(both.double() / either.clamp(min=1))
    return torch.stack(columns, dim=1)


def random_maps(generators: list[torch.Generator], *, size: tuple[int, int]) -> torch.Tensor:
    """The control that knows nothing: uniform noise.

    Args:
        generators: One an image, N of them.
        size: Height and width of the layer that it stands beside.

    Returns:
        Maps (N, h, w).
    """
    return torch.stack([torch.rand(size, generator=generator) for generator in generators])


def centre_map(*, size: tuple[int, int]) -> torch.Tensor:
    """The control that knows where photographers put things: a Gaussian at the middle, σ a quarter of each side.

    Args:
        size: Height and width of the images.

    Returns:
        One map (H, W).
    """
    rows, columns = (
        torch.exp(-0.5 * (((torch.arange(side) + 0.5) / side - 0.5) / _CENTRE_WIDTH) ** 2) for side in size
    )
    return rows[:, None] * columns
