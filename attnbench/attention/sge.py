"""Spatial group-wise enhancement (SGE).

Li, Hu, Yang: "Spatial Group-wise Enhance: Improving Semantic Feature Learning
in Convolutional Networks", https://arxiv.org/abs/1905.09646.

In each of G channel groups, with x_i the group's feature at position i of m:

    g   = (1/m) Σ_i x_i                      the group's mean feature     (eq. 1)
    c_i = g · x_i                            similarity to it             (eq. 2)
    ĉ_i = (c_i − μ_c) / (σ_c + ε)            normalised over positions    (eq. 3)
    a_i = γ ĉ_i + β                          one γ, β a group             (eq. 4)
    y_i = x_i · sigmoid(a_i)                                              (eq. 5)

The authors' code, https://github.com/implus/PytorchInsight, and the paper differ
in σ_c, the root of the mean square with divisor m − 1 in the code and m in the
paper. `source=official`, the default, is the code, because its checkpoints and the
paper's results are of it; `source=paper` is the equation. ε = 1e-5 in both.

Departures: none where the authors' code runs and its result is finite. On a map of
one position, where that code gives NaN, ĉ = 0. Similarities and their statistics
are in float32 at least, because in half precision they overflow. Any memory layout
is taken. As a map nears a constant, ∂ĉ/∂c grows to 1/ε; the result stays, but where
σ_c + ε < 1e-3 the gradient through ĉ is damped to that of a deviation of 1e-3.
"""

from typing import ClassVar

import torch
from torch import nn

from attnbench.attention.groups import check_groups
from attnbench.attention.kernelled import Kernelled
from attnbench.attention.observing import is_observed, observe
from attnbench.attention.registration import register_attention
from attnbench.attention.source import Source, check_source
from attnbench.kernels.backend import Backend, check_backend, takes_operator
from attnbench.kernels.sge import enhance, enhance_add_relu
from attnbench.kernels.sge_eager import compute_gate, split
from attnbench.space import Choices, Divisors, Floats, SearchSpace


@register_attention("sge", placement="block")
class SpatialGroupEnhance(Kernelled, nn.Module):
    """SGE over G groups of channels; 2·G parameters.

    Shape: (N, C, H, W) in and out, any H and W. Shows ``similarity``, c, ``normalized``, ĉ, where it normalises, and
    ``gate``, sigmoid(a), each (N, G, H, W).
    """

    search_space: ClassVar[SearchSpace] = {
        "groups": Divisors(),
        "gate_scale_init": Floats(0.0, 1.0, grid=(0.0, 1.0)),
        "gate_shift_init": Floats(-1.0, 2.0, grid=(0.0, 1.0)),
        "normalize": Choices((True, False)),
    }

    def __init__(
        self,
        channels: int,
        *,
        groups: int = 64,
        gate_scale_init: float = 0.0,
        gate_shift_init: float = 1.0,
        normalize: bool = True,
        source: Source = "official",
        backend: Backend = "auto",
    ) -> None:
        """Make the gate's scale and shift.

        Args:
            channels: C, channels of the feature map.
            groups: G, a divisor of `channels`; the paper takes 64 for ImageNet.
            gate_scale_init: Initial γ. At 0 training starts from a constant gate.
            gate_shift_init: Initial β. At 1 that gate is sigmoid(1) = 0.73.
            normalize: Whether similarities are normalised over positions (eq. 3); without it a_i = γ c_i + β.
            source: σ_c of the authors' code (``official``) or of the equation (``paper``).
            backend: What computes it: PyTorch (``eager``), a kernel for GPUs (``triton``), or which fits (``auto``).

        Raises:
            SpecError: If `groups` does not divide `channels`, or there is no such `source` or `backend`.
        """
        super().__init__()
        check_groups(groups, channels)
        check_source(source)
        check_backend(backend)
        self.groups = groups
        self.normalize = normalize
        self.source = source
        self.backend = backend
        self.gate_scale = nn.Parameter(torch.full((groups,), float(gate_scale_init)))
        self.gate_shift = nn.Parameter(torch.full((groups,), float(gate_shift_init)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Re-weight each group's positions by their similarity to its mean feature."""
        if is_observed(self):
            self._show(x)
        return enhance(x, self.gate_scale, self.gate_shift, backend=self.backend, **self._equation)

    def takes_end(self, x: torch.Tensor) -> bool:
        """Whether one kernel ends a block; see `attnbench.attention.ending`."""
        return takes_operator(self.backend, x)

    def forward_end(self, x: torch.Tensor, shortcut: torch.Tensor) -> torch.Tensor:
        """Give relu(forward(x) + shortcut)."""
        if is_observed(self):
            self._show(x)
        return enhance_add_relu(x, shortcut, self.gate_scale, self.gate_shift, backend=self.backend, **self._equation)

    @property
    def _equation(self) -> dict[str, bool]:
        return {"normalize": self.normalize, "official": self.source == "official"}

    def _show(self, x: torch.Tensor) -> None:
        parts = split(x, self.groups)
        with torch.autocast(x.device.type, enabled=False):
            computed = compute_gate(parts, self.gate_scale, self.gate_shift, **self._equation)
        shown = {"similarity": computed.similarity, "gate": computed.gate}
        shown |= {"normalized": computed.coefficient} if self.normalize else {}
        observe(self, **{name: parts.by_group(tensor, *x.shape[2:]) for name, tensor in shown.items()})

    def extra_repr(self) -> str:
        """Settings for `repr`."""
        return f"groups={self.groups}, normalize={self.normalize}, source={self.source}"
