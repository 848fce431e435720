"""Starts the ranks of a run: processes of this machine that train one model together."""

import os
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import distributed

from attnbench.errors import TrainingError
from attnbench.plugins import import_plugins, imported_plugins
from attnbench.processes import open_processes, tell_parent
from attnbench.ranks import Share, is_rank
from attnbench.spec import Compute
from attnbench.training import resolve_device

T = TypeVar("T")

_ENVIRONMENT = {"TORCH_CPP_LOG_LEVEL": "ERROR"}
"""Else each rank warns, past Python, that parameters are looked for which a module may leave unused."""


def needs_ranks(compute: Compute) -> bool:
    """Whether this process is to start the ranks, and not to be one."""
    return compute.devices > 1 and not is_rank()


def on_ranks(
    run: Callable[..., T], spec: object, *, compute: Compute, on_progress: Callable[..., None], **options: object
) -> T:
    """Call a function in every rank at once.

    Args:
        run: What each calls, `run(spec, on_progress=…, **options)`; the progress is rank zero's.
        spec: What is run.
        compute: How many ranks, and where.
        on_progress: Hears of the progress, in this process.
        **options: What else `run` is given, picklable.

    Returns:
        What rank zero gives.

    Raises:
        SpecError: If there are fewer GPUs than ranks.
        TrainingError: If a rank dies.
        Exception: What ended the first rank that failed; the others are killed.
    """
    on_gpu = resolve_device(compute).type == "cuda"
    environment = {name: value for name, value in _ENVIRONMENT.items() if name not in os.environ}
    shares = [Share(index=index, number=compute.devices) for index in range(compute.devices)]
    with (
        tempfile.TemporaryDirectory(prefix="attnbench-ranks-") as folder,
        open_processes(compute.devices, hear=on_progress, environment=environment) as pool,
    ):
        # A file and no port, which somebody else could take first.
        meeting = (Path(folder) / "meeting").as_uri()
        ranks = [
            pool.submit(_as_rank, share, meeting, on_gpu, imported_plugins(), run, spec, options) for share in shares
        ]
        # The pool watches the processes that it had when something was last submitted, and that of the last rank was
        # not yet among them: its death would go unnoticed, and the others wait for it.
        pool.submit(os.getpid)
        try:
            for rank in as_completed(ranks):
                rank.result()
        except BrokenProcessPool as error:
            raise TrainingError(
                f"one of the {compute.devices} processes of a run died, killed from outside or for lack of memory; the "
                "same command starts it again"
            ) from error
        return ranks[0].result()


def _as_rank(
    share: Share,
    meeting: str,
    on_gpu: bool,
    imports: tuple[str, ...],
    run: Callable[..., T],
    spec: object,
    options: Mapping[str, Any],
) -> T:
    import_plugins(imports)  # they register what the spec names
    os.environ["LOCAL_RANK"] = str(share.index)  # by which Lightning knows that it need not start any
    if on_gpu:
        torch.cuda.set_device(share.index)
    backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
    distributed.init_process_group(backend, init_method=meeting, rank=share.index, world_size=share.number)
    result = run(spec, on_progress=tell_parent if share.index == 0 else None, **options)
    # Not after an exception: the others would hear of a lost connection before this process's reason is told.
    distributed.barrier()
    distributed.destroy_process_group()
    return result
