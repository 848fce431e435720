"""Efficient channel attention (ECA).

Wang, Wu, Zhu, Li, Zuo, Hu: "ECA-Net: Efficient Channel Attention for Deep
Convolutional Neural Networks", https://arxiv.org/abs/1910.03151.

    z = (1/HW) Σ_ij x_ij
    s = sigmoid(f_k z)              convolution of k neighbouring channels, no bias   (eq. 7, 8)
    k = |log₂(C)/γ + b/γ| made odd, with γ = 2 and b = 1                              (eq. 12)
    y = s · x

Departures: the authors' code (https://github.com/BangguWu/ECANet) is given k for each
stage, 3, 5, 5 and 7 in its ResNet-50; here k follows from C as in the paper unless it
is set, which gives 5, 5, 5 and 7 there.
"""

import math
from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.kernelled import Kernelled
from attnbench.attention.registration import register_attention
from attnbench.errors import SpecError
from attnbench.kernels.backend import Backend, check_backend, takes_operator
from attnbench.kernels.gates import scale_channels
from attnbench.space import Choices, SearchSpace


@register_attention("eca", placement="block")
class EfficientChannelAttention(Kernelled, nn.Module):
    """A gate a channel from the means of its neighbours; k parameters.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    search_space: ClassVar[SearchSpace] = {"kernel_size": Choices((None, 3, 5, 7, 9))}

    def __init__(self, channels: int, *, kernel_size: int | None = None, backend: Backend = "auto") -> None:
        """Make the convolution.

        Args:
            channels: C, channels of the feature map.
            kernel_size: k, odd; by default from C.
            backend: What computes it: PyTorch (``eager``), a kernel for GPUs (``triton``), or which fits (``auto``).

        Raises:
            SpecError: If `kernel_size` is not odd and positive, or there is no such `backend`.
        """
        super().__init__()
        if kernel_size is not None and (kernel_size < 1 or kernel_size % 2 == 0):
            raise SpecError(f"kernel_size must be odd; got kernel_size={kernel_size}")
        check_backend(backend)
        self.backend = backend
        kernel_size = kernel_size or adaptive_kernel_size(channels)
        self.conv = nn.Conv1d(1, 1, kernel_size, padding=kernel_size // 2, bias=False)

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
        gate: torch.Tensor = torch.sigmoid(self.conv(mean[:, None]))[:, 0]
        return gate


def adaptive_kernel_size(channels: int) -> int:
    """The kernel size of C channels (eq. 12).

    >>> [adaptive_kernel_size(channels) for channels in (64, 256, 512, 2048)]
    [3, 5, 5, 7]
    """
    size = int(abs(math.log2(channels) / 2 + 1 / 2))
    return size if size % 2 else size + 1
