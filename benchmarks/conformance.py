"""How near every attention module is to an independent reference of its paper.

    python benchmarks/conformance.py --output results/conformance.txt

The references (`tests/references`) are written with loops from the papers' equations, in NumPy
and float64. The reference gradient owes nothing to autograd: it is the fourth-order central
difference of the reference itself, along coordinates of the input that are drawn at random.
Inputs and weights are drawn so that bfloat16 holds them exactly: what is measured is each
type's arithmetic, not the rounding of what it was given.
"""

import argparse
import copy
import io
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from attnbench.attention import ATTENTION
from attnbench.attention.contract import make, subject_of
from attnbench.environment import capture_environment
from attnbench.report.numbers import plural
from attnbench.spec import Compute
from attnbench.variant import Variant
from tests.attention.variants import VARIANTS
from tests.references.table import REFERENCES, reference

Array = NDArray[np.float64]

IMAGES, CHANNELS, HEIGHT, WIDTH = 2, 64, 6, 5
DTYPES = (torch.float64, torch.float32, torch.bfloat16)
STEP = 2.0**-12
"""Of the central difference; a power of two, so that the steps themselves are exact."""
COORDINATES = 32
PACKAGES = ("torch", "timm", "numpy")
TOLERANCES = {"forward": 1e-11, "gradient": 1e-8}
"""Largest errors in float64: of arithmetic, and of the central difference."""


@dataclass(frozen=True)
class Row:
    """The errors of one variant, each for every type."""

    variant: str
    forward: tuple[float, ...]
    gradient: tuple[float, ...]

    def problems(self) -> list[str]:
        """A sentence for each float64 error that is too large."""
        errors = {"forward": self.forward[0], "gradient": self.gradient[0]}
        return [
            f"{self.variant}: the {kind} error in float64 is {error:.1e}, above {TOLERANCES[kind]:.0e}"
            for kind, error in errors.items()
            if not error <= TOLERANCES[kind]
        ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and fail if a module is not its reference or has none."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("variants", nargs="*", help="variants to measure; by default every form of every module")
    parser.add_argument("--output", type=Path, help="file for the table")
    options = parser.parse_args(arguments)
    if not options.variants and (problems := missing()):
        print("\n".join(problems), file=sys.stderr)
        return 1
    rows = [measure(variant) for variant in options.variants or VARIANTS]
    show(rows, Console())
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        page = Console(file=io.StringIO(), width=100)
        with page.capture() as capture:
            show(rows, page)
        lines = [line.rstrip() for line in capture.get().splitlines()]
        options.output.write_text("\n".join([*lines, ""]), encoding="utf-8")
    problems = [problem for row in rows for problem in row.problems()]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


def show(rows: list[Row], console: Console) -> None:
    """Print heading and table."""
    console.print(heading(), highlight=False)
    console.print(table(rows))


def missing() -> list[str]:
    """A sentence for each registered name without a reference or without a variant to measure."""
    names = set(ATTENTION.names())
    measured = {Variant.parse(variant).name for variant in VARIANTS}
    return [
        *(f"{name} has no reference in tests/references/table.py" for name in sorted(names - set(REFERENCES))),
        *(f"{name} has no variant in tests/attention/variants.py" for name in sorted(names - measured)),
    ]


def measure(variant: str) -> Row:
    """The errors of one variant."""
    generator = torch.Generator().manual_seed(0)
    module = made_in_float64(variant)
    fill(module, generator)
    x = drawn(IMAGES, CHANNELS, HEIGHT, WIDTH, generator=generator)
    expected = reference(variant, module, x.numpy())
    projection = drawn(*expected.shape, generator=generator)
    coordinates = torch.randperm(x.numel(), generator=generator)[:COORDINATES].numpy()
    slopes = np.array([slope(variant, module, x.numpy(), projection.numpy(), index) for index in coordinates])
    forward, gradient = [], []
    for dtype in DTYPES:
        given = x.to(dtype).requires_grad_()
        y = copy.deepcopy(module).to(dtype)(given)
        (found,) = torch.autograd.grad(y, given, projection.to(dtype))
        forward.append(largest_error(y.detach().double().numpy(), expected))
        gradient.append(largest_error(found.double().numpy().reshape(-1)[coordinates], slopes))
    return Row(variant, tuple(forward), tuple(gradient))


def made_in_float64(variant: str) -> nn.Module:
    """A module whose constants too are made in float64, not rounded to float32 first."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return make(subject_of(variant, CHANNELS), (HEIGHT, WIDTH))
    finally:
        torch.set_default_dtype(before)


def fill(module: nn.Module, generator: torch.Generator) -> None:
    """Draw every parameter and running statistic: a gate that starts at 0 would show nothing."""
    state = module.state_dict()
    drawn_names = [name for name, _ in module.named_parameters()]
    drawn_names += [name for name in state if name.endswith(("running_mean", "running_var"))]
    for name in drawn_names:
        value = state[name]
        values = drawn(*value.shape, generator=generator)
        if name.endswith("running_var"):
            values = values.abs() + 0.5
        elif value.ndim > 1:
            values *= value[0].numel() ** -0.5  # so that sums have the size of their terms
        value.copy_(values.bfloat16())


def drawn(*shape: int, generator: torch.Generator) -> torch.Tensor:
    """Normal numbers in float64 that bfloat16 holds exactly."""
    return torch.randn(*shape, dtype=torch.float64, generator=generator).bfloat16().double()


def slope(variant: str, module: nn.Module, x: Array, projection: Array, index: int) -> float:
    """∂ Σ(projection · reference(x)) / ∂x at one coordinate, by the fourth-order central difference."""
    total = 0.0
    for steps, weight in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
        moved = x.copy()
        moved.reshape(-1)[index] += steps * STEP
        total += weight * float((projection * reference(variant, module, moved)).sum())
    return total / (12 * STEP)


def largest_error(got: Array, expected: Array) -> float:
    """The largest |got − expected|, relative to |expected| or to its root mean square where that is larger."""
    size = np.maximum(np.abs(expected), np.sqrt(np.mean(expected**2)))
    return float((np.abs(got - expected) / size).max())


def heading() -> str:
    """What was measured, where, and how to measure it again."""
    environment = capture_environment(Compute(device="cpu", precision="float32"))
    versions = [f"Python {environment.python}", *(f"{name} {environment.packages[name]}" for name in PACKAGES)]
    versions.append(f"attnbench {environment.attnbench} ({environment.git_revision or 'installed'})")
    machine = [environment.platform, environment.processor, plural(environment.threads, "thread"), *versions]
    return (
        "Largest errors against independent references of the papers (tests/references)\n\n"
        f"python benchmarks/conformance.py\n{', '.join(machine)}\n\n"
        f"Maps of {IMAGES}×{CHANNELS}×{HEIGHT}×{WIDTH} in evaluation. An error is |got − expected| relative to "
        "|expected|, or to the root mean square of all where that is larger. The gradient is that of a fixed random "
        f"projection of the output, at {COORDINATES} random coordinates of the input; the reference's is the "
        f"fourth-order central difference of the float64 NumPy reference with step {STEP:.1e}. Inputs and weights are "
        "exact in bfloat16, so that the errors are those of each type's arithmetic. Where bfloat16 rounds a value to "
        "the other side of a ReLU's kink or of a maximum, its gradient there is another one, and the largest error "
        "large.\n"
    )


def table(rows: list[Row]) -> Table:
    """The errors, one row a variant."""
    made = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    made.add_column("variant", overflow="fold")
    for kind in ("forward", "gradient"):
        for dtype in DTYPES:
            made.add_column(f"{kind}\n{str(dtype).removeprefix('torch.')}", justify="right", no_wrap=True)
    for row in rows:
        errors = (*row.forward, *row.gradient)
        made.add_row(row.variant.replace(",", ",\n"), *(f"{error:.1e}" for error in errors))
    return made


if __name__ == "__main__":
    torch.set_num_threads(1)  # the number of threads changes the last bits
    sys.exit(main())
