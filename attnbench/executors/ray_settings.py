"""What a user may tell Ray, and what each run asks of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ray

from attnbench.errors import SpecError
from attnbench.spec import Compute
from attnbench.variant import Scalar

_OF_A_RUN = ("num_cpus", "num_gpus", "memory", "accelerator_type", "max_retries", "scheduling_strategy")
_RESOURCES = "resources."
_ALLOWED = ", ".join(("address", *_OF_A_RUN, f"{_RESOURCES}NAME"))


@dataclass(frozen=True, kw_only=True)
class RaySettings:
    """A user's settings in the words of Ray: those of `ray.init` and of its tasks."""

    address: str | None = None
    """The cluster; none is that of RAY_ADDRESS or of this machine, and where there is neither, one is started."""
    of_a_run: Mapping[str, Any] = field(default_factory=dict)
    """Options of a task."""


def settings_from(given: Mapping[str, Scalar]) -> RaySettings:
    """The settings that a user gives.

    Raises:
        SpecError: If one of them is none of Ray's.
    """
    address, of_a_run, resources = None, dict[str, Any](), dict[str, Any]()
    for name, value in given.items():
        if name == "address":
            address = str(value)
        elif name in _OF_A_RUN:
            of_a_run[name] = value
        elif name.startswith(_RESOURCES):
            resources[name.removeprefix(_RESOURCES)] = value
        else:
            raise SpecError(f"--executor-set: Ray takes no {name}; allowed: {_ALLOWED}")
    return RaySettings(address=address, of_a_run=of_a_run | ({"resources": resources} if resources else {}))


def asked_of_ray(settings: RaySettings, compute: Compute, *, has_gpus: bool) -> dict[str, Any]:
    """The options of the task that a run is.

    Args:
        settings: The user's, which come first.
        compute: What the run uses.
        has_gpus: Whether any node of the cluster has one.
    """
    on_gpus = compute.device == "cuda" or (compute.device == "auto" and has_gpus)
    own = {"num_cpus": compute.threads * compute.devices, "num_gpus": compute.devices if on_gpus else 0}
    return {**own, **settings.of_a_run}


def as_remote(function: Any, asked: Mapping[str, Any]) -> Any:
    """A function as a task of Ray.

    Args:
        function: What is to be called on the cluster.
        asked: Its options.

    Raises:
        SpecError: If Ray does not take one of them.
    """
    try:
        return ray.remote(**asked)(function)
    except (TypeError, ValueError, AttributeError) as error:
        raise SpecError(f"--executor-set: {error}") from error


def fits_a_node(asked: Mapping[str, Any]) -> bool:
    """Whether any node of the cluster, when it is idle, has what a run asks for."""
    needed = {"CPU": asked["num_cpus"], "GPU": asked["num_gpus"], "memory": asked.get("memory", 0)}
    needed |= asked.get("resources", {})
    offered = (node["Resources"] for node in ray.nodes() if node["Alive"])
    return any(all(node.get(name, 0) >= amount for name, amount in needed.items()) for node in offered)


def in_words(asked: Mapping[str, Any]) -> str:
    """What a run asks for.

    >>> in_words({"num_cpus": 2, "num_gpus": 0.25, "resources": {"fast_disk": 1}})
    '2 CPU, 0.25 GPU, 1 fast_disk'
    """
    needed = {"CPU": asked["num_cpus"], "GPU": asked["num_gpus"], "bytes of memory": asked.get("memory", 0)}
    return ", ".join(f"{amount:g} {name}" for name, amount in (needed | asked.get("resources", {})).items() if amount)
