"""Kernels compiled for a GPU on a machine that has none."""

import re
import subprocess
from dataclasses import dataclass
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.backends.nvidia.compiler import get_ptxas
from triton.compiler import ASTSource

from attnbench.kernels.operators import COMPILED

H100 = GPUTarget("cuda", 90, 32)


@dataclass(frozen=True)
class Compiled:
    registers: int
    """Of a thread."""
    spilled_bytes: int
    """What did not fit into registers, of a thread: written and read."""
    shared_bytes: int
    """Shared memory of a program."""


def compile_ahead(kernel: Any, arguments: dict[str, str], constants: dict[str, Any], *, num_warps: int) -> Compiled:
    """Compile a kernel for an H100.

    Args:
        kernel: What `triton.jit` made.
        arguments: Types of its arguments, ``*bf16`` or ``i32``, without the constants.
        constants: Values of its `tl.constexpr` arguments.
        num_warps: Warps of a program.
    """
    signature = {name: "constexpr" if name in constants else arguments[name] for name in kernel.arg_names}
    # As the launcher has it for tensors that torch allocates: aligned to 16 bytes.
    aligned = {
        (index,): [["tt.divisibility", 16]]
        for index, name in enumerate(kernel.arg_names)
        if arguments.get(name, "").startswith("*")
    }
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=aligned)
    made = triton.compile(source, target=H100, options={"num_warps": num_warps, **COMPILED})
    said = _assembler_says(made.asm["ptx"])
    spilled = sum(int(size) for size in re.findall(r"(\d+) bytes spill", said))
    (registers,) = re.findall(r"Used (\d+) registers", said)
    return Compiled(registers=int(registers), spilled_bytes=spilled, shared_bytes=made.metadata.shared)


def _assembler_says(ptx: str) -> str:
    command = [get_ptxas(H100.arch).path, "--verbose", "--gpu-name=sm_90a", "--output-file=/dev/null", "-"]
    return subprocess.run(command, input=ptx, capture_output=True, text=True, check=True).stderr
