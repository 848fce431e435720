"""SimAM: a gate for each value from an energy function, without parameters.

Yang, Zhang, Li, Xie: "SimAM: A Simple, Parameter-Free Attention Module for
Convolutional Neural Networks", ICML 2021,
https://proceedings.mlr.press/v139/yang21o.html.

    μ = mean of the channel over positions,  σ² = Σ_i (x_i − μ)² / (m − 1)
    1/e_i = (x_i − μ)² / (4 (σ² + λ)) + 1/2                    (eq. 5)
    y_i = x_i · sigmoid(1/e_i)                                 (eq. 6)

Departures: σ² has the divisor m − 1 of the authors' code
(https://github.com/ZjjConan/SimAM), whose results the paper reports; on a map of one
position, where that code gives NaN, σ² = 0. Statistics are in float32 at least.
"""

from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.registration import register_attention
from attnbench.errors import SpecError
from attnbench.kernels.simam_eager import weigh
from attnbench.space import Floats, SearchSpace


@register_attention("simam", placement="block")
class SimAM(nn.Module):
    """A gate for each channel and position; no parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    search_space: ClassVar[SearchSpace] = {
        "regularization": Floats(1e-6, 1e-1, log=True, grid=(1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1))
    }

    def __init__(self, channels: int, *, regularization: float = 1e-4) -> None:
        """Set λ.

        Args:
            channels: C, channels of the feature map; any.
            regularization: λ, positive; the authors take 0.1 in their ImageNet models.

        Raises:
            SpecError: If `regularization` is not positive.
        """
        super().__init__()
        if not regularization > 0:
            raise SpecError(f"regularization must be positive; got regularization={regularization}")
        self.regularization = regularization

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Weigh each value by how far it is from its channel's mean."""
        return weigh(x, self.regularization)

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"regularization={self.regularization}"
