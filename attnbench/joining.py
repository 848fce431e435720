"""Joins the processes that torchrun or srun has started, of one or several machines, which train one model together.

Rank zero does what the user asked for, alone, and writes all files. The others wait for its runs, and take part in each
as its ranks: they neither read the command line nor write or print anything.
"""

import contextlib
import os
import pickle
import signal
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NoReturn, TypeVar

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch import distributed

from attnbench.errors import SpecError, TrainingError
from attnbench.plugins import import_plugins, imported_plugins
from attnbench.ranks import Share, leave, together
from attnbench.spec import Compute
from attnbench.starting import Start, check_start
from attnbench.training import resolve_device

T = TypeVar("T")

_MEETING = timedelta(minutes=10)
"""For so long the processes wait for one another at the start; torch takes long to load from some file systems."""
_LONGEST_COMMAND = timedelta(days=365)
_TOLD_TOGETHER_S = 30.0
"""What fails on all ranks fails on all of them within this time, even where one reads its data more slowly."""
_FAREWELL_S = 10.0


@dataclass(frozen=True, kw_only=True)
class _Call:
    """What rank zero lets all ranks do."""

    run: Callable[..., Any]
    spec: object
    options: Mapping[str, object]
    compute: Compute
    on_gpu: bool
    imports: tuple[str, ...]


@dataclass(kw_only=True)
class _Crowd:
    """The processes that were started together, and how they talk outside of runs."""

    start: Start
    environment: ClusterEnvironment
    store: Any
    num_calls: int = field(default=0)

    @property
    def key(self) -> str:
        """Where the present call lies in the store."""
        return f"attnbench/{self.num_calls}"


_crowd: _Crowd | None = None


def joined_start() -> Start | None:
    """How this process was started with the others that it has joined; none where it is alone."""
    return _crowd.start if _crowd else None


def check_ranks(compute: Compute) -> None:
    """Refuse runs whose ranks are other ones than have joined.

    Raises:
        SpecError: If they are not those of a run, or are missing.
    """
    check_start(compute, joined_start())


def as_rank(start: Start, command: Callable[[], int]) -> int:
    """Be one of the processes that were started together.

    Args:
        start: How they were started.
        command: What the first of them does; the others take part in its runs.

    Returns:
        The exit code, the same on all; but on those that a failure or a signal ends there and then.

    Raises:
        SpecError: If Lightning does not take the tasks as srun was told of them.
        TrainingError: If the others do not come.
    """
    global _crowd
    try:
        crowd = _crowd = _join(start)
    except SpecError:
        if start.index:  # the first one says it
            _end(2)
        raise
    try:
        return _lead(crowd, command) if start.index == 0 else _follow(crowd)
    except SystemExit as end:
        _end(end.code)
    except BaseException:
        traceback.print_exc()
        _end(1)


def on_joined_ranks(
    run: Callable[..., T], spec: object, *, compute: Compute, on_progress: Callable[..., None], **options: object
) -> T:
    """What `attnbench.launching.on_ranks` does, in processes that are there already: on rank zero, which calls them.

    Raises:
        SystemExit: If it fails in this process and not in all.
        Exception: What ends it in all of them; they are ready for the next call.
    """
    assert _crowd is not None
    on_gpu = resolve_device(compute).type == "cuda"
    call = _Call(run=run, spec=spec, options=options, compute=compute, on_gpu=on_gpu, imports=imported_plugins())
    _crowd.num_calls += 1
    _crowd.store.set(_crowd.key, pickle.dumps(call))
    return _take_part(_crowd, call, on_progress)  # type: ignore[no-any-return]


def _join(start: Start) -> _Crowd:
    environment = _environment(start)
    # As Lightning does it; torch reads them, and knows from another one whether torchrun holds the store already.
    os.environ["MASTER_ADDR"] = environment.main_address
    os.environ["MASTER_PORT"] = str(environment.main_port)
    try:
        meetings = distributed.rendezvous("env://", start.index, start.number, timeout=_MEETING)  # type: ignore[attr-defined]
        store, _, _ = next(meetings)
    except (distributed.DistError, OSError) as error:
        raise TrainingError(
            f"process {start.index} of {start.number} has not met the others at {environment.main_address}, port "
            f"{environment.main_port}, within {_MEETING.seconds // 60} minutes: {error}"
        ) from error
    store.set_timeout(_LONGEST_COMMAND)
    return _Crowd(start=start, environment=environment, store=store)


def _environment(start: Start) -> ClusterEnvironment:
    if start.by == "torchrun":
        return TorchElasticEnvironment()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in a shell of salloc, that srun was not used
            return SLURMEnvironment(auto_requeue=False)
    except RuntimeError as error:
        raise SpecError(
            f"Lightning wants to know the tasks of each node; got {start.number} tasks, of srun --ntasks alone: say "
            f"--ntasks-per-node {start.number // start.num_nodes}"
        ) from error


def _lead(crowd: _Crowd, command: Callable[[], int]) -> int:
    # torchrun ends the others of a process that has died like this; it is to be told as Ctrl-C is.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    status = command()
    for number in (signal.SIGINT, signal.SIGTERM):  # as soon as one has ended, all others are asked to
        signal.signal(number, signal.SIG_IGN)
    crowd.num_calls += 1
    with contextlib.suppress(distributed.DistError):
        crowd.store.set(crowd.key, pickle.dumps(status))
        if status != 130:  # where the others have heard of it too, in the midst of a run
            _reaches(crowd, f"{crowd.key}/heard", crowd.start.number - 1, within_s=_FAREWELL_S)
    if status:
        _end(status)
    return status


def _follow(crowd: _Crowd) -> int:
    for number in (signal.SIGINT, signal.SIGTERM):  # there is nothing to put away
        signal.signal(number, signal.SIG_DFL)
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        while True:
            crowd.num_calls += 1
            try:
                call = pickle.loads(crowd.store.get(crowd.key))
            except distributed.DistError:
                raise SystemExit("error: the first process of the run has ended, and this one with it") from None
            if not isinstance(call, _Call):
                crowd.store.add(f"{crowd.key}/heard", 1)
                return int(call)
            with contextlib.suppress(Exception):  # rank zero tells of what happens to all
                _take_part(crowd, call, None)


def _take_part(crowd: _Crowd, call: _Call, on_progress: Callable[..., None] | None) -> Any:
    start = crowd.start
    try:
        import_plugins(call.imports)  # they register what the spec names
        if (resolve_device(call.compute).type == "cuda") != call.on_gpu:
            raise SpecError(f"all processes must have GPUs, or none; got {call.on_gpu=} of the first one alone")
        share = Share(index=start.index, number=start.number)
        store = distributed.PrefixStore(crowd.key, crowd.store)  # type: ignore[attr-defined]
        with together(share, crowd.environment, on_gpu=call.on_gpu, store=store):
            return call.run(call.spec, on_progress=on_progress, **call.options)
    except Exception as error:
        if not _all_fail(crowd):
            raise SystemExit(
                f"error: process {start.index} of {start.number} cannot go on, and the others not without it: "
                f"{type(error).__name__}: {' '.join(str(error).split())}"
            ) from error
        leave()
        raise


def _all_fail(crowd: _Crowd) -> bool:
    """Whether the present call fails in every process."""
    key = f"{crowd.key}/failed"
    try:
        crowd.store.add(key, 1)
        return _reaches(crowd, key, crowd.start.number, within_s=_TOLD_TOGETHER_S)
    except distributed.DistError:  # with the process that holds the store
        return False


def _reaches(crowd: _Crowd, key: str, number: int, *, within_s: float) -> bool:
    """Wait for a counter, in such a way that signals are heard meanwhile."""
    deadline = time.monotonic() + within_s
    while crowd.store.add(key, 0) < number:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _end(status: object) -> NoReturn:
    """End this process here: at its regular end torch would wait for messages of ranks that are gone."""
    if isinstance(status, str):
        print(status, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)
