"""Joins the processes that torchrun or srun has started, of one or several machines, which train one model together.

The first of them does what the user asked for, alone, and writes all files. The others wait for its runs, and take part
in each as its ranks: they neither read the command line nor write or print anything.
"""

import contextlib
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any, NoReturn, TypeVar

from torch import distributed

from attnbench.ending import end_at_once
from attnbench.errors import SpecError
from attnbench.exit_codes import INTERRUPTED, TERMINATED
from attnbench.hardware import resolve_device
from attnbench.measure.memory import free_memory
from attnbench.meeting import Meeting, meet
from attnbench.plugins import import_plugins, imported_plugins
from attnbench.ranks import Share, leave, together
from attnbench.spec import Compute
from attnbench.starting import Start, check_start

T = TypeVar("T")

_TOGETHER_S = 30.0
"""What fails in all processes fails in all of them within this time, even where one reads its data more slowly."""
_FAREWELL_S = 10.0


@dataclass(frozen=True, kw_only=True)
class _Call:
    """What all processes do together."""

    run: Callable[..., Any]
    spec: object
    options: Mapping[str, object]
    compute: Compute
    on_gpu: bool
    imports: tuple[str, ...]


@dataclass(kw_only=True)
class _Joined:
    """The processes, and how often they were called."""

    meeting: Meeting
    num_calls: int = 0

    @property
    def key(self) -> str:
        """Where the present call lies in the store."""
        return f"attnbench/{self.num_calls}"

    def call(self, what: object) -> None:
        """Let the other processes know what is next."""
        self.num_calls += 1
        self.meeting.store.set(self.key, pickle.dumps(what))

    def next_call(self) -> object:
        """What the first process gives to `call`."""
        self.num_calls += 1
        return pickle.loads(self.meeting.store.get(self.key))


_joined: _Joined | None = None


def joined_start() -> Start | None:
    """How this process was started with the others that it has joined; none where it is alone."""
    return _joined.meeting.start if _joined else None


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
        The exit code 0. With another one the process ends here, as it does where a run fails in it alone.

    Raises:
        SpecError: If srun was not told the tasks of each node.
        TrainingError: If the others do not come.
    """
    global _joined
    try:
        _joined = _Joined(meeting=meet(start))
    except SpecError:
        if start.index:  # the first one says it
            _end(2)
        raise
    try:
        status = _lead(_joined, command) if start.index == 0 else _follow(_joined)
    except SystemExit as end:
        _end(end.code)
    except BaseException:
        traceback.print_exc()
        _end(1)
    if status:
        _end(status)
    return 0


def on_joined_ranks(
    run: Callable[..., T], spec: object, *, compute: Compute, on_progress: Callable[..., None], **options: object
) -> T:
    """What `attnbench.launching.on_ranks` does, in processes that are there already. The first one calls it.

    Raises:
        SystemExit: If it fails in this process and not in all.
        Exception: What ends it in this process, and something in all others; they are ready for the next call.
    """
    assert _joined is not None
    on_gpu = resolve_device(compute).type == "cuda"
    call = _Call(run=run, spec=spec, options=options, compute=compute, on_gpu=on_gpu, imports=imported_plugins())
    _joined.call(call)
    return _take_part(_joined, call, on_progress)  # type: ignore[no-any-return]


def _lead(joined: _Joined, command: Callable[[], int]) -> int:
    requests: list[int] = []

    def interrupt(number: int, frame: FrameType | None) -> None:
        requests.append(number)
        # An interruption is lost where it falls into a destructor, and torch may wait for messages that never come.
        last_resort = threading.Timer(_FAREWELL_S, os._exit, [TERMINATED])
        last_resort.daemon = True
        last_resort.start()
        raise KeyboardInterrupt

    # As Ctrl-C: torchrun and srun ask for it where another process has ended.
    signal.signal(signal.SIGTERM, interrupt)
    status = command()
    _answer_signals(signal.SIG_IGN)
    status = TERMINATED if requests and status == INTERRUPTED else status
    with contextlib.suppress(distributed.DistError):
        joined.call(status)
        if status not in (INTERRUPTED, TERMINATED):  # of which the others hear in the midst of a run
            joined.meeting.count(f"{joined.key}/heard", joined.meeting.start.number, within_s=_FAREWELL_S)
    return status


def _follow(joined: _Joined) -> int:
    _answer_signals(signal.SIG_DFL)  # there is nothing to put away
    with (
        open(os.devnull, "w") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        while True:
            try:
                call = joined.next_call()
            except distributed.DistError:
                raise SystemExit("error: the first process of the run has ended, and this one with it") from None
            if isinstance(call, int):
                _answer_signals(signal.SIG_IGN)
                joined.meeting.store.add(f"{joined.key}/heard", 1)
                return call
            assert isinstance(call, _Call)
            try:
                _take_part(joined, call, None)
            except Exception as error:  # of which the first process tells
                traceback.clear_frames(error.__traceback__)
            free_memory()


def _answer_signals(handler: signal.Handlers) -> None:
    """To Ctrl-C, and to the request to terminate that torchrun and srun send to all as soon as one has ended."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)


def _take_part(joined: _Joined, call: _Call, on_progress: Callable[..., None] | None) -> Any:
    meeting, start = joined.meeting, joined.meeting.start
    share = Share(index=start.index, number=start.number)
    try:
        import_plugins(call.imports)  # they register what the spec names
        if (resolve_device(call.compute).type == "cuda") != call.on_gpu:
            raise SpecError(f"all processes must have GPUs, or none; got {call.on_gpu} for the first, and not for this")
        store = distributed.PrefixStore(joined.key, meeting.store)  # type: ignore[attr-defined]
        with together(share, meeting.environment, on_gpu=call.on_gpu, store=store):
            return call.run(call.spec, on_progress=on_progress, **call.options)
    except Exception as error:
        if not _all_fail(joined):
            raise SystemExit(
                f"error: process {start.index} of {start.number} cannot go on, and the others not without it: "
                f"{_reason(error)}"
            ) from error
        leave()
        raise


def _all_fail(joined: _Joined) -> bool:
    """Whether the present call fails in every process."""
    meeting = joined.meeting
    try:
        return meeting.count(f"{joined.key}/failed", meeting.start.number, within_s=_TOGETHER_S)
    except distributed.DistError:  # the process that holds the store has ended
        return False


def _reason(error: Exception) -> str:
    said = " ".join(str(error).split())
    # gloo's words are of C++.
    return "another one has ended" if "by peer" in said else f"{type(error).__name__}: {said}"


def _end(status: object) -> NoReturn:
    """End this process here: at its regular end torch would wait for messages of ranks that are gone."""
    if isinstance(status, str):
        print(status, file=sys.stderr)
    end_at_once(status if isinstance(status, int) else 1)
