"""The commands of the page on scaling, typed on a Ray cluster of two nodes and as jobs of this machine."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from attnbench.record import Store, without_timing
from tests.test_readme import ROOT, blocks, typed

PAGE = ROOT / "docs" / "scaling.md"
PORT = "6379"


@contextlib.contextmanager
def node(command: str, environment: dict[str, str]) -> Iterator[None]:
    """A node of Ray, once it is up; it ends with the context. `ray stop` would end every cluster of this machine."""
    words = f"{Path(sys.executable).parent}/{command} --block --disable-usage-stats".split()
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as started:
        try:
            assert started.stdout is not None
            assert any("Ray runtime started" in line for line in started.stdout)
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
        at = {"RAY_TMPDIR": folder, "RAY_AUTH_MODE": "disabled", "PYTHONPATH": str(ROOT)}
        environment = {**os.environ, **at}
        with (
            node(f"{head} --port {port} --dashboard-port 0", environment),
            node(other.replace(PORT, port), environment),
        ):
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
