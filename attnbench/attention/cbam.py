"""Convolutional block attention module (CBAM).

Woo, Park, Lee, Kweon: "CBAM: Convolutional Block Attention Module",
https://arxiv.org/abs/1807.06521.

    M_c = sigmoid(MLP(avgpool x) + MLP(maxpool x))         channel gate   (eq. 2)
    x'  = M_c · x
    M_s = sigmoid(f⁷ˣ⁷([mean_c x'; max_c x']))             spatial gate   (eq. 3)
    y   = M_s · x'

In the authors' code, https://github.com/Jongchan/attention-module, which SGE's
authors also ran, the MLP has biases (at 0 initially), and a batch norm (momentum 0.01)
stands behind the convolution, whose scale starts at 0: training begins with a spatial
gate of one half. `source=official`, the default, is the code, because the checkpoints
and the paper's results are of it; `source=paper` has neither biases nor that norm.

Departures: the convolution takes the maximum first in both, as in the authors' code.
A batch norm of a single value uses its running statistics.
"""

from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.groups import reduced
from attnbench.attention.kernelled import Kernelled
from attnbench.attention.norm import BatchNorm
from attnbench.attention.observing import observe
from attnbench.attention.registration import register_attention
from attnbench.attention.source import Source, check_source
from attnbench.errors import SpecError
from attnbench.kernels.backend import Backend, check_backend, takes_operator
from attnbench.kernels.gates import scale_channels, scale_positions, scale_twice
from attnbench.space import Choices, SearchSpace


@register_attention("cbam", placement="block")
class CBAM(Kernelled, nn.Module):
    """A gate a channel, then a gate a position; 2·C²/r + 2·k² parameters, official C/r + C + 2 more.

    Shape: (N, C, H, W) in and out, any H and W. Shows ``channel_gate``, M_c (N, C, 1, 1), and ``spatial_gate``,
    M_s (N, 1, H, W).
    """

    search_space: ClassVar[SearchSpace] = {
        "reduction": Choices((4, 8, 16, 32)),
        "kernel_size": Choices((3, 5, 7)),
        "channel_gate": Choices((True, False)),
        "spatial_gate": Choices((True, False)),
    }

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 16,
        kernel_size: int = 7,
        channel_gate: bool = True,
        spatial_gate: bool = True,
        source: Source = "official",
        backend: Backend = "auto",
    ) -> None:
        """Make the gates.

        Args:
            channels: C, channels of the feature map.
            reduction: r; the MLP's hidden layer has C // r channels.
            kernel_size: k, odd, of the spatial gate's convolution.
            channel_gate: Whether there is a channel gate.
            spatial_gate: Whether there is a spatial gate.
            source: With the biases and the norm of the authors' code (``official``), or without (``paper``).
            backend: What computes it: PyTorch (``eager``), a kernel for GPUs (``triton``), or which fits (``auto``).

        Raises:
            SpecError: If `reduction` is not in 1 … channels, `kernel_size` is even, both gates are off, or there
                is no such `source` or `backend`.
        """
        super().__init__()
        check_source(source)
        check_backend(backend)
        self.source = source
        self.backend = backend
        official = source == "official"
        if not (channel_gate or spatial_gate):
            raise SpecError("cbam needs a gate; got channel_gate=false and spatial_gate=false")
        if kernel_size < 1 or kernel_size % 2 == 0:
            raise SpecError(f"kernel_size must be odd; got kernel_size={kernel_size}")
        hidden = reduced(channels, reduction)
        self.channel_gate: nn.Module = nn.Identity()
        self.spatial_gate: nn.Module = nn.Identity()
        if channel_gate:
            self.channel_gate = ChannelGate(channels, hidden, bias=official, backend=backend)
        if spatial_gate:
            self.spatial_gate = SpatialGate(kernel_size, norm=official, backend=backend)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the gates in turn."""
        if takes_operator(self.backend, x):
            return self._by_operators(x, None)
        gated: torch.Tensor = self.spatial_gate(self.channel_gate(x))
        return gated

    def takes_end(self, x: torch.Tensor) -> bool:
        """Whether one pass ends a block; see `attnbench.attention.ending`."""
        return takes_operator(self.backend, x)

    def forward_end(self, x: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        """Give relu(forward(x) + shortcut)."""
        return self._by_operators(x, shortcut)

    def _by_operators(self, x: torch.Tensor, shortcut: torch.Tensor | None) -> torch.Tensor:
        channel, spatial = self.channel_gate, self.spatial_gate
        if isinstance(channel, ChannelGate) and isinstance(spatial, SpatialGate):
            return scale_twice(x, channel.gate, spatial.gate, shortcut=shortcut, backend=self.backend)
        if isinstance(channel, ChannelGate):
            return scale_channels(x, channel.gate, with_maximum=True, shortcut=shortcut, backend=self.backend)
        assert isinstance(spatial, SpatialGate)
        return scale_positions(x, spatial.gate, shortcut=shortcut, backend=self.backend)


class ChannelGate(Kernelled, nn.Module):
    """CBAM's gate a channel, from the mean and the maximum of each."""

    def __init__(self, channels: int, hidden: int, *, bias: bool, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        layers = nn.Linear(channels, hidden, bias=bias), nn.Linear(hidden, channels, bias=bias)
        for layer in layers if bias else ():
            nn.init.zeros_(layer.bias)
        self.mlp = nn.Sequential(layers[0], nn.ReLU(), layers[1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each channel of (N, C, H, W)."""
        return scale_channels(x, self.gate, with_maximum=True, backend=self.backend)

    def gate(self, mean: torch.Tensor, maximum: torch.Tensor) -> torch.Tensor:
        """M_c (N, C), of the channels' means and maxima (N, C)."""
        gate = torch.sigmoid(self.mlp(mean) + self.mlp(maximum))
        observe(self, channel_gate=gate[:, :, None, None])
        return gate


class SpatialGate(Kernelled, nn.Module):
    """CBAM's gate a position, from the mean and the maximum over the channels."""

    def __init__(self, kernel_size: int, *, norm: bool, backend: Backend) -> None:
        super().__init__()
        self.backend = backend
        self.conv = nn.Conv2d(2, 1, kernel_size, padding=kernel_size // 2, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, mode="fan_out")
        self.norm: nn.Module = nn.Identity()
        if norm:
            self.norm = BatchNorm(1, momentum=0.01)
            nn.init.zeros_(self.norm.weight)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Scale each position of (N, C, H, W)."""
        return scale_positions(x, self.gate, backend=self.backend)

    def gate(self, mean: torch.Tensor, maximum: torch.Tensor) -> torch.Tensor:
        """M_s (N, 1, H, W), of mean and maximum (N, 1, H, W) over the channels."""
        gate = torch.sigmoid(self.norm(self.conv(torch.cat((maximum, mean), 1))))
        observe(self, spatial_gate=gate)
        return gate
