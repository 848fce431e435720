"""Opens the executor that a user has chosen."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, redirect_stdout
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

from attnbench.execution import SuiteProgress, set_progress
from attnbench.executors.choice import Choice, check_installed
from attnbench.executors.devices import default_num_workers, gpu_environment, num_gpus, share_of_gpu, take_share
from attnbench.executors.in_process import InProcessExecutor
from attnbench.executors.workers import WorkerExecutor
from attnbench.spec import Compute

LOGS = ".slurm"
"""Folder within a store for what the jobs of SLURM leave."""


@contextmanager
def open_executor(
    choice: Choice,
    *,
    compute: Compute,
    num_runs: int,
    folder: Path,
    on_progress: SuiteProgress,
    on_notice: Callable[[str], None],
) -> Iterator[Executor]:
    """The executor that is wanted; when it is left by an exception, no run goes on.

    Args:
        choice: What is wanted.
        compute: Where each run is trained.
        num_runs: How many there are.
        folder: The store, which takes the logs of jobs.
        on_progress: Hears of each run's progress, in this process.
        on_notice: Hears of what happens to workers, a sentence each.

    Raises:
        SpecError: If what is wanted cannot be had.
        MissingDependencyError: If its package is not installed.
    """
    if choice.kind != "local":
        heard = {"on_progress": on_progress, "on_notice": on_notice}
        # Of each lost worker Ray prints pages of its own logs, where a notice says it in a sentence.
        with redirect_stdout(StringIO()), _open_elsewhere(choice, compute, folder, **heard) as executor:
            yield executor
        return
    num_workers = choice.workers or default_num_workers(compute, num_runs=num_runs)
    if num_workers == 1 and choice.run_timeout_s is None:  # only another process can be ended
        set_progress(on_progress)
        yield InProcessExecutor()
        return
    gpus, begin = num_gpus(compute), None
    if gpus:
        begin = partial(take_share, share_of_gpu(num_workers, devices=compute.devices, num_gpus=gpus))
    with WorkerExecutor(
        num_workers,
        on_progress=on_progress,
        on_notice=on_notice,
        run_timeout_s=choice.run_timeout_s,
        environment_of=partial(gpu_environment, compute=compute),
        begin=begin,
    ) as executor:
        yield executor


def _open_elsewhere(choice: Choice, compute: Compute, folder: Path, **heard: Any) -> Executor:
    check_installed(choice.kind)
    given: dict[str, Any] = {
        "compute": compute,
        "workers": choice.workers,
        "run_timeout_s": choice.run_timeout_s,
        "settings": choice.settings,
        **heard,
    }
    # Here, not at the top: their packages are optional, and take seconds to import.
    if choice.kind == "ray":
        from attnbench.executors.ray_cluster import RayExecutor

        return RayExecutor(**given)
    from attnbench.executors.slurm import SlurmExecutor

    return SlurmExecutor(folder / LOGS, **given)
