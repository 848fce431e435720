"""Where processes that were started together meet, and how they talk outside of the runs that they do together."""

import os
import time
import warnings
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch import distributed

from attnbench.errors import SpecError, TrainingError
from attnbench.starting import Start

_COMING = timedelta(minutes=10)
"""For so long they wait for one another at the start; torch takes long to load from some file systems."""
_LONGEST_COMMAND = timedelta(days=365)
_BETWEEN_LOOKS_S = 0.05


@dataclass(frozen=True, kw_only=True)
class Meeting:
    """What all of them see."""

    start: Start
    """How they were started."""
    environment: ClusterEnvironment
    """What Lightning asks where they are."""
    store: Any
    """torch's store of keys and values, in the first of them or in torchrun."""

    def count(self, key: str, number: int, *, within_s: float) -> bool:
        """Count up, and wait until so many have done so. Signals are heard meanwhile.

        Args:
            key: What is counted.
            number: How many are waited for.
            within_s: Seconds for which they are.

        Returns:
            Whether they have come; the same in all processes.
        """
        deadline = time.monotonic() + within_s
        self.store.add(key, 1)
        while self.store.add(key, 0) < number and time.monotonic() < deadline:
            time.sleep(_BETWEEN_LOOKS_S)
        # The first to know decides: one that has given up is not there for those who come after it.
        verdict = "all" if self.store.add(key, 0) >= number else "not all"
        return bool(self.store.compare_set(f"{key}/verdict", "", verdict) == b"all")


def meet(start: Start) -> Meeting:
    """Wait for the other processes, and return when all are there.

    Raises:
        SpecError: If srun was not told the tasks of each node, which Lightning wants to know.
        TrainingError: If they do not come.
    """
    environment = _environment(start)
    # As Lightning does it. By them torch knows, too, that the store is in torchrun already.
    address, port = environment.main_address, environment.main_port
    os.environ.update(MASTER_ADDR=address, MASTER_PORT=str(port))
    try:
        meetings = distributed.rendezvous("env://", start.index, start.number, timeout=_COMING)  # type: ignore[attr-defined]
        store, _, _ = next(meetings)
    except (distributed.DistError, OSError) as error:
        raise TrainingError(
            f"process {start.index} of {start.number} has not met the others at {address}, port {port}, within "
            f"{_COMING.seconds // 60} minutes: {error}"
        ) from error
    store.set_timeout(_LONGEST_COMMAND)
    return Meeting(start=start, environment=environment, store=store)


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
