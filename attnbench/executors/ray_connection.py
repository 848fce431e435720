"""Connects this process with a Ray cluster."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import ray

from attnbench.errors import ExecutorError

_ANSWER_S = 10.0


@contextmanager
def connected(address: str | None, on_notice: Callable[[str], None]) -> Iterator[None]:
    """Connect, and leave the cluster at the end.

    Args:
        address: The cluster; none is that of RAY_ADDRESS or of this machine, and where there is neither, one is
            started for as long as this lasts.
        on_notice: Hears where the dashboard is.

    Raises:
        ExecutorError: If there is no cluster at the address.
    """
    if ray.is_initialized():  # by whoever uses attnbench as a library, and who ends it
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing leaves the machine unless the user asks for it
    address = address or os.environ.get("RAY_ADDRESS")
    _check_address(address)
    try:
        with _same_answer_to_termination():
            found = ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        # The first lines may be those of a traceback.
        reason = str(error).strip().splitlines()[-1:]
        where = address or "this machine"
        raise ExecutorError(f"cannot reach the Ray cluster at {where}: {' '.join(reason)}") from error
    try:
        if found.dashboard_url:
            on_notice(f"Ray's dashboard: http://{found.dashboard_url}")
        yield
    finally:
        ray.shutdown()


@contextmanager
def _same_answer_to_termination() -> Iterator[None]:
    """Put back what answers SIGTERM, for which Ray sets an exit of its own in the main thread."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread() and handler is not None:
            signal.signal(signal.SIGTERM, handler)


def _check_address(address: str | None) -> None:
    """Knock at a cluster's address, since Ray itself would try for many minutes where nobody answers.

    Args:
        address: As ``host:port``; what Ray looks up itself is left to it.

    Raises:
        ExecutorError: If nobody answers.
    """
    host, _, port = (address or "").rpartition(":")
    if not (host and port.isdigit()) or "://" in host:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_S).close()
    except OSError as error:
        raise ExecutorError(f"cannot reach the Ray cluster at {address}: {error.strerror or error}") from error
