"""Random crops and mirroring of a whole batch at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Placements:
    """How each image of a batch is moved; all tensors have the shape (N,)."""

    down: torch.Tensor
    """Rows that the crop's window lies below the image's own place, int64."""
    right: torch.Tensor
    """Columns that the crop's window lies right of the image's own place, int64."""
    mirrored: torch.Tensor
    """Whether the crop is mirrored left to right, bool."""

    def of(self, part: slice) -> "Placements":
        """Those of a part of the images."""
        return Placements(self.down[part], self.right[part], self.mirrored[part])

    def to(self, device: torch.device) -> "Placements":
        """The same on a device."""
        return Placements(self.down.to(device), self.right.to(device), self.mirrored.to(device))


def joined(parts: Sequence[Placements]) -> Placements:
    """The placements of several batches, one after the other."""
    return Placements(
        torch.cat([part.down for part in parts]),
        torch.cat([part.right for part in parts]),
        torch.cat([part.mirrored for part in parts]),
    )


def draw_placements(
    num_images: int, *, crop_padding: int, horizontal_flip: bool, generator: torch.Generator
) -> Placements:
    """Draw where to crop and whether to mirror, for each image on its own.

    Args:
        num_images: Images of the batch, N.
        crop_padding: Largest move of the window, pixels.
        horizontal_flip: Whether to mirror with probability one half.
        generator: The CPU generator to draw from.
    """
    size = (num_images,)
    down = torch.randint(-crop_padding, crop_padding + 1, size, generator=generator)
    right = torch.randint(-crop_padding, crop_padding + 1, size, generator=generator)
    mirrored = torch.randint(2, size, generator=generator).bool()
    return Placements(down, right, mirrored if horizontal_flip else torch.zeros_like(mirrored))


def crop_and_flip(images: torch.Tensor, chosen: torch.Tensor, placements: Placements) -> torch.Tensor:
    """Reflect-pad, crop and mirror the chosen images.

    No padded image is made: each output pixel is fetched from where reflection
    puts it in the original.

    Args:
        images: All images (num_images, C, H, W).
        chosen: Indices of those wanted, int64 (N,).
        placements: How each is moved, by less than its height and width; on the device of `images`.

    Returns:
        Images (N, C, H, W), of the dtype and on the device of `images`.
    """
    _, channels, height, width = images.shape
    device = images.device
    columns = torch.arange(width, device=device).expand(len(chosen), width)
    columns = torch.where(placements.mirrored[:, None], width - 1 - columns, columns)
    rows_NH = _reflected(torch.arange(height, device=device) + placements.down[:, None], height)
    columns_NW = _reflected(columns + placements.right[:, None], width)
    pixels_NHW = rows_NH[:, :, None] * width + columns_NW[:, None, :]
    moved = images.flatten(2)[chosen].gather(2, pixels_NHW.flatten(1)[:, None].expand(-1, channels, -1))
    return moved.view(len(chosen), channels, height, width)


def _reflected(position: torch.Tensor, size: int) -> torch.Tensor:
    """Positions outside [0, size) mirrored at the middle of the outermost pixel."""
    return size - 1 - (size - 1 - position.abs()).abs()
