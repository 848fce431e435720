"""Where records come from: device, processor, threads and versions."""

from dataclasses import dataclass

from attnbench.compute_spec import Compute
from attnbench.record import Environment
from attnbench.report.numbers import plural


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where records of one table come from."""

    device: str
    """``cpu`` or the name of the GPU."""
    processor: str
    """Model name of the CPU."""
    threads: int
    """CPU threads of a run."""
    precision: str
    """Arithmetic of training."""
    torch: str
    """Version of torch."""
    attnbench: str
    """Version of attnbench, with the revision where it is known."""
    num_records: int
    """How many of the table's records come from there."""


def machine_of(environment: Environment) -> Machine:
    """Where records of an environment come from, none of them counted yet."""
    revision = f" ({environment.git_revision})" if environment.git_revision else ""
    return Machine(
        device=environment.device,
        processor=environment.processor,
        threads=environment.threads,
        precision=environment.precision,
        torch=environment.packages.get("torch", "unknown"),
        attnbench=environment.attnbench + revision,
        num_records=0,
    )


def machine_line(machine: Machine) -> str:
    """Device, arithmetic and versions."""
    device = machine.processor if machine.device == "cpu" else f"{machine.device} beside {machine.processor}"
    kind = "CPU" if machine.device == "cpu" else "GPU"
    threads = plural(machine.threads, "thread")
    return f"{kind} {device}, {threads}, {machine.precision}, torch {machine.torch}, attnbench {machine.attnbench}"


def devices_line(compute: Compute) -> str:
    """What shares the images of a step.

    >>> devices_line(Compute(devices=8)), devices_line(Compute(devices=8, num_nodes=2))
    ('8 devices', '16 devices of 2 nodes')
    """
    nodes = f" of {compute.num_nodes} nodes" if compute.num_nodes > 1 else ""
    return f"{plural(compute.num_ranks, 'device')}{nodes}"
