"""Bottleneck attention module (BAM).

Park, Woo, Lee, Kweon: "BAM: Bottleneck Attention Module",
https://arxiv.org/abs/1807.06514.

    M_c = BN(MLP(avgpool x))                                  channel branch   (eq. 3)
    M_s = BN(f₃¹ˣ¹(f₂³ˣ³(f₁³ˣ³(f₀¹ˣ¹ x))))                    spatial branch   (eq. 4)
    y   = x + x · sigmoid(M_c + M_s)                                           (eq. 1, 2)

The authors' code, https://github.com/Jongchan/attention-module, which SGE's authors
also ran, multiplies the branches where the paper adds them. `source=official`, the
default, is the code, because the checkpoints are of it; `source=paper` is the sum.

Departures: in both, batch norm and ReLU stand behind every layer of a branch but
the last, and biases start at 0, as in the authors' code, not a batch norm at the
branch's end. That code pools by windows of H×H, which fails for H > W and pools
wrongly for W > H; here the mean is over the whole map. A batch norm of a single
value uses its running statistics.
"""

from typing import ClassVar, Literal

import torch
from torch import nn

from attnbench.attention.groups import reduced
from attnbench.attention.kernelled import Kernelled
from attnbench.attention.norm import BatchNorm
from attnbench.attention.observing import is_observed, observe
from attnbench.attention.registration import register_attention
from attnbench.attention.source import Source, check_source
from attnbench.errors import SpecError
from attnbench.kernels.backend import Backend, check_backend
from attnbench.kernels.bam_eager import gate_of
from attnbench.kernels.gates import add_gated_map
from attnbench.space import Choices, SearchSpace


@register_attention("bam", placement="stage")
class BAM(Kernelled, nn.Module):
    """A gate a channel and position; with h = C/r: 3·C·h + C + 18·h² + 13·h + 1 parameters.

    Shape: (N, C, H, W) in and out, any H and W. Shows ``channel``, M_c (N, C, 1, 1), ``spatial``, M_s (N, 1, H, W),
    both before the sigmoid, and ``gate``, sigmoid of their sum or product (N, C, H, W).
    """

    search_space: ClassVar[SearchSpace] = {
        "reduction": Choices((4, 8, 16, 32)),
        "dilation": Choices((1, 2, 4, 6)),
        "combine": Choices((None, "sum")),  # none: the product, and the sum with source=paper
    }

    def __init__(
        self,
        channels: int,
        *,
        reduction: int = 16,
        dilation: int = 4,
        combine: Literal["sum", "product"] | None = None,
        source: Source = "official",
        backend: Backend = "auto",
    ) -> None:
        """Make the branches.

        Args:
            channels: C, channels of the feature map.
            reduction: r; both branches work on C // r channels.
            dilation: Of the spatial branch's 3×3 convolutions.
            combine: ``sum`` or ``product`` of the branches; by default as `source` has it.
            source: The authors' product (``official``) or the paper's sum (``paper``).
            backend: What computes it: PyTorch (``eager``), a kernel for GPUs (``triton``), or which fits (``auto``).

        Raises:
            SpecError: If `reduction` is not in 1 … channels, `dilation` is not positive, or there is no such
                `combine`, `source` or `backend`.
        """
        super().__init__()
        check_source(source)
        if combine not in (None, "sum", "product"):
            raise SpecError(f"combine must be sum or product; got combine={combine}")
        hidden = reduced(channels, reduction)
        if dilation < 1:
            raise SpecError(f"dilation must be at least 1; got dilation={dilation}")
        check_backend(backend)
        self.source = source
        self.backend = backend
        self.combine = combine or ("product" if source == "official" else "sum")
        self.channel_branch = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), BatchNorm(hidden), nn.ReLU(), nn.Conv2d(hidden, channels, 1)
        )
        self.spatial_branch = nn.Sequential(
            *_conv_norm_relu(nn.Conv2d(channels, hidden, 1)),
            *_conv_norm_relu(nn.Conv2d(hidden, hidden, 3, padding=dilation, dilation=dilation)),
            *_conv_norm_relu(nn.Conv2d(hidden, hidden, 3, padding=dilation, dilation=dilation)),
            nn.Conv2d(hidden, 1, 1),
        )
        for conv in (*self.channel_branch, *self.spatial_branch):
            if isinstance(conv, nn.Conv2d):
                nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
        for conv in self.spatial_branch:
            if isinstance(conv, nn.Conv2d):
                nn.init.kaiming_normal_(conv.weight, mode="fan_out")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Add the gated map to the map."""
        channel = self.channel_branch(x.mean((2, 3), keepdim=True))
        spatial = self.spatial_branch(x)
        product = self.combine == "product"
        if is_observed(self):
            gate = gate_of(x, channel, spatial, product=product)
            observe(self, channel=channel, spatial=spatial, gate=gate)
        return add_gated_map(x, channel, spatial, product=product, backend=self.backend)


def _conv_norm_relu(conv: nn.Conv2d) -> tuple[nn.Module, ...]:
    return conv, BatchNorm(conv.out_channels), nn.ReLU()
