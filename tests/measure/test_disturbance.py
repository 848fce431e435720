import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from attnbench.measure import disturbance
from attnbench.measure.disturbance import Reading, machine_load, take_reading

CPU, GPU = torch.device("cpu"), torch.device("cuda", 1)


def stat(folder: Path, busy: int, idle: int, steal: int) -> Path:
    """A kernel's counters, the busy ticks spread over all that count as busy."""
    path = folder / "stat"
    path.write_text(f"cpu  {busy - 4} 1 1 {idle} 7 1 1 {steal} 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n")
    return path


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """What the driver's tool is asked, and answers."""
    told: dict[str, object] = {"answer": "1410, 1980, 0x0000000000000000\n"}

    def run(command: list[str], **settings: object) -> SimpleNamespace:
        told["command"] = command
        if isinstance(told["answer"], Exception):
            raise told["answer"]
        return SimpleNamespace(stdout=told["answer"])

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(uuid=f"12-{device.index}"))
    return told


def test_what_others_took_is_all_less_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_CLK_TCK": 100}[name])
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    monkeypatch.setattr("time.perf_counter", lambda: 1010.0)
    monkeypatch.setattr(
        "os.times", lambda: SimpleNamespace(user=20.0, system=1.0, children_user=3.0, children_system=1.0)
    )
    monkeypatch.setattr(disturbance, "_STAT", stat(tmp_path, busy=13_100, idle=99, steal=600))
    load = machine_load(Reading(wall_s=1000.0, own_s=10.0, busy_s=100.0, stolen_s=5.0, num_processors=4), CPU)
    assert (load.wall_s, load.num_processors) == (10.0, 4)
    assert load.own_processors == pytest.approx(1.5)
    assert load.other_processors == pytest.approx(1.6)
    assert load.stolen_processors == pytest.approx(0.1)
    assert load.other_share == pytest.approx(1.7 / 4)
    assert (load.gpu_clock_mhz, load.gpu_max_clock_mhz, load.gpu_throttles) == (None, None, ())


def test_without_the_kernels_counters_nothing_is_claimed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disturbance, "_STAT", tmp_path / "none")
    load = machine_load(take_reading(), CPU)
    assert (load.other_processors, load.stolen_processors, load.other_share) == (None, None, None)


def test_own_work_is_ones_own() -> None:
    before = take_reading()
    until = time.process_time() + 0.1
    while time.process_time() < until:
        pass
    load = machine_load(before, CPU)
    assert load.own_processors * load.wall_s >= 0.08
    assert load.other_processors is None or 0 <= load.other_processors <= load.num_processors


@pytest.mark.parametrize(
    ("mask", "throttles"),
    [
        (0x00, ()),
        (0x01, ()),  # idle
        (0x02, ()),  # as it was set
        (0x04, ("power limit",)),
        (0x60, ("software thermal limit", "hardware thermal limit")),
    ],
)
def test_says_what_holds_a_gpu_down(told: dict[str, object], mask: int, throttles: tuple[str, ...]) -> None:
    told["answer"] = f"1410, 1980, 0x{mask:016x}\n"
    load = machine_load(take_reading(), GPU)
    assert (load.gpu_clock_mhz, load.gpu_max_clock_mhz, load.gpu_throttles) == (1410, 1980, throttles)
    assert told["command"][:2] == ["nvidia-smi", "--id=GPU-12-1"]


@pytest.mark.parametrize(
    "answer",
    [
        FileNotFoundError("nvidia-smi"),
        subprocess.CalledProcessError(6, "nvidia-smi"),
        subprocess.TimeoutExpired("nvidia-smi", 30),
        "[N/A], [N/A], [N/A]\n",
        "",
    ],
)
def test_a_driver_that_does_not_tell_is_no_error(told: dict[str, object], answer: object) -> None:
    told["answer"] = answer
    load = machine_load(take_reading(), GPU)
    assert (load.gpu_clock_mhz, load.gpu_max_clock_mhz, load.gpu_throttles) == (None, None, ())
