"""One row's model in a process of its own, told step by step what to do, so that rows are still timed in turn."""

import multiprocessing
import signal
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any, cast

import torch

from attnbench.efficiency.host import Host, LocalHost, clock_of, compiling
from attnbench.efficiency_record import Counts
from attnbench.efficiency_spec import Phase, RowSpec
from attnbench.errors import UnknownNameError
from attnbench.held_signals import held_back, let_through
from attnbench.measure.disturbance import own_processor_seconds
from attnbench.measure.failure import RelayedError, RelayedMemoryError, describe, is_out_of_memory
from attnbench.measure.precision import arithmetic
from attnbench.measure.stopwatch import Step


class RemoteHost:
    """The model of one row in another process, which starts at once and ends with this one."""

    def __init__(self, row: RowSpec) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, row), daemon=True)
        with held_back():
            self._process.start()
        theirs.close()
        self._remote_step = _RemoteStep(self)
        self._ending: str | None = None

    def build(self) -> None:
        """Build the model."""
        self.ask("build")

    def count(self) -> Counts:
        """Count what does not depend on the clock."""
        return cast(Counts, self.ask("count"))

    def start(self, phase: Phase, batch_size: int) -> float:
        """Make the phase's step and run it once; seconds that this took."""
        return cast(float, self.ask("start", phase, batch_size))

    def step(self) -> Step:
        """What is timed in the phase that was started; its own process holds the clock."""
        return self._remote_step

    def peak_memory_bytes(self) -> int:
        """The most memory that a step of the phase needs at once."""
        return cast(int, self.ask("peak_memory_bytes"))

    def stop(self) -> None:
        """Let go of the phase's step and images, as far as the process still can."""
        with suppress(RelayedError):
            self.ask("stop")

    def workers_s(self) -> float:
        """Processor time of the row's process; 0 where it has ended."""
        try:
            return cast(float, self.ask("processor_seconds"))
        except RelayedError:
            return 0.0

    def close(self) -> None:
        """End the process."""
        self._connection.close()
        self._process.terminate()
        self._process.join(timeout=10)
        self._process.kill()
        self._process.join()

    def ask(self, method: str, *arguments: object) -> object:
        """Let the process call a method, and wait for what it returns.

        Raises:
            RelayedMemoryError: If memory ended there.
            UnknownNameError: If something named is not there.
            RelayedError: If it raised anything else, or the process ended.
        """
        if self._ending is not None:
            raise RelayedError(f"not tried: the row's process had ended before, {self._ending}")
        try:
            self._connection.send((method, arguments))
            kind, value = self._connection.recv()
        except (EOFError, OSError):
            self._process.join(timeout=5)
            self._ending = _ending(self._process.exitcode)
            raise RelayedError(f"the row's process ended, {self._ending}") from None
        if kind == "value":
            return value
        raise {"memory": RelayedMemoryError, "name": UnknownNameError}.get(kind, RelayedError)(value)


class _RemoteStep:
    def __init__(self, host: RemoteHost) -> None:
        self._host = host

    def __call__(self) -> object:
        return self.sample_ms(1)

    def sample_ms(self, repeats: int) -> float:
        return cast(float, self._host.ask("sample_ms", repeats))


class RemoteStopwatch:
    """Collects what the clocks of the rows' own processes say."""

    def __init__(self) -> None:
        self._samples_ms: list[float] = []

    def time(self, step: Step, repeats: int) -> None:
        """Let a row's process run its step several times as one sample."""
        self._samples_ms.append(cast(_RemoteStep, step).sample_ms(repeats))

    def read_ms(self) -> list[float]:
        """Milliseconds of one step in each sample since the last reading."""
        samples_ms, self._samples_ms = self._samples_ms, []
        return samples_ms


class _Servant:
    """What the process of a row can be asked for."""

    def __init__(self, row: RowSpec) -> None:
        self.host: Host = LocalHost(row)
        self.device = torch.device(row.conditions.device)
        for name in ("build", "count", "peak_memory_bytes", "stop"):
            setattr(self, name, getattr(self.host, name))

    def start(self, phase: Phase, batch_size: int) -> float:
        self.clock = clock_of(phase, self.device)
        return self.host.start(phase, batch_size)

    def sample_ms(self, repeats: int) -> float:
        self.clock.time(self.host.step(), repeats)
        return self.clock.read_ms()[0]

    def processor_seconds(self) -> float:
        return own_processor_seconds()


def _serve(connection: "Connection[Any, Any]", row: RowSpec) -> None:
    # Ctrl-C reaches the whole terminal group; the parent decides what becomes of the rows.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    let_through()
    torch.set_num_threads(row.conditions.threads)
    servant = _Servant(row)
    with arithmetic(row.conditions.precision), compiling(row.conditions):
        while True:
            try:
                method, arguments = connection.recv()
            except EOFError:  # the parent has ended
                return
            connection.send(_answer(servant, method, arguments))


def _answer(servant: _Servant, method: str, arguments: tuple[object, ...]) -> tuple[str, object]:
    try:
        return "value", getattr(servant, method)(*arguments)
    except UnknownNameError as error:
        return "name", str(error)
    except Exception as error:
        return "memory" if is_out_of_memory(error) else "error", describe(error)


def _ending(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        name = signal.Signals(-exit_code).name
        return f"killed by {name}" + (", as the system does where memory ends" if name == "SIGKILL" else "")
    return f"with exit code {exit_code}"
