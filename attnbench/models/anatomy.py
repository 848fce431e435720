"""The parts of a backbone that attention modules enter, in words common to all families."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from torch import nn

from attnbench.attention.registration import TARGETS, Target
from attnbench.errors import PlacementError

Side: TypeAlias = Literal["instead", "before", "after", "end"]
"""Where a module stands relative to a layer.

`instead`: in its place. `before`, `after`: on what goes in or comes out. `end`:
as the last of those that a container runs in turn.
"""


@dataclass(frozen=True, kw_only=True)
class Spot:
    """Where in a block or stage a module can stand."""

    layer: str
    """Name of the layer within the block or stage; empty for the whole."""
    side: Side
    """Relative to that layer."""
    channels: int
    """Channels of the feature map there."""
    channels_last: bool = False
    """Whether the map is N×H×W×C there."""


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """A block's spatial convolution, which a `conv` module can replace."""

    layer: str
    """Name of the layer to replace."""
    conv: nn.Conv2d
    """The convolution itself."""
    with_it: tuple[str, ...] = ()
    """Names of its norm and activation, where they are not within that layer."""


@dataclass(frozen=True, kw_only=True)
class Block:
    """A residual block, or what stands for one."""

    name: str
    """Qualified name in the backbone."""
    module: nn.Module
    """The block."""
    spots: Mapping[Target, Spot]
    """Where modules can stand; a block without an addition has no place beside one."""
    convolution: Convolution | None = None
    """What a `conv` module can replace."""
    own_attention: str | None = None
    """Name of the attention module that the block has of itself."""
    let_end: Callable[[nn.Module], None] | None = None
    """Lets a module at its end also add and rectify; see `attnbench.attention.ending`."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Blocks in a row whose feature maps have one size."""

    name: str
    """Qualified name in the backbone."""
    module: nn.Module
    """The stage."""
    blocks: tuple[Block, ...]
    """Its blocks, in order."""
    spot: Spot
    """Where a module can stand after it."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """Backbones that are made and taken apart alike."""

    name: str
    """Name of the family."""
    names: Callable[[], list[str]]
    """Gives the names of its backbones."""
    create: Callable[..., nn.Module]
    """Makes one from its name, `in_channels` and `num_classes`; its further keyword parameters are settings."""
    stages: Callable[[nn.Module], list[Stage]]
    """Gives the stages of one."""
    refused: Mapping[Target, str] = field(default_factory=dict)
    """Where its backbones take no module, and why."""

    @property
    def targets(self) -> tuple[Target, ...]:
        """Where its backbones take modules."""
        return tuple(target for target in TARGETS if target not in self.refused)


def unknown_block(name: str, block: nn.Module, known: Iterable[type[nn.Module]]) -> PlacementError:
    """The error for a block of a type that a family does not know."""
    allowed = ", ".join(block_type.__name__ for block_type in known)
    return PlacementError(f"{name}: blocks of type {type(block).__name__} take no attention; allowed: {allowed}")
