"""What has started this process: a person or a scheduler, alone, or torchrun or srun as one of several ranks.

Lightning asks the same, but takes the variables of a job of SLURM for those of its tasks: a batch script and a shell
on a node have them too, and are alone.
"""

import os
from dataclasses import dataclass
from typing import Literal

from attnbench.compute_spec import Compute
from attnbench.errors import SpecError

QUIET = {"TORCH_CPP_LOG_LEVEL": "ERROR"}
"""Variables of ranks, before torch is loaded: else each warns, past Python, that parameters are looked for which a
module may leave unused."""

_SHELL = "bash"
"""Name of a job in which srun has started a shell."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """That of one of several processes, which train together."""

    by: Literal["torchrun", "srun"]
    """What has started them."""
    index: int
    """Which of them this is, counted from 0."""
    number: int
    """How many there are."""
    num_nodes: int
    """On how many machines."""


def this_start() -> Start | None:
    """How this process was started with others; none where it is alone."""
    if "TORCHELASTIC_RUN_ID" in os.environ:
        start = Start(
            by="torchrun", index=_number("RANK"), number=_number("WORLD_SIZE"), num_nodes=_number("GROUP_WORLD_SIZE")
        )
    elif "SLURM_STEP_NUM_TASKS" in os.environ and os.environ.get("SLURM_JOB_NAME") != _SHELL:
        start = Start(
            by="srun",
            index=_number("SLURM_PROCID"),
            number=_number("SLURM_STEP_NUM_TASKS"),
            num_nodes=_number("SLURM_STEP_NUM_NODES"),
        )
    else:
        return None
    return start if start.number > 1 else None


def check_start(compute: Compute, start: Start | None) -> None:
    """Refuse runs whose ranks are other ones than were started.

    Args:
        compute: How many a run has.
        start: How this process was started with others; none where it is alone, and starts the ranks itself.

    Raises:
        SpecError: If they are not those of a run, or are missing.
    """
    wanted = f"devices={compute.devices}, num_nodes={compute.num_nodes}"
    if start is None:
        if compute.num_nodes > 1:
            raise SpecError(
                f"the processes of several nodes are started by torchrun or srun; got {wanted}: type on each node, "
                f"with the name of one of them for HOST, torchrun --nnodes {compute.num_nodes} --nproc-per-node "
                f"{compute.devices} --rdzv-backend c10d --rdzv-endpoint HOST:29500 -m attnbench …, or in a job of "
                f"SLURM srun --nodes {compute.num_nodes} --ntasks-per-node {compute.devices} attnbench …"
            )
        return
    if (compute.num_ranks, compute.num_nodes) != (start.number, start.num_nodes):
        nodes = "1 node" if start.num_nodes == 1 else f"{start.num_nodes} nodes"
        raise SpecError(
            f"devices times num_nodes must be the processes that {start.by} has started; got {wanted}, which are "
            f"{compute.num_ranks}, and {start.number} processes on {nodes}"
        )


def _number(name: str) -> int:
    return int(os.environ[name])
