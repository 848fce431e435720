"""A leaderboard that is killed and started again ends as one that was not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from attnbench.detection_record import DetectionStore
from attnbench.record import Record, Store, without_timing
from attnbench.spec_io import to_yaml
from tests.source import source_environment
from tests.tiny import tiny_suite
from tests.tiny_detection import tiny_detection
from tests.until import wait_until

SUITE = tiny_suite(("none", "sge:groups=4", "se:reduction=2"), seeds=(0, 1, 2), epochs=3)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "suite.yaml").write_text(to_yaml(SUITE))
    assert start(folder, "store").wait(timeout=300) == 0
    records, problems = Store(folder / "store").read()
    assert problems == []
    return records


def start(folder: Path, store: str) -> "subprocess.Popen[bytes]":
    environment = source_environment()
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


KILLED_AT_ITS_RECORD = """
import os, signal, sys
from pathlib import Path
from attnbench.detection_record import DetectionStore
from attnbench.detection_suite import execute_detection, expand_detection
from tests.tiny_detection import tiny_detection

DetectionStore.add = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
(spec,) = expand_detection(tiny_detection("retinanet", "none", epochs=1))
execute_detection(spec, Path(sys.argv[1]), checkpoints=Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_a_detector_killed_before_its_record_goes_on(tmp_path: Path) -> None:
    from attnbench.detection_suite import detection_grid
    from attnbench.execution import STATES

    environment = source_environment()
    command = [sys.executable, "-c", KILLED_AT_ITS_RECORD, str(tmp_path)]
    assert subprocess.run(command, env=environment, timeout=300).returncode == -signal.SIGKILL
    grid, store = (
        detection_grid(tiny_detection("retinanet", "none", epochs=1), checkpoints=tmp_path),
        DetectionStore(tmp_path),
    )
    assert grid.missing(store) == list(grid.specs)
    assert len(list(tmp_path.glob("*.ckpt"))) == 1
    (state,) = (tmp_path / STATES).iterdir()
    # Only a training that goes on has more seconds than it takes.
    content = torch.load(state, weights_only=True)
    content["callbacks"]["KeepCheckpoint"]["train_s"] = 1e6
    torch.save(content, state)
    assert grid.execute(grid.specs[0], tmp_path).timing.train_s > 1e6
    assert grid.missing(store) == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="counts processes by /proc")
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_leaderboard_goes_on(tmp_path: Path, undisturbed: list[Record], kill: signal.Signals) -> None:
    (tmp_path / "suite.yaml").write_text(to_yaml(SUITE))
    disturbed = start(tmp_path, "disturbed")
    wait_until(lambda: len(list(tmp_path.glob("disturbed/*.json"))) >= 3)
    disturbed.send_signal(kill)
    disturbed.wait(timeout=60)
    if kill == signal.SIGINT:
        assert disturbed.returncode == 130
        assert "the same command goes on from there" in (tmp_path / "stderr.txt").read_text()
    wait_until(lambda: not workers_of(disturbed), seconds=60)  # they do not outlive their parent
    assert 3 <= len(list(tmp_path.glob("disturbed/*.json"))) < 9

    assert start(tmp_path, "disturbed").wait(timeout=300) == 0
    got, problems = Store(tmp_path / "disturbed").read()
    assert problems == []
    assert len(got) == 9
    assert list(map(without_timing, got)) == list(map(without_timing, undisturbed))
