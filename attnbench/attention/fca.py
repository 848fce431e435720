"""Frequency channel attention (FCA).

Qin, Zhang, Wu, Li: "FcaNet: Frequency Channel Attention Networks",
https://arxiv.org/abs/2012.11879.

    B_uv(i, j) = cos(πu(i + ½)/P) cos(πv(j + ½)/P)      basis of the discrete cosine transform
    z_c = Σ_ij x̄_cij B_uv(i, j) / P · (√2 where u > 0) · (√2 where v > 0)
    s   = sigmoid(W₂ relu(W₁ z))                        SE without biases
    y   = s · x

x̄ is the map, averaged to P×P; the channels are in n parts, each with its own
frequency (u, v). With n = 1, (u, v) = (0, 0), z is P times the mean: SE.

Departures: the authors' code (https://github.com/cfzd/FcaNet) sets P to the size of
the stage's map at 224 pixels (56, 28, 14, 7) and scales the frequencies by P/7. A
module here does not know its stage; P is 7 throughout, the grid on which the paper
chose its frequencies, unless `grid` is set, which scales them in the same way.
"""

import math
from typing import ClassVar, Literal

import torch
from torch import nn

from attnbench.attention.groups import reduced
from attnbench.attention.registration import register_attention
from attnbench.errors import SpecError
from attnbench.kernels.layout import at_least_float32
from attnbench.kernels.pooling import grid_mean
from attnbench.space import Choices, Divisors, SearchSpace

GRID = 7
"""Points a side of the grid on which frequencies are named."""

# (u, v) by the accuracy that each gave alone (paper, figure 4), and from low to high.
_U = {
    "top": (0, 0, 6, 0, 0, 1, 1, 4, 5, 1, 3, 0, 0, 0, 3, 2, 4, 6, 3, 5, 5, 2, 6, 5, 5, 3, 3, 4, 2, 2, 6, 1),
    "low": (0, 0, 1, 1, 0, 2, 2, 1, 2, 0, 3, 4, 0, 1, 3, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4),
}
_V = {
    "top": (0, 1, 0, 5, 2, 0, 2, 0, 0, 6, 0, 4, 6, 3, 5, 2, 6, 3, 3, 3, 5, 1, 1, 2, 4, 2, 1, 1, 3, 0, 5, 3),
    "low": (0, 1, 0, 1, 2, 0, 1, 2, 2, 3, 0, 0, 4, 3, 1, 5, 4, 3, 2, 1, 0, 6, 5, 4, 3, 2, 1, 0, 6, 5, 4, 3),
}


@register_attention("fca", placement="block")
class FrequencyChannelAttention(nn.Module):
    """A gate a channel from one frequency of each; 2·C²/r parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    basis: torch.Tensor

    search_space: ClassVar[SearchSpace] = {
        "frequencies": Divisors(high=len(_U["top"])),
        "order": Choices(("top", "low")),
        "reduction": Choices((4, 8, 16, 32)),
        "grid": Choices((GRID, 2 * GRID)),
    }

    def __init__(
        self,
        channels: int,
        *,
        frequencies: int = 16,
        order: Literal["top", "low"] = "top",
        reduction: int = 16,
        grid: int = GRID,
    ) -> None:
        """Make the basis and the two layers.

        Args:
            channels: C, channels of the feature map.
            frequencies: n, 1 to 32, a divisor of `channels`.
            order: The n best (``top``) or the n lowest (``low``).
            reduction: r; the layer between has C // r channels.
            grid: P, a multiple of 7.

        Raises:
            SpecError: If a setting is out of range.
        """
        super().__init__()
        if order not in _U:
            raise SpecError(f"order must be {' or '.join(_U)}; got order={order}")
        if not 1 <= frequencies <= len(_U[order]) or channels % frequencies:
            raise SpecError(
                f"frequencies must lie in 1 … {len(_U[order])} and divide channels; "
                f"got frequencies={frequencies}, channels={channels}"
            )
        if grid < GRID or grid % GRID:
            raise SpecError(f"grid must be a multiple of {GRID}; got grid={grid}")
        hidden = reduced(channels, reduction)
        scale = grid // GRID
        pairs = zip(_U[order][:frequencies], _V[order][:frequencies], strict=True)
        waves = torch.stack([torch.outer(_cosine(u * scale, grid), _cosine(v * scale, grid)) for u, v in pairs])
        self.grid = grid
        # Computed in float64, which some accelerators do not have, and rounded once to the type that the layers are
        # made in. For float64 arithmetic make the module with that default: .double() widens the rounded basis.
        basis = waves.repeat_interleave(channels // frequencies, 0).to(torch.get_default_dtype())
        self.register_buffer("basis", basis, persistent=False)
        self.squeeze = nn.Linear(channels, hidden, bias=False)
        self.excite = nn.Linear(hidden, channels, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each channel."""
        pooled = x if x.shape[2:] == self.basis.shape[1:] else grid_mean(x, self.grid)
        # In float32 at least: of a high frequency the terms nearly cancel.
        frequencies = (at_least_float32(pooled) * self.basis).sum((2, 3)).to(self.squeeze.weight.dtype)
        gate = torch.sigmoid(self.excite(torch.relu(self.squeeze(frequencies))))
        return x * gate.to(x.dtype)[:, :, None, None]

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"grid={self.grid}"


def _cosine(frequency: int, points: int) -> torch.Tensor:
    """One row of the orthonormal transform: float64 (points,)."""
    angles = math.pi * frequency * (torch.arange(points, dtype=torch.float64) + 0.5) / points
    return angles.cos() * math.sqrt((2 if frequency else 1) / points)
