"""A leaderboard that is killed and started again ends as one that was not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from attnbench.record import Store, without_timing
from attnbench.spec_io import to_yaml
from tests.tiny import tiny_suite


def start(folder: Path, store: str) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-m", "attnbench", "leaderboard", "suite.yaml", "--store", store, "--workers", "2"]
    with (folder / "stderr.txt").open("wb") as errors:
        return subprocess.Popen(
            command,
            cwd=folder,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
            # A shell lets what it starts in the background ignore Ctrl-C, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def workers_of(process: "subprocess.Popen[bytes]") -> list[int]:
    """The processes of its group, itself left out."""
    alive = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getpgid(int(entry.name)) == process.pid and int(entry.name) != process.pid:
                alive.append(int(entry.name))
        except ProcessLookupError:
            continue
    return alive


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="counts processes by /proc")
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_leaderboard_goes_on(tmp_path: Path, kill: signal.Signals) -> None:
    suite = tiny_suite(("none", "sge:groups=4", "se:reduction=2"), seeds=(0, 1, 2), epochs=3)
    (tmp_path / "suite.yaml").write_text(to_yaml(suite))
    assert start(tmp_path, "undisturbed").wait(timeout=300) == 0

    disturbed = start(tmp_path, "disturbed")
    deadline = time.monotonic() + 200
    while len(list(tmp_path.glob("disturbed/*.json"))) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    disturbed.send_signal(kill)
    disturbed.wait(timeout=60)
    if kill == signal.SIGINT:
        assert disturbed.returncode == 130
        assert "the same command goes on from there" in (tmp_path / "stderr.txt").read_text()
    while workers_of(disturbed):
        assert time.monotonic() < deadline, "the workers outlive their parent"
        time.sleep(0.2)
    assert 3 <= len(list(tmp_path.glob("disturbed/*.json"))) < 9

    assert start(tmp_path, "disturbed").wait(timeout=300) == 0
    expected, problems = Store(tmp_path / "undisturbed").read()
    got, more_problems = Store(tmp_path / "disturbed").read()
    assert (problems, more_problems) == ([], [])
    assert len(got) == 9
    assert list(map(without_timing, got)) == list(map(without_timing, expected))
