"""What a module shows, unit by unit: a unit is a group, a channel or a whole map, whatever has a number of its own."""

import torch

from attnbench.visualize.capture import Captured

SECOND_BRANCH = "second branch"
"""Name of SK's weights of its second branch; those of the first are 1 less these."""


def shown_by_unit(captured: Captured) -> dict[str, torch.Tensor]:
    """The tensors that a module shows, by name (N, K, h, w) with K units; those of unknown shapes are left out.

    Known are (N, K, h, w), (N, K) and SK's ``branch_weights`` (N, 2, K, 1, 1), where one image may stand for all.

    Args:
        captured: A forward pass of the module.
    """
    found: dict[str, torch.Tensor] = {}
    for name, tensor in captured.shown.items():
        if name == "branch_weights" and tensor.dim() == 5 and tensor.shape[1] == 2:
            found[SECOND_BRANCH] = tensor[:, 1]
        elif tensor.dim() == 4:
            found[name] = tensor
        elif tensor.dim() == 2:
            found[name] = tensor[:, :, None, None]
    number = len(captured.output)
    return {name: tensor.expand(number, -1, -1, -1) for name, tensor in found.items() if len(tensor) in (1, number)}
