"""What a user asks for of an executor."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Literal, TypeAlias, get_args

from attnbench.errors import MissingDependencyError, SpecError
from attnbench.variant import Scalar

ExecutorKind: TypeAlias = Literal["local", "ray", "slurm"]
"""This machine, a Ray cluster, or SLURM."""
EXECUTORS: tuple[ExecutorKind, ...] = get_args(ExecutorKind)
"""All of them."""
_PACKAGES: Mapping[ExecutorKind, str] = {"ray": "ray", "slurm": "submitit"}


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Where the runs of a suite are executed. It is no part of a spec, and changes no result but timings."""

    kind: ExecutorKind = "local"
    """Where."""
    workers: int | None = None
    """Runs at once; none leaves it to the machine, the cluster or the queue."""
    run_timeout_s: float | None = None
    """Seconds after which a run is ended and has failed; none waits for ever."""
    settings: Mapping[str, Scalar] = field(default_factory=dict)
    """What else Ray or SLURM is told; see the files of the executors."""

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise SpecError(f"workers must be at least 1; got workers={self.workers}")
        if self.run_timeout_s is not None and not 0 < self.run_timeout_s < math.inf:
            raise SpecError(
                f"run_timeout must be positive and finite, in seconds; got run_timeout={self.run_timeout_s:g}"
            )
        if self.settings and self.kind == "local":
            raise SpecError(
                f"--executor-set goes with --executor ray or slurm; got {', '.join(self.settings)} for this machine"
            )


def check_installed(kind: ExecutorKind) -> None:
    """Import the package that an executor needs, so that a lack shows before anything is loaded.

    Raises:
        MissingDependencyError: If it is not installed.
    """
    if kind not in _PACKAGES:
        return
    try:
        import_module(_PACKAGES[kind])
    except ImportError as error:
        raise MissingDependencyError(
            f"--executor {kind} needs {_PACKAGES[kind]}, which is not installed: pip install attnbench[{kind}]; "
            f"importing it says: {error}"
        ) from error
