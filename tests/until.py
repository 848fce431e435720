"""Waiting for what other processes do, for as long as a busy machine may need."""

import time
from collections.abc import Callable
from pathlib import Path


def wait_until(is_so: Callable[[], bool], *, seconds: float = 300) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: If it is not so in time.
    """
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def words_of(number: int, folder: Path) -> list[int]:
    """The processes that have left word of themselves in a folder, once they are so many."""
    wait_until(lambda: len(list(folder.iterdir())) >= number)
    words = [int(file.name) for file in folder.iterdir()]
    assert len(words) == number
    return words
