"""What runs in a worker of a Ray cluster."""

import os
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import ray

from attnbench.errors import StoreError
from attnbench.execution import set_progress
from attnbench.executors.beside_signals import call_beside_signals
from attnbench.executors.devices import take_share
from attnbench.executors.ray_board import PROGRESS, leave, leave_beginning

T = TypeVar("T")


def call_on_cluster(number: int, call: Callable[[], T], folder: str, share: float, board: Any) -> T:
    """Make a call in a worker of Ray.

    Args:
        number: Which call it is, for the board.
        call: What is called.
        folder: Where the command was typed, from which paths are meant; every node has it.
        share: The part of a GPU that Ray has given.
        board: Hears of the beginning and of the progress.
    """
    try:
        os.chdir(folder)
    except OSError as error:
        raise StoreError(
            f"the node {node_name()} has no folder {folder}, where the command was typed; runs on a Ray cluster need "
            f"it on every node, by the same path: {error.strerror or error}"
        ) from error
    leave_beginning(board, number, node_name())
    set_progress(partial(leave, board, PROGRESS))
    if 0 < share < 1:
        take_share(share)
    return call_beside_signals(call)


def node_name() -> str:
    """What Ray calls the node that this is."""
    return str(ray.util.get_node_ip_address())
