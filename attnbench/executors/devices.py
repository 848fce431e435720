"""How several workers share the cores and the GPUs of a machine."""

import os
from collections.abc import Mapping

import torch

from attnbench.hardware import num_cores, resolve_device
from attnbench.spec import Compute

_VISIBLE = "CUDA_VISIBLE_DEVICES"


def num_gpus(compute: Compute) -> int:
    """GPUs that runs may use, 0 where they use the CPU.

    Raises:
        SpecError: If they are to use GPUs that are not there.
    """
    return torch.cuda.device_count() if resolve_device(compute).type == "cuda" else 0


def default_num_workers(compute: Compute, *, num_runs: int) -> int:
    """As many workers as there are GPUs for, or cores for the threads of their runs.

    Raises:
        SpecError: If runs are to use GPUs that are not there.
    """
    places = num_gpus(compute) or num_cores() // compute.threads
    return max(1, min(places // compute.devices, num_runs))


def gpu_environment(worker: int, compute: Compute) -> Mapping[str, str]:
    """The variable that gives a worker its GPUs, where its runs use any.

    Args:
        worker: Its number, counted from 0.
        compute: What its runs use.
    """
    number = num_gpus(compute)
    if number == 0:
        return {}
    given = os.environ.get(_VISIBLE)
    visible = given.split(",") if given else [str(index) for index in range(number)]
    return {_VISIBLE: ",".join(gpus_of(worker, devices=compute.devices, visible=visible))}


def gpus_of(worker: int, *, devices: int, visible: list[str]) -> list[str]:
    """The GPUs of a worker's runs: the next ones in turn, so that all are used alike.

    Args:
        worker: Its number, counted from 0.
        devices: GPUs of one run.
        visible: The GPUs that may be used.

    >>> [gpus_of(worker, devices=1, visible=["0", "1"]) for worker in range(3)]
    [['0'], ['1'], ['0']]
    >>> [gpus_of(worker, devices=2, visible=["0", "1", "2", "3"]) for worker in range(2)]
    [['0', '1'], ['2', '3']]
    """
    first = worker * devices
    return [visible[(first + index) % len(visible)] for index in range(devices)]


def share_of_gpu(num_workers: int, *, devices: int, num_gpus: int) -> float:
    """The part of a GPU's memory that each of several workers may take, so that none takes another's.

    >>> [share_of_gpu(number, devices=1, num_gpus=2) for number in (1, 2, 3, 4)]
    [1.0, 1.0, 0.5, 0.5]
    """
    return 1 / max(1, -(-num_workers * devices // num_gpus))


def take_share(share: float) -> None:
    """Let torch take no more than that part of each GPU's memory in this process."""
    for index in range(torch.cuda.device_count()):
        torch.cuda.set_per_process_memory_fraction(share, index)
