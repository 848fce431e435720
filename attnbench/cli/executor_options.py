"""The options that say where a suite's runs are executed."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from cyclopts import Group, Parameter

from attnbench.errors import SpecError
from attnbench.executors.choice import Choice, ExecutorKind, check_installed
from attnbench.variant import Scalar

_RUNS = Group("Where the runs are executed", sort_key=4)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ExecutorOptions:
    """Where runs are executed. It is no part of a spec, and changes no result."""

    executor: Annotated[ExecutorKind, Parameter(group=_RUNS)] = "local"
    """This machine, a Ray cluster, or SLURM, each of which keeps order in its own way; see docs/scaling.md."""
    workers: Annotated[int | None, Parameter(group=_RUNS)] = None
    """Runs at once, each in a process of its own; by default one a CPU core, or one a GPU, which several can share. Ray
    and SLURM begin as many as they have room for."""
    run_timeout: Annotated[float | None, Parameter(group=_RUNS)] = None
    """Seconds after which a run is ended and has failed; the others go on."""
    executor_set: Annotated[tuple[str, ...], Parameter(group=_RUNS, negative=(), show_default=False)] = ()
    """What Ray or SLURM is told, as KEY=VALUE: partition=gpu, num_gpus=0.5; may be repeated."""


def choice_from(options: ExecutorOptions | None) -> Choice:
    """The executor that the options name.

    Raises:
        SpecError: If one of them is not valid.
        MissingDependencyError: If the executor's package is not installed.
    """
    options = options or ExecutorOptions()
    check_installed(options.executor)
    return Choice(
        kind=options.executor,
        workers=options.workers,
        run_timeout_s=options.run_timeout,
        settings=dict(_setting(text) for text in options.executor_set),
    )


def workers_of_plan(choice: Choice) -> int | None:
    """Runs at once that a dry run reckons with; none leaves it to this machine.

    Raises:
        SpecError: If a cluster decides on it.
    """
    if choice.kind != "local" and choice.workers is None:
        raise SpecError(
            f"--dry-run reckons with so many runs at once as --workers says, or this machine has room for; got "
            f"--executor {choice.kind} without --workers"
        )
    return choice.workers


def _setting(text: str) -> tuple[str, Scalar]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise SpecError(f"--executor-set must be KEY=VALUE, such as partition=gpu; got {text!r}")
    for kind in (int, float, bool):  # in this order: 1 is a number
        try:
            return name, msgspec.convert(value, type=kind, strict=False)
        except msgspec.ValidationError:
            continue
    return name, value
