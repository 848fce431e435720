"""The processes of one run, called ranks as in torch: which of them this is, and what they tell one another.

A run on one device is the only rank. Where several ranks train together, every one of them calls the functions here
in the same order, or they wait for one another in vain.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from torch import distributed

if TYPE_CHECKING:
    from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment

T = TypeVar("T")

_PATIENCE = timedelta(hours=2)
"""While rank zero reads data or measures, the others wait. One that dies is noticed by what has started it."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """The part of each batch that one rank gets: every `number`-th image, from the `index`-th on."""

    index: int = 0
    """The rank, counted from 0."""
    number: int = 1
    """How many there are."""

    @property
    def part(self) -> slice:
        """The part of any sequence."""
        return slice(self.index, None, self.number)


@contextmanager
def together(share: Share, environment: "ClusterEnvironment", *, on_gpu: bool, **meeting: Any) -> Iterator[None]:
    """Be a rank while inside; all enter, and leave.

    Args:
        share: Which rank this is, and of how many.
        environment: What Lightning asks where the ranks are.
        on_gpu: Whether each has a GPU: of those of its machine that of its number there.
        **meeting: Where they meet, as torch's `init_process_group` takes it.
    """
    global _environment
    if on_gpu:
        torch.cuda.set_device(environment.local_rank())
    backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
    distributed.init_process_group(backend, rank=share.index, world_size=share.number, timeout=_PATIENCE, **meeting)
    _environment = environment
    yield
    # Not after an exception: the others would hear of a lost connection before this process's reason is told.
    distributed.barrier()
    distributed.destroy_process_group()


def leave() -> None:
    """Be no rank any more, after an exception in `together`."""
    if is_rank():
        distributed.destroy_process_group()


def cluster_environment() -> "ClusterEnvironment":
    """What Lightning asks where the ranks are, within `together`."""
    assert _environment is not None
    return _environment


_environment: "ClusterEnvironment | None" = None


def this_share() -> Share:
    """What this process gets."""
    return Share(index=distributed.get_rank(), number=num_ranks()) if is_rank() else Share()


def is_rank() -> bool:
    """Whether this process trains together with others."""
    return distributed.is_available() and distributed.is_initialized()


def num_ranks() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if is_rank() else 1


def leads() -> bool:
    """Whether this is rank zero, which alone writes files and tells of the progress."""
    return this_share().index == 0


def seed_of_rank(seed: int) -> int:
    """Seed of what a model draws itself, such as dropout and sampled regions.

    Rank zero has the run's own. Each of the others has another, since it sees other images.
    """
    index = this_share().index
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0]) if index else seed


def gathered(value: T) -> list[T]:
    """The values of all ranks, in their order; they must be picklable."""
    if not is_rank():
        return [value]
    values: list[T | None] = [None] * num_ranks()
    distributed.all_gather_object(values, value)
    return values  # type: ignore[return-value]


def from_leader(make: Callable[[], T]) -> T:
    """What rank zero makes, on every rank; it must be picklable, and the others wait for it."""
    if not is_rank():
        return make()
    values = [make() if leads() else None]
    distributed.broadcast_object_list(values)
    return values[0]  # type: ignore[return-value]


def interleaved(parts: list[torch.Tensor]) -> torch.Tensor:
    """What was made of each image of a split, in the split's order.

    Args:
        parts: Of each rank, (images of the rank, …), in the order in which it met them. A batch is a multiple of the
            ranks, so that rank r had the images r, r + num_ranks, …
    """
    whole = parts[0].new_empty((sum(map(len, parts)), *parts[0].shape[1:]))
    for index, part in enumerate(parts):
        whole[Share(index=index, number=len(parts)).part] = part
    return whole


def average(tensors: list[torch.Tensor]) -> None:
    """Put the mean over all ranks in the place of each tensor."""
    for tensor in tensors:
        distributed.all_reduce(tensor)
        tensor /= num_ranks()


def copy_leaders(tensors: list[torch.Tensor]) -> None:
    """Put rank zero's values in the place of each tensor."""
    for tensor in tensors:
        distributed.broadcast(tensor, src=0)
