import dataclasses

import pytest
import torch

from attnbench.errors import SpecError
from attnbench.hardware import num_cores, resolve_device, resolve_precision, use_threads
from attnbench.run import run_spec
from attnbench.spec import Compute, RunSpec


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)


@pytest.mark.usefixtures("two_gpus")
def test_more_devices_than_gpus_are_refused(tiny_spec: RunSpec) -> None:
    assert resolve_device(Compute(devices=2)) == torch.device("cuda")
    assert resolve_device(Compute(device="cpu", devices=4)) == torch.device("cpu")
    with pytest.raises(SpecError, match="not exceed the GPUs of this machine; got devices=4, allowed: up to 2, or"):
        run_spec(dataclasses.replace(tiny_spec, compute=Compute(devices=4)))


def test_without_a_gpu_auto_is_the_cpu_and_cuda_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert resolve_device(Compute()) == torch.device("cpu")
    assert resolve_precision(Compute(precision="auto")) == "float32"
    with pytest.raises(SpecError, match="finds no GPU on this machine; got device='cuda', allowed: auto, cpu"):
        resolve_device(Compute(device="cuda"))


@pytest.mark.usefixtures("two_gpus")
@pytest.mark.parametrize(("has_bfloat16", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_a_gpu_computes_in_bfloat16_where_it_has_it(
    has_bfloat16: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda *, including_emulation: has_bfloat16)
    assert resolve_precision(Compute(precision="auto")) == expected
    assert resolve_precision(Compute(device="cpu", precision="auto")) == "float32"
    assert resolve_precision(Compute(precision="float16")) == "float16"


def test_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {3, 5, 7}, raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    assert num_cores() == 3
    monkeypatch.delattr("os.sched_getaffinity")  # as on macOS
    assert num_cores() == 64


def test_threads_are_as_they_were_whatever_happens() -> None:
    before = torch.get_num_threads()

    def fail() -> None:
        with use_threads(before + 1):
            assert torch.get_num_threads() == before + 1
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert torch.get_num_threads() == before
