"""What a user may tell SLURM through submitit, and what each run asks of it."""

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import submitit

from attnbench.errors import SpecError
from attnbench.executors.devices import num_gpus
from attnbench.spec import Compute
from attnbench.variant import Scalar

Cluster: TypeAlias = Literal["slurm", "local"]
"""SLURM, or processes of this machine that submitit starts, to try it."""

_TIMEOUT_MIN = 24 * 60
_SIGNAL_DELAY_S = {"slurm": 90, "local": 30}
"""Seconds before its time limit at which submitit has a job signalled."""
# A run is one task on one node; what starts several processes for it is --devices.
_OURS = ("nodes", "tasks_per_node", "ntasks_per_node", "additional_parameters")
_LISTS = ("slurm_setup", "slurm_teardown", "slurm_srun_args")
_GPUS = ("gpus_per_node", "slurm_gpus_per_node", "slurm_gpus_per_task", "slurm_num_gpus", "slurm_gres")
_AT_OPENING = "slurm_max_num_timeout"
_DELAY = "slurm_signal_delay_s"
_AT_ONCE = "array_parallelism"


@dataclass(frozen=True, kw_only=True)
class SlurmSettings:
    """A user's settings, and what the runs ask for by themselves."""

    cluster: Cluster
    """Where the jobs run."""
    parameters: Mapping[str, Any]
    """What submitit's executor is told."""
    max_num_timeout: int
    """How many times a run that reaches the time limit of its job is queued again."""


def settings_from(given: Mapping[str, Scalar], compute: Compute, *, run_timeout_s: float | None) -> SlurmSettings:
    """The settings that a user gives, completed.

    Args:
        given: Submitit's parameters; those of SLURM with or without ``slurm_`` before them.
        compute: What each run uses.
        run_timeout_s: Seconds that a run may take; none leaves it to the time limit of a job.

    Raises:
        SpecError: If submitit takes none of that name, a number is none, or there is no SLURM here.
    """
    cluster = _cluster_of(given)
    parameters = dict(_parameter(name, value) for name, value in given.items() if name != "cluster")
    max_num_timeout = _whole_number(_AT_OPENING, parameters.pop(_AT_OPENING, 3))
    parameters.setdefault("name", "attnbench")
    parameters.setdefault("cpus_per_task", compute.threads * compute.devices)
    if _on_gpus(compute, cluster) and not parameters.keys() & set(_GPUS):
        parameters.setdefault("gpus_per_node", compute.devices)
    if run_timeout_s is not None:
        if "timeout_min" in parameters:
            raise SpecError(
                "--run-timeout is the time limit of the jobs; got timeout_min besides, allowed: one of them"
            )
        # Ended at its limit, not queued again: whoever says --run-timeout takes the run for hanging.
        max_num_timeout = 0
        delay_s = _whole_number(_DELAY, parameters.get(_DELAY, _SIGNAL_DELAY_S[cluster]))
        parameters["timeout_min"] = math.ceil((run_timeout_s + delay_s) / 60)
    parameters.setdefault("timeout_min", _TIMEOUT_MIN)
    return SlurmSettings(cluster=cluster, parameters=parameters, max_num_timeout=max_num_timeout)


def open_submitit(settings: SlurmSettings, folder: Path) -> Any:
    """Submitit's executor.

    Args:
        settings: What it is told.
        folder: Where jobs leave their logs.

    Raises:
        SpecError: If submitit does not take a value.
    """
    at_opening = {f"{settings.cluster}_max_num_timeout": settings.max_num_timeout}
    executor = submitit.AutoExecutor(folder, cluster=settings.cluster, **at_opening)
    try:
        executor.update_parameters(**settings.parameters)
    except (AssertionError, NameError, TypeError, ValueError) as error:
        raise SpecError(f"--executor-set: {' '.join(str(error).split())}") from error
    return executor


def _cluster_of(given: Mapping[str, Scalar]) -> Cluster:
    cluster = given.get("cluster", "slurm")
    if cluster not in get_args(Cluster):
        raise SpecError(f"--executor-set: cluster must be slurm or local; got cluster={cluster}")
    if cluster == "slurm" and shutil.which("sbatch") is None:
        raise SpecError(
            "this machine has no SLURM: there is no sbatch on its path; --executor-set cluster=local tries the jobs "
            "as processes of this machine"
        )
    return cluster  # type: ignore[return-value]


def _on_gpus(compute: Compute, cluster: Cluster) -> bool:
    """Whether jobs ask for GPUs by themselves: with ``auto``, what a machine without one of its own cannot know."""
    return compute.device == "cuda" or (cluster == "local" and num_gpus(compute) > 0)


def _whole_number(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        short = name.removeprefix("slurm_")
        raise SpecError(f"--executor-set: {short} must be a whole number, 0 or more; got {short}={value}")
    return value


def _parameter(name: str, value: Scalar) -> tuple[str, Any]:
    """One of submitit's parameters, by the name that submitit knows it by."""
    if name in ("time", "slurm_time"):
        return "timeout_min", value
    general = submitit.AutoExecutor._valid_parameters()
    of_slurm = {*submitit.SlurmExecutor._valid_parameters(), _AT_OPENING.removeprefix("slurm_")}
    short = name.removeprefix("slurm_")
    if short == _AT_ONCE:
        raise SpecError(f"--executor-set: how many jobs run at once is said by --workers N; got {name}={value}")
    if short in _OURS or not (name in general or short in of_slurm):
        allowed = ", ".join(sorted({"cluster", *general, *of_slurm} - {*_OURS, _AT_ONCE}))
        raise SpecError(f"--executor-set: submitit takes no {name} for a run; allowed: {allowed}")
    if name in general:
        return name, value
    return f"slurm_{short}", [str(value)] if f"slurm_{short}" in _LISTS else value
