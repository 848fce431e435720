"""Every variant as it is, with compiled attention modules, and compiled as a whole: timed in turn, and what it took.

    python benchmarks/compilation.py --output results/compilation.txt

The three forms of a variant take a training step, or a forward pass, one after the other, so that what else the
machine does meets all of them; the interval of the ratio to the plain form is that of `attnbench efficiency`. A form
is compiled twice: with an empty folder for torch's cache on disk, and from what that left there. Seconds are those of
the first step.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from rich.console import Console
from rich.table import Table

from attnbench.compute_spec import Compilation
from attnbench.measure.disturbance import machine_load, take_reading
from attnbench.measure.steps import inference_step, training_step
from attnbench.measure.stopwatch import Step
from attnbench.measure.timing import time_interleaved
from attnbench.models import build_model
from attnbench.models.compiling import compile_in_place, never_giving_up
from attnbench.stats import paired_ratio_interval

FORMS: tuple[Compilation, ...] = ("none", "attention", "model")
MOST_GRAPHS = 1000


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is timed."""

    backbone: str
    shape: tuple[int, int, int]
    num_classes: int
    batch_size: int
    is_training: bool
    variants: tuple[str, ...]


CASES = (
    Case(
        backbone="cifar-resnet", shape=(1, 28, 28), num_classes=10, batch_size=128, is_training=True,
        variants=("none", "sge:groups=8", "cbam"),
    ),
    Case(
        backbone="resnet50", shape=(3, 224, 224), num_classes=1000, batch_size=8, is_training=False,
        variants=("none", "sge"),
    ),
)  # fmt: skip
QUICK = Case(
    backbone="cifar-resnet:depth=8,stem_stride=2,width=8", shape=(1, 16, 16), num_classes=10, batch_size=4,
    is_training=True, variants=("sge:groups=4",),
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--budget", type=float, default=90.0, help="seconds of timing, for each variant")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="one tiny network")
    parser.add_argument("--output", type=Path, help="file for what is printed")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    console = Console(record=True, width=100)
    plural = "" if options.threads == 1 else "s"
    console.print(f"torch {torch.__version__}, CPU, {options.threads} thread{plural}, channels_last", highlight=False)
    for case in (QUICK,) if options.quick else CASES:
        before = take_reading()
        table = Table(title=title(case), title_justify="left")
        for header in ("variant", "compiled", "first step s", "from the cache s", "images/s", "× plain, 95 %"):
            table.add_column(header, justify="left" if header in ("variant", "compiled") else "right")
        for variant in case.variants:
            for cells in rows(case, variant, options.budget):
                table.add_row(*cells)
        console.print(table)
        other = machine_load(before, torch.device("cpu")).other_processors
        if other is not None:
            console.print(f"Other programs kept {other:.1f} processors busy meanwhile.", highlight=False)
    if options.output is not None:
        options.output.write_text(console.export_text())
    return 0


def title(case: Case) -> str:
    """What is timed, in words."""
    what = "training steps" if case.is_training else "forward passes"
    return f"{case.backbone} at {'×'.join(map(str, case.shape))}, {what} of {case.batch_size} images"


def rows(case: Case, variant: str, budget_s: float) -> list[tuple[str, ...]]:
    """A row for each form of a variant."""
    before = os.environ.get("TORCHINDUCTOR_CACHE_DIR")
    try:
        with tempfile.TemporaryDirectory() as folder, never_giving_up(MOST_GRAPHS):
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = folder
            empty = first_steps(case, variant)[1]
            torch.compiler.reset()
            steps, cached = first_steps(case, variant)
            timed = time_interleaved(steps, baseline="none", device=torch.device("cpu"), budget_s=budget_s)
    finally:
        torch.compiler.reset()
        os.environ.pop("TORCHINDUCTOR_CACHE_DIR")
        if before is not None:
            os.environ["TORCHINDUCTOR_CACHE_DIR"] = before
    found = []
    for form in FORMS:
        ratio = paired_ratio_interval(timed.ms[form], timed.ms["none"])
        is_plain = form == "none"
        found.append((
            variant if is_plain else "",
            form,
            "" if is_plain else f"{empty[form]:.1f}",
            "" if is_plain else f"{cached[form]:.1f}",
            f"{1e3 * case.batch_size / median(timed.ms[form]):,.1f}",
            "1" if is_plain else f"{ratio.median:.2f} ({ratio.low:.2f}–{ratio.high:.2f})",
        ))  # fmt: skip
    return found


def first_steps(case: Case, variant: str) -> tuple[dict[str, Step], dict[str, float]]:
    """A step of each form, and the seconds of its first one."""
    images = torch.randn(case.batch_size, *case.shape).contiguous(memory_format=torch.channels_last)
    labels = torch.arange(case.batch_size) % case.num_classes
    steps, seconds = dict[str, Step](), dict[str, float]()
    for form in FORMS:
        built = build_model(
            case.backbone, variant, num_classes=case.num_classes, in_channels=case.shape[0],
            image_size=case.shape[1:], seed=0,
        )  # fmt: skip
        model = built.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        parts = {"none": [], "attention": [place.module for place in built.places], "model": [model]}[form]
        compile_in_place(parts)
        steps[form] = training_step(model, images, labels) if case.is_training else inference_step(model, images)
        started = time.perf_counter()
        steps[form]()
        seconds[form] = time.perf_counter() - started
    return steps, seconds


if __name__ == "__main__":
    raise SystemExit(main())
