"""How Lightning divides a training among ranks."""

from typing import Any

from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.strategies import DDPStrategy

from attnbench.callbacks import AgreeOnBuffers
from attnbench.ranks import cluster_environment, is_rank, num_ranks
from attnbench.spec import Compute


def division(compute: Compute) -> dict[str, Any]:
    """What Lightning's Trainer is told of the processes that train together.

    Args:
        compute: How many of them each node has, and by which strategy they train.
    """
    if not is_rank():
        # A process alone is that in a job of SLURM too, where Lightning would otherwise answer the job's signals.
        return {"devices": 1, "strategy": "auto", "plugins": LightningEnvironment()}
    return {
        "devices": num_ranks() // compute.num_nodes,
        "num_nodes": compute.num_nodes,
        "strategy": DDPStrategy(
            cluster_environment=cluster_environment(),
            # They are agreed on at the end of an epoch: torch's way is a message at each step, those of evaluation
            # too, of which the ranks may have different numbers.
            broadcast_buffers=False,
            # A user's module may leave a parameter unused, as on one device.
            find_unused_parameters=compute.strategy != "ddp",
        ),
    }


def callbacks_of_ranks() -> list[Callback]:
    """What a training needs beside its own callbacks where ranks share it."""
    return [AgreeOnBuffers()] if is_rank() else []
