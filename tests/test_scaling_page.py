"""The commands of the page on scaling, typed on a Ray cluster of two nodes and as jobs of this machine."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from attnbench.record import Store, without_timing
from tests.test_readme import ROOT, blocks, typed

PAGE = ROOT / "docs" / "scaling.md"
PORT = "6379"


@contextlib.contextmanager
def node(command: str, environment: dict[str, str]) -> Iterator[None]:
    """A node of Ray that ends with the context, which `ray stop` would do to every cluster of this machine."""
    words = [f"{Path(sys.executable).parent}/{command}", "--block", "--disable-usage-stats"]
    with subprocess.Popen(
        " ".join(words).split(), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as started:
        try:
            yield
        finally:
            started.terminate()


@pytest.mark.slow
def test_the_commands_give_the_same_records(tmp_path: Path) -> None:
    on_ray, on_slurm, locally = blocks(PAGE, "console")
    head, other, leaderboard = on_ray.splitlines()
    assert "--executor slurm --executor-set partition=gpu" in on_slurm
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    # Short, since sockets lie in it.
    with tempfile.TemporaryDirectory(prefix="ray", ignore_cleanup_errors=True) as folder:
        at = {"RAY_TMPDIR": folder, "PYTHONPATH": str(ROOT)}
        environment = {**os.environ, **at}
        with (
            node(f"{head} --port {port} --dashboard-port 0", environment),
            node(other.replace(PORT, port), environment),
        ):
            wait_for_nodes(f"127.0.0.1:{port}", 2, tmp_path, at)
            done = typed(leaderboard, tmp_path, RAY_ADDRESS=f"127.0.0.1:{port}", **at)
    assert done.returncode == 0, done.stderr
    assert "Ray's dashboard: http://" in done.stderr
    assert "2 seeds (0, 1), 4 runs" in done.stdout
    assert "raylet" not in done.stdout + done.stderr

    done = typed(locally, tmp_path, PYTHONPATH=str(ROOT))
    assert done.returncode == 0, done.stderr
    of_ray, of_jobs = (list(map(without_timing, Store(tmp_path / name))) for name in ("records", "job-records"))
    assert of_ray == of_jobs
    assert len(of_ray) == 4


def wait_for_nodes(address: str, number: int, folder: Path, environment: dict[str, str]) -> None:
    deadline = time.monotonic() + 90
    while True:
        status = typed(f"ray status --address {address}", folder, **environment).stdout
        if status.count(" node_") == number:
            return
        assert time.monotonic() < deadline, status
        time.sleep(1)
