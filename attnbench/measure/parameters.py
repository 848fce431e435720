"""How many parameters a model has."""

from torch import nn


def count_parameters(model: nn.Module) -> int:
    """Trainable parameters; one that is shared counts once."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
