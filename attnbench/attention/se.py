"""Squeeze-and-excitation (SE).

Hu, Shen, Sun: "Squeeze-and-Excitation Networks", https://arxiv.org/abs/1709.01507.

    z = (1/HW) Σ_ij x_ij                       squeeze      (eq. 2)
    s = sigmoid(W₂ relu(W₁ z + b₁) + b₂)       excitation   (eq. 3)
    y = s · x                                  scale        (eq. 4)

Departures: none. The equations have no biases (`source=paper`); the authors' models
and those of SGE's authors, https://github.com/implus/PytorchInsight, have them, and
so `source=official` is the default.
"""

from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.groups import reduced
from attnbench.attention.kernelled import Kernelled
from attnbench.attention.observing import observe
from attnbench.attention.registration import register_attention
from attnbench.attention.source import Source, check_source
from attnbench.kernels.backend import Backend, check_backend, takes_operator
from attnbench.kernels.gates import scale_channels
from attnbench.space import Choices, SearchSpace


@register_attention("se", placement="block")
class SqueezeExcitation(Kernelled, nn.Module):
    """A gate a channel from the channels' means; 2·C²/r + C/r + C parameters.

    Shape: (N, C, H, W) in and out, any H and W. Shows ``gate``, s (N, C, 1, 1).
    """

    search_space: ClassVar[SearchSpace] = {
        "reduction": Choices((2, 4, 8, 16, 32)),
        "bias": Choices((None, False)),  # none: with biases, and without with source=paper
    }

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 16,
        bias: bool | None = None,
        source: Source = "official",
        backend: Backend = "auto",
    ) -> None:
        """Make the two layers.

        Args:
            channels: C, channels of the feature map.
            reduction: r; the layer between has C // r channels.
            bias: Whether both layers have biases; by default as `source` has it.
            source: The authors' layers (``official``) or the equations' (``paper``).
            backend: What computes it: PyTorch (``eager``), a kernel for GPUs (``triton``), or which fits (``auto``).

        Raises:
            SpecError: If `reduction` is not in 1 … channels, or there is no such `source` or `backend`.
        """
        super().__init__()
        check_source(source)
        check_backend(backend)
        self.source = source
        self.backend = backend
        bias = bias if bias is not None else source == "official"
        hidden = reduced(channels, reduction)
        self.squeeze = nn.Linear(channels, hidden, bias=bias)
        self.excite = nn.Linear(hidden, channels, bias=bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each channel."""
        return scale_channels(x, self._gate, backend=self.backend)

    def takes_end(self, x: torch.Tensor) -> bool:
        """Whether one pass ends a block; see `attnbench.attention.ending`."""
        return takes_operator(self.backend, x)

    def forward_end(self, x: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        """Give relu(forward(x) + shortcut)."""
        return scale_channels(x, self._gate, shortcut=shortcut, backend=self.backend)

    def _gate(self, mean: torch.Tensor) -> torch.Tensor:
        gate = torch.sigmoid(self.excite(torch.relu(self.squeeze(mean))))
        observe(self, gate=gate[:, :, None, None])
        return gate
