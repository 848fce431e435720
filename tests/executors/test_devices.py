import pytest
import torch

from attnbench.executors.devices import default_num_workers, gpu_environment
from attnbench.spec import Compute


@pytest.mark.parametrize(
    ("compute", "num_runs", "cores", "expected"),
    [
        (Compute(), 9, 4, 4),
        (Compute(threads=2), 9, 5, 2),
        (Compute(threads=2, devices=2), 9, 8, 2),
        (Compute(threads=8), 9, 4, 1),
        (Compute(), 2, 8, 2),
        (Compute(), 0, 8, 1),
    ],
)
def test_takes_a_worker_a_core(
    monkeypatch: pytest.MonkeyPatch, compute: Compute, num_runs: int, cores: int, expected: int
) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(cores)), raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert default_num_workers(compute, num_runs=num_runs) == expected


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)


@pytest.mark.parametrize(("devices", "num_runs", "expected"), [(1, 9, 4), (2, 9, 2), (4, 9, 1), (1, 3, 3)])
def test_takes_a_worker_a_gpu(four_gpus: None, devices: int, num_runs: int, expected: int) -> None:
    assert default_num_workers(Compute(devices=devices), num_runs=num_runs) == expected


def test_workers_go_round_the_gpus(four_gpus: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    given = [dict(gpu_environment(worker, Compute(devices=2))) for worker in range(3)]
    assert given == [{"CUDA_VISIBLE_DEVICES": gpus} for gpus in ("0,1", "2,3", "0,1")]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7,GPU-ab,3")
    assert gpu_environment(2, Compute()) == {"CUDA_VISIBLE_DEVICES": "GPU-ab"}
    assert gpu_environment(0, Compute(device="cpu")) == {}
