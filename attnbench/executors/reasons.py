"""Why a run was ended, in the same words whatever executes it."""

from attnbench.errors import RunTimeoutError
from attnbench.report.numbers import duration


def took_too_long(run_timeout_s: float) -> RunTimeoutError:
    """The reason of a run that took longer than it may."""
    return RunTimeoutError(
        f"it took longer than {duration(run_timeout_s)} and was ended; with a longer --run-timeout it goes on from its "
        "last whole epoch"
    )
