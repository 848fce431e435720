"""Lets the ranks of a run do it: processes of this machine that are started for it, or those that have joined."""

import os
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, TypeVar

from lightning.fabric.plugins.environments.lightning import LightningEnvironment

from attnbench.errors import TrainingError
from attnbench.hardware import resolve_device
from attnbench.joining import check_ranks, joined_start, on_joined_ranks
from attnbench.plugins import import_plugins, imported_plugins
from attnbench.processes import open_processes, sendable, tell_parent
from attnbench.ranks import Share, is_rank, together
from attnbench.spec import Compute
from attnbench.starting import QUIET

T = TypeVar("T")


def needs_ranks(compute: Compute) -> bool:
    """Whether this process is to start or to call the ranks, and not to be one.

    Raises:
        SpecError: If others have joined than those of a run, or those of other nodes are missing.
    """
    if is_rank():
        return False
    check_ranks(compute)
    return compute.num_ranks > 1


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
    if joined_start():
        return on_joined_ranks(run, spec, compute=compute, on_progress=on_progress, **options)
    on_gpu = resolve_device(compute).type == "cuda"
    environment = {name: value for name, value in QUIET.items() if name not in os.environ}
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
    try:
        with together(share, LightningEnvironment(), on_gpu=on_gpu, init_method=meeting):
            return run(spec, on_progress=tell_parent if share.index == 0 else None, **options)
    except Exception as error:
        if (told := sendable(error)) is not error:
            raise told from None
        raise
