"""Where and in which arithmetic a run happens."""

import math
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from attnbench.identity import LATER
from attnbench.spec_rules import check, check_fields

Compilation: TypeAlias = Literal["none", "attention", "model"]
"""What torch.compile makes kernels of: nothing, each attention module by itself, or the whole model."""

Strategy: TypeAlias = Literal["ddp_find_unused_parameters_true", "ddp"]
"""How Lightning lets several processes train together, by the name that it gives to that."""


@dataclass(frozen=True, kw_only=True)
class Compute:
    """Where and in which arithmetic a run happens; results are bit-equal only under equal settings."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Device; `auto` is the GPU where there is one."""
    threads: int = 1
    """CPU threads of one run. Another number gives other last bits."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    """Arithmetic of autocast; `auto` is bfloat16 on a GPU that has it, else float32."""
    channels_last: bool = True
    """Memory layout of the feature maps: NHWC, which CPUs and tensor cores prefer, or NCHW."""
    deterministic: bool = True
    """Only algorithms that give the same bits each time."""
    devices: int = field(default=1, metadata=LATER)
    """Processes of one run on each node, each with a GPU of its own or with `threads` threads of the CPU; the images of
    each step are divided among them. Another number gives other last bits, and other statistics of batch norms."""
    compile: Compilation = field(default="none", metadata=LATER)
    """What is compiled; see `attnbench.models.compiling`. Compiled code gives other last bits."""
    num_nodes: int = field(default=1, metadata=LATER)
    """Machines of one run. Those of more than one are started by torchrun or srun; see `attnbench.joining`."""
    strategy: Strategy = field(default="ddp_find_unused_parameters_true", metadata=LATER)
    """How several devices train together. `ddp` is faster, and wants every parameter to be used at each step."""

    def __post_init__(self) -> None:
        check_fields(self)
        for name in ("threads", "devices", "num_nodes"):
            check(getattr(self, name) >= 1, f"{name} must be at least 1", **{name: getattr(self, name)})
        check(
            self.precision != "float16" or self.device != "cpu",
            "precision float16 needs a GPU; on a CPU take float32 or bfloat16",
            precision=self.precision,
            device=self.device,
        )
        check(
            self.num_ranks > 1 or self.strategy == "ddp_find_unused_parameters_true",
            "strategy is how several devices train together, and there is one",
            strategy=self.strategy,
            devices=self.devices,
            num_nodes=self.num_nodes,
        )

    @property
    def num_ranks(self) -> int:
        """Processes of one run, those of all nodes."""
        return self.devices * self.num_nodes


def check_divided(batch_size: int, compute: Compute, *, accumulate: int = 1) -> None:
    """Refuse a step whose images cannot be divided into equal parts.

    Args:
        batch_size: Images a step.
        compute: Whose devices share them.
        accumulate: Parts that each device takes one after the other.

    Raises:
        SpecError: If the parts would differ.
    """
    divisors = {"devices": compute.devices, "num_nodes": compute.num_nodes, "accumulate": accumulate}
    parts = {name: number for name, number in divisors.items() if number > 1}
    check(
        batch_size % math.prod(divisors.values()) == 0,
        f"{' times '.join(parts)} must divide batch_size",
        **parts,
        batch_size=batch_size,
    )
