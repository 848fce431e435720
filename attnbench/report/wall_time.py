"""How long runs take that are done so many at once."""

from collections.abc import Iterable


def wall_time_s(runs: Iterable[tuple[float, int]], num_workers: int) -> float:
    """Seconds until all runs are done: no less than the longest of them takes, however many are done at once.

    Args:
        runs: Seconds of a run, and how many there are of it.
        num_workers: Runs at once.

    >>> wall_time_s([(100.0, 3), (60.0, 1)], num_workers=2), wall_time_s([(100.0, 1)], num_workers=2)
    (180.0, 100.0)
    """
    wanted = [(seconds, number) for seconds, number in runs if number]
    total = sum(seconds * number for seconds, number in wanted)
    return max(total / num_workers, max((seconds for seconds, _ in wanted), default=0.0))
