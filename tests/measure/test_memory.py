import subprocess
import sys
from pathlib import Path

import pytest
import torch

from attnbench.measure import memory
from attnbench.measure.memory import memory_scope, peak_memory_bytes

CPU = torch.device("cpu")
MIB = 2**20
LARGE = 128 * MIB


def _step() -> None:
    torch.ones(LARGE, dtype=torch.uint8)


def _idle() -> None:
    pass


@pytest.fixture
def _no_reset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_CLEAR_REFS", tmp_path / "absent" / "clear_refs")


@pytest.mark.skipif(memory_scope(CPU) != "process during the step", reason="the system cannot reset the peak")
def test_the_peak_of_a_process_is_that_of_the_step() -> None:
    # In a process of its own: here, what earlier tests freed may hold the step without another page.
    code = (
        "from attnbench.measure.memory import peak_memory_bytes\n"
        "from tests.measure.test_memory import CPU, _idle, _step\n"
        "print(*(peak_memory_bytes(step, CPU) for step in (_idle, _step, _idle)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    before, during, after = map(int, done.stdout.split())
    assert LARGE * 0.9 < during - before < LARGE * 1.5
    assert during - after > LARGE * 0.9


@pytest.mark.usefixtures("_no_reset")
def test_a_peak_that_cannot_be_reset_is_that_of_all_the_process_did() -> None:
    assert memory_scope(CPU) == "process since its start"
    during = peak_memory_bytes(_step, CPU)
    assert during > LARGE
    assert peak_memory_bytes(_idle, CPU) >= during


@pytest.mark.parametrize("status", ["VmRSS:\t12 kB\n", ""])
def test_a_system_without_the_peak_cannot_reset_it(
    status: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "status").write_text(status)
    monkeypatch.setattr(memory, "_CLEAR_REFS", tmp_path / "clear_refs")
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    assert memory_scope(CPU) == "process since its start"


def test_reads_the_highest_resident_set_in_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "status").write_text("Name:\ta:b\nVmHWM:\t    34 kB\nVmRSS:\t    12 kB\n")
    monkeypatch.setattr(memory, "_CLEAR_REFS", tmp_path / "clear_refs")
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    assert peak_memory_bytes(_idle, CPU) == 34 * 1024
    assert (tmp_path / "clear_refs").read_text() == "5"


def test_an_error_of_the_step_is_seen() -> None:
    def fail() -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        peak_memory_bytes(fail, CPU)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu_what_was_there_before_is_left_out() -> None:
    device = torch.device("cuda")
    there = torch.ones(MIB, dtype=torch.uint8, device=device)
    assert memory_scope(device) == "allocated by the step"
    assert peak_memory_bytes(lambda: torch.ones(3 * MIB, dtype=torch.uint8, device=device), device) == 3 * MIB
    assert peak_memory_bytes(lambda: there.add_(1), device) == 0
