"""Gather-excite (GE).

Hu, Shen, Albanie, Sun, Vedaldi: "Gather-Excite: Exploiting Feature Context in
Convolutional Neural Networks", https://arxiv.org/abs/1810.12348.

    x̂ = gather(x)                                 one value for each e×e of positions
    y = x · sigmoid(nearest-neighbour(x̂))         excite

    GE-θ⁻  parametric=false            mean over windows of 2e − 1, stride e
    GE-θ   parametric=true             log₂ e depthwise 3×3 convolutions of stride 2 with batch norm,
                                       ReLU between; for the global extent one of the map's size
    GE-θ⁺  parametric=true,mlp=true    GE-θ, then 1×1 convolutions C → C/16 → C with ReLU between

θ⁻ with the global extent is the default: it has no parameters and is SE without
its layers.

Windows that reach over the border take the mean of what is inside (`source=paper`,
the default), or count the zeros outside too (`source=official`), as the average
pooling of Caffe does, in which the authors worked; they published no model to hold
this to (https://github.com/hujie-frank/GENet).

Departures: the GE of timm 1.0.31 is not used: its parametric form raises TypeError.
The global depthwise kernel gets its size from the first map; on maps of another
size it is resized, keeping its sum, so that a network still runs there. A batch
norm of a single value uses its running statistics.
"""

import math
import warnings
from typing import ClassVar, Literal

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import UninitializedParameter

from attnbench.attention.groups import reduced
from attnbench.attention.kernelled import Kernelled
from attnbench.attention.norm import BatchNorm
from attnbench.attention.observing import is_observed, observe
from attnbench.attention.registration import register_attention
from attnbench.attention.source import Source, check_source
from attnbench.errors import SpecError
from attnbench.kernels.backend import Backend, check_backend, differentiates, takes_operator
from attnbench.kernels.gates import scale_by_means, scale_channels
from attnbench.space import Choices, SearchSpace

MLP_REDUCTION = 16


@register_attention("ge", placement="block")
class GatherExcite(Kernelled, nn.Module):
    """A gate for each channel and e×e of positions.

    Parameters: θ⁻ none; θ log₂ e · (9·C + 2·C), global H·W·C + 2·C; θ⁺ 2·C²/16 + C/16 + C more.

    Shape: (N, C, H, W) in and out, any H and W. Shows ``gate`` (N, C, H, W), or (N, C, 1, 1) with the global extent.
    """

    search_space: ClassVar[SearchSpace] = {
        "extent": Choices((2, 4, 8, "global")),
        "parametric": Choices((True, False)),
        "mlp": Choices((True, False)),
    }

    def __init__(
        self,
        channels: int,
        *,
        extent: int | Literal["global"] = "global",
        parametric: bool = False,
        mlp: bool = False,
        source: Source = "paper",
        backend: Backend = "auto",
    ) -> None:
        """Make gather and excite.

        Args:
            channels: C, channels of the feature map.
            extent: e, a power of two from 2, or `global`.
            parametric: Whether gather is learnt (θ).
            mlp: Whether two 1×1 convolutions follow it (θ⁺).
            source: Whether windows count the zeros beyond the border (``official``) or not (``paper``); it
                matters to θ⁻ with an extent other than global.
            backend: What computes it: PyTorch (``eager``), a kernel for GPUs (``triton``), or which fits (``auto``).
                Kernels there are for means of the global extent, with the MLP or without.

        Raises:
            SpecError: If `extent` is neither a power of two from 2 nor global, there are fewer than 16 channels
                for the MLP, or there is no such `source` or `backend`.
        """
        super().__init__()
        check_source(source)
        if isinstance(extent, str) and extent != "global":
            raise SpecError(f"extent must be 2, 4, 8 or another power of two, or global; got extent={extent}")
        if extent != "global" and (extent < 2 or extent & (extent - 1)):
            raise SpecError(f"extent must be 2, 4, 8 or another power of two, or global; got extent={extent}")
        check_backend(backend)
        self.extent = extent
        self.backend = backend
        self.has_kernel = extent == "global" and not parametric
        self.gather: nn.Module
        if extent == "global":
            self.gather = _parametric_global(channels) if parametric else nn.AdaptiveAvgPool2d(1)
        elif parametric:
            self.gather = _strided_convolutions(channels, int(math.log2(extent)))
        else:
            self.gather = nn.AvgPool2d(
                2 * extent - 1, stride=extent, padding=extent - 1, count_include_pad=source == "official"
            )
        self.mlp: nn.Module = nn.Identity()
        if mlp:
            hidden = reduced(channels, MLP_REDUCTION)
            self.mlp = nn.Sequential(nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Gate each position by its neighbourhood."""
        # In inference PyTorch's own pooling is as good, and is counted as what it is.
        if self.has_kernel and (differentiates() or takes_operator(self.backend, x)):
            return self._by_means(x, None)
        gate = torch.sigmoid(self.mlp(self.gather(x))).to(x.dtype)
        if self.extent != "global":
            # Position i belongs to window ⌊i / e⌋, also where e does not divide the map.
            height, width = x.shape[2:]
            gate = gate.repeat_interleave(self.extent, 2)[:, :, :height]
            gate = gate.repeat_interleave(self.extent, 3)[:, :, :, :width]
        observe(self, gate=gate)
        return x * gate

    def takes_end(self, x: torch.Tensor) -> bool:
        """Whether one pass ends a block; see `attnbench.attention.ending`."""
        return self.has_kernel and takes_operator(self.backend, x)

    def forward_end(self, x: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        """Give relu(forward(x) + shortcut), of means of the global extent."""
        return self._by_means(x, shortcut)

    def _by_means(self, x: torch.Tensor, shortcut: torch.Tensor | None) -> torch.Tensor:
        if isinstance(self.mlp, nn.Identity) and not is_observed(self):
            return scale_by_means(x, shortcut=shortcut, backend=self.backend)
        return scale_channels(x, self._gate, shortcut=shortcut, backend=self.backend)

    def _gate(self, mean: torch.Tensor) -> torch.Tensor:
        gate = torch.sigmoid(self.mlp(mean[:, :, None, None]))
        observe(self, gate=gate)
        return gate.flatten(1)

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"extent={self.extent}"


class GlobalDepthwise(LazyModuleMixin, nn.Module):
    """A depthwise convolution as large as the first map it sees: (N, C, H, W) → (N, C, 1, 1)."""

    def __init__(self, channels: int) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Lazy modules are a new feature")
            super().__init__()
        self.channels = channels
        self.weight = UninitializedParameter()

    def initialize_parameters(self, x: torch.Tensor) -> None:
        """Make the kernel (C, H, W) for maps of the size of `x`, as torch initialises a convolution."""
        if self.has_uninitialized_params():
            with torch.no_grad():
                self.weight.materialize((self.channels, *x.shape[2:]))
                bound = self.weight[0].numel() ** -0.5
                self.weight.uniform_(-bound, bound)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Weighted sum of each channel."""
        kernel: torch.Tensor = self.weight
        if kernel.shape[1:] != x.shape[2:]:
            resized = functional.interpolate(kernel[None], x.shape[2:], mode="bilinear", align_corners=False)[0]
            kernel = resized * (self.weight[0].numel() / resized[0].numel())
        return (x * kernel.to(x.dtype)).sum((2, 3), keepdim=True)


def _parametric_global(channels: int) -> nn.Sequential:
    return nn.Sequential(GlobalDepthwise(channels), BatchNorm(channels))


def _strided_convolutions(channels: int, number: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for index in range(number):
        layers += [nn.ReLU()] if index else []
        layers += [
            nn.Conv2d(channels, channels, 3, stride=2, padding=1, groups=channels, bias=False),
            BatchNorm(channels),
        ]
    return nn.Sequential(*layers)
