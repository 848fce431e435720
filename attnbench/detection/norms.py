"""Batch norms that do not train: what `DetectionRecipe.norm` and `frozen_stages` do to a network.

Training mode is set anew at each epoch and after each validation, and would undo
what was done once. So the networks here do it whenever their mode is set,
and a module that was put in meanwhile is covered too.
"""

from collections.abc import Iterable

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from attnbench.detection_spec import Norm


def hold_norms(network: nn.Module, norm: Norm) -> None:
    """Keep the statistics of all batch norms in a network (`eval`), and their scales and shifts as well (`frozen`).

    Args:
        network: The network, whose mode was just set.
        norm: What becomes of them; `train` and `sync` leave them as they are.
    """
    if norm not in ("eval", "frozen"):
        return
    for module in network.modules():
        if isinstance(module, _BatchNorm):
            module.eval()
            if norm == "frozen":
                module.requires_grad_(False)


def freeze(parts: Iterable[nn.Module]) -> None:
    """Keep every parameter and statistic of some parts."""
    for part in parts:
        part.eval().requires_grad_(False)


def batch_norms(network: nn.Module) -> dict[str, nn.Module]:
    """The batch norms in a network by their qualified names."""
    return {name: module for name, module in network.named_modules() if isinstance(module, _BatchNorm)}
