"""Blocks of timm's ResNets whose attention module adds the shortcut and rectifies in the same pass."""

from typing import Any, ClassVar

import torch
from timm.models.resnet import BasicBlock, Bottleneck
from torch import nn


class _EndedByAttention:
    """Runs the layers of the branch, and leaves the rest to the module where that is one pass.

    Anyone who hooks a layer that would be passed over sees it run as ever.
    """

    plain_class: ClassVar[type[nn.Module]]
    """The block of timm that this one is otherwise."""
    branch: ClassVar[tuple[str, ...]]
    """The layers before the attention module, in their order."""
    activation: ClassVar[str]
    """The layer after the addition."""

    def forward(self: Any, x: torch.Tensor) -> torch.Tensor:
        """The block's output."""
        attention = self.se
        takes_end = getattr(attention, "takes_end", None)
        # What is compiled is what the module is called for.
        if takes_end is None or attention._compiled_call_impl is not None:
            return _plain(self, x)
        drops = self.drop_path is not None and self.training
        passed_over = (attention, self.drop_path, getattr(self, self.activation))
        # The hooks last: looking for them takes longest, and on a CPU nothing takes the end.
        if drops or not takes_end(x) or any(map(_is_hooked, passed_over)):
            return _plain(self, x)
        branch = x
        for name in self.branch:
            branch = getattr(self, name)(branch)
        shortcut = x if self.downsample is None else self.downsample(x)
        ended: torch.Tensor = attention.forward_end(branch, shortcut)
        return ended


class EndedBasicBlock(_EndedByAttention, BasicBlock):  # type: ignore[misc]
    """A basic block."""

    plain_class = BasicBlock
    branch = ("conv1", "bn1", "drop_block", "act1", "aa", "conv2", "bn2")
    activation = "act2"


class EndedBottleneck(_EndedByAttention, Bottleneck):  # type: ignore[misc]
    """A bottleneck block."""

    plain_class = Bottleneck
    branch = ("conv1", "bn1", "act1", "conv2", "bn2", "drop_block", "act2", "aa", "conv3", "bn3")
    activation = "act3"


def let_end(block: Any) -> None:
    """Let a block's attention module, an `EndsBlock`, end it, if what follows is an addition and ReLU.

    The block keeps its layers and their names, and is still an instance of timm's class.
    """
    ended = next((ended for ended in (EndedBasicBlock, EndedBottleneck) if ended.plain_class is type(block)), None)
    if ended is not None and type(getattr(block, ended.activation)) is nn.ReLU:
        block.__class__ = ended


def plain_class(block: nn.Module) -> type[nn.Module]:
    """The class of timm that a block is of."""
    return block.plain_class if isinstance(block, _EndedByAttention) else type(block)


def _plain(block: Any, x: torch.Tensor) -> torch.Tensor:
    output: torch.Tensor = block.plain_class.forward(block, x)
    return output


def _is_hooked(layer: Any) -> bool:
    return layer is not None and any(
        part._forward_hooks or part._forward_pre_hooks or part._backward_hooks or part._backward_pre_hooks
        for part in layer.modules()
    )
