"""Where workers of a Ray cluster tell of their progress. Its process needs no torch."""

import contextlib
from typing import Any

import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

_ANSWER_S = 10.0

BEGUN = "begun"
"""A word of this kind goes with the number of a call and the node where it begins."""
PROGRESS = "progress"
"""A word of this kind goes with what `SuiteProgress` takes."""


class Board:
    """An actor: workers leave words, and the process that has the executor fetches them."""

    def __init__(self) -> None:
        self.words: list[tuple[Any, ...]] = []

    def leave(self, *word: Any) -> None:
        """Keep a word until it is fetched."""
        self.words.append(word)

    def fetch(self) -> list[tuple[Any, ...]]:
        """All words since the last time, in their order."""
        words, self.words = self.words, []
        return words


def open_board() -> Any:
    """A board on the node of this process, which Ray starts again should it end."""
    here = NodeAffinitySchedulingStrategy(node_id=ray.get_runtime_context().get_node_id(), soft=True)
    return ray.remote(num_cpus=0, max_restarts=-1, scheduling_strategy=here)(Board).remote()


def leave(board: Any, *word: Any) -> None:
    """Leave a word, without waiting for an answer: a board that is gone is no reason for a run to end."""
    with contextlib.suppress(ray.exceptions.RayError):
        board.leave.remote(*word)


def leave_beginning(board: Any, number: int, node: str) -> None:
    """Leave word that a call begins, and wait until it is there: whoever counts lost workers must not miss one."""
    with contextlib.suppress(ray.exceptions.RayError):
        ray.get(board.leave.remote(BEGUN, number, node), timeout=_ANSWER_S)
