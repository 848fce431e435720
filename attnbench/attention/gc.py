"""Global context block (GC) of GCNet.

Cao, Xu, Lin, Wei, Hu: "GCNet: Non-local Networks Meet Squeeze-Excitation Networks
and Beyond", https://arxiv.org/abs/1904.11492.

With x_j the feature at position j:

    α_j = exp(w_k · x_j) / Σ_m exp(w_k · x_m)        attention over positions
    z   = Σ_j α_j x_j                                the context
    t   = W₂ relu(LN(W₁ z))                          transform
    y_i = x_i + t                                    fusion=add, the paper's
    y_i = x_i · sigmoid(t)                           fusion=mul
    y_i = x_i · sigmoid(t') + t                      fusion=both, with a transform each

The other fusions are in the authors' code, https://github.com/xvjiarui/GCNet, and in
the paper's ablation. That code has biases in w_k, W₁ and W₂, which the equations have
not: `source=official`, the default, is the code, because its checkpoints are of it;
`source=paper` has none. W₂ starts at 0 as there, so that training starts from y = x
with add and from y = x/2 with mul; w_k starts normal with the fan-in.

Departures: none. timm's GlobalContext is not used: its layer norm has ε = 1e-6 in
place of 1e-5, W₂ of mul does not start at 0, and other biases do not.
"""

from typing import ClassVar, Literal, get_args

import torch
from torch import nn

from attnbench.attention.groups import reduced
from attnbench.attention.registration import register_attention
from attnbench.attention.source import Source, check_source
from attnbench.errors import SpecError
from attnbench.space import Choices, SearchSpace

Fusion = Literal["add", "mul", "both"]


@register_attention("gc", placement="block")
class GlobalContext(nn.Module):
    """The context added to each position; 2·C²/r + 2·C/r + C parameters, official C/r + C + 1 more.

    The fusion both has a second transform.

    Shape: (N, C, H, W) in and out, any H and W.
    """

    search_space: ClassVar[SearchSpace] = {
        "reduction": Choices((4, 8, 16, 32)),
        "fusion": Choices(get_args(Fusion)),
    }

    def __init__(
        self, channels: int, *, reduction: int = 16, fusion: Fusion = "add", source: Source = "official"
    ) -> None:
        """Make the pooling and the transforms.

        Args:
            channels: C, channels of the feature map.
            reduction: r; a transform's hidden layer has C // r channels.
            fusion: Whether the context is added (``add``), is a gate a channel (``mul``), or both (``both``).
            source: With the biases of the authors' code (``official``), or without (``paper``).

        Raises:
            SpecError: If `reduction` is not in 1 … channels, or there is no such `fusion` or `source`.
        """
        super().__init__()
        check_source(source)
        if fusion not in get_args(Fusion):
            raise SpecError(f"fusion must be add, mul or both; got fusion={fusion}")
        hidden = reduced(channels, reduction)
        bias = source == "official"
        self.source = source
        self.score = nn.Conv2d(channels, 1, 1, bias=bias)
        nn.init.kaiming_normal_(self.score.weight, mode="fan_in")
        if self.score.bias is not None:
            nn.init.zeros_(self.score.bias)
        self.mul = _transform(channels, hidden, bias=bias) if fusion in ("mul", "both") else None
        self.add = _transform(channels, hidden, bias=bias) if fusion in ("add", "both") else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Fuse the context into each position."""
        attention = self.score(x).flatten(2).softmax(2)
        context = (x.flatten(2) @ attention.transpose(1, 2)).squeeze(2)
        y = x
        if self.mul is not None:
            y = y * torch.sigmoid(self.mul(context)).to(x.dtype)[:, :, None, None]
        if self.add is not None:
            y = y + self.add(context).to(x.dtype)[:, :, None, None]
        return y


def _transform(channels: int, hidden: int, *, bias: bool) -> nn.Sequential:
    last = nn.Linear(hidden, channels, bias=bias)
    nn.init.zeros_(last.weight)
    if bias:
        nn.init.zeros_(last.bias)
    return nn.Sequential(nn.Linear(channels, hidden, bias=bias), nn.LayerNorm(hidden), nn.ReLU(), last)
