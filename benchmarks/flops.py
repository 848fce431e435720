"""Parameters and operations of the networks in SGE's authors' table, counted beside their figures.

    python benchmarks/flops.py --output results

Every classifier of the table (https://github.com/implus/PytorchInsight, arXiv 1905.09646) is built
and counted in each convention of `attnbench.measure.count_flops`, for one image of 224×224. Its
parameters and its operations in the convention `published` must be the table's to the last digit.

The table's SK is no count of the published code, whose two branches are each pooled before they
are added. Their own counter gives for it what `published` does here. The table has what comes out
where the sum of the branches is pooled, once.
"""

import argparse
import io
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from torch import nn

import attnbench
from attnbench.attention import SelectiveKernel
from attnbench.efficiency_record import Convention, FlopCount
from attnbench.environment import capture_environment
from attnbench.measure import count_flops, count_parameters
from attnbench.presets.published import ImageNetRow, published_imagenet
from attnbench.report.numbers import plural
from attnbench.spec import Compute

IMAGE = (3, 224, 224)
BACKBONES = {"ShuffleNetV2_1x": "shufflenet_v2_x1_0", "ResNet50": "resnet50", "ResNet101": "resnet101"}
VARIANTS = {
    "": "none",
    "SE": "se:source=official",
    "SK": "sk:source=official",
    "BAM": "bam:source=official",
    "CBAM": "cbam:source=official",
    "SGE": "sge:source=official",
}
"""The authors' modules, by the word before the backbone."""
CONVENTIONS: tuple[Convention, ...] = ("published", "full", "fvcore")
"""In the order of the columns: the one that is compared stands beside the table's."""
PACKAGES = ("torch", "timm", "torchvision", "fvcore")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One network's figures and counts."""

    printed: ImageNetRow
    """The table's."""
    parameters: int
    """Counted here."""
    flops: dict[Convention, int]
    """Counted here, by convention."""
    pooled_once: int | None
    """`published`, had SK pooled the sum of its branches; none without SK."""

    @property
    def verdict(self) -> str:
        """Which count is the table's, to its last digit."""
        if millions(self.parameters) != f"{self.printed.parameters_m:.2f}":
            return "no"
        figure = f"{self.printed.gflops:.3f}"
        if billions(self.flops["published"]) == figure:
            return "yes"
        return "pooled once" if self.pooled_once is not None and billions(self.pooled_once) == figure else "no"

    def note(self) -> str | None:
        """What SK's figure is."""
        if self.pooled_once is None:
            return None
        return (
            f"{self.printed.model}: the code pools each of the two branches, {billions(self.flops['published'])} "
            f"GFLOPs; pooling their sum once gives {billions(self.pooled_once)}, the table has "
            f"{self.printed.gflops:.3f}."
        )

    def problem(self) -> str | None:
        """A sentence where neither count is the table's."""
        if self.verdict != "no":
            return None
        return (
            f"{self.printed.model}: the table has {self.printed.parameters_m:.2f} million parameters and "
            f"{self.printed.gflops:.3f} GFLOPs; counted were {millions(self.parameters)} and "
            f"{billions(self.flops['published'])}"
        )


def main(arguments: Sequence[str] | None = None) -> int:
    """Count, print, write, and fail if a row is not the table's."""
    names = [row.model for row in published_imagenet()]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", help="names in the table; by default all")
    parser.add_argument("--output", type=Path, help="folder for flops.txt")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.models if name not in names]:
        parser.error(f"models must be of {', '.join(names)}; got {', '.join(unknown)}")
    rows = [measure(printed) for printed in published_imagenet() if printed.model in (options.models or names)]
    show(rows, Console())
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        page = Console(file=io.StringIO(), width=100)
        with page.capture() as capture:
            show(rows, page)
        lines = [line.rstrip() for line in capture.get().splitlines()]
        (options.output / "flops.txt").write_text("\n".join([*lines, ""]), encoding="utf-8")
    problems = [problem for row in rows if (problem := row.problem())]
    print("\n".join(problems), file=sys.stderr, end="\n" if problems else "")
    return 1 if problems else 0


def measure(printed: ImageNetRow) -> Row:
    """Build the network of a row, and count it."""
    module, _, backbone = printed.model.rstrip("*").rpartition("-")
    model = attnbench.create_model(BACKBONES[backbone], VARIANTS[module], image_size=IMAGE[1:])
    counts = {convention: count_flops(model, IMAGE, convention=convention) for convention in CONVENTIONS}
    return Row(
        printed=printed,
        parameters=count_parameters(model),
        flops={convention: count.total for convention, count in counts.items()},
        pooled_once=pooled_once(model, counts["published"]) if module == "SK" else None,
    )


def pooled_once(model: nn.Module, counted: FlopCount) -> int:
    """Operations in `published`, had each SK pooled one map and not two."""
    pooled = 0
    for name, module in model.named_modules():
        if isinstance(module, SelectiveKernel):
            within = sum(counted.by_module[f"{name}.{child}"] for child, _ in module.named_children())
            pooled += counted.by_module[name] - within
    return counted.total - pooled // 2


def millions(parameters: int) -> str:
    """With as many decimals as the table has."""
    return f"{parameters / 1e6:.2f}"


def billions(flops: int) -> str:
    """With as many decimals as the table has."""
    return f"{flops / 1e9:.3f}"


def show(rows: list[Row], console: Console) -> None:
    """Print heading, table and what is to be said of SK."""
    console.print(heading(), highlight=False)
    console.print(table(rows))
    verdicts = Counter(row.verdict for row in rows)
    console.print(
        f"\nThe table's to its last digit: {verdicts['yes']} of {plural(len(rows), 'row')}, "
        f"{verdicts['pooled once']} more where SK pools once; {verdicts['no']} not.",
        highlight=False,
    )
    for note in filter(None, (row.note() for row in rows)):
        console.print(note, highlight=False)


def heading() -> str:
    """What was counted, with what, and how to count it again."""
    environment = capture_environment(Compute(device="cpu", precision="float32"))
    versions = [f"Python {environment.python}", *(f"{name} {environment.packages[name]}" for name in PACKAGES)]
    versions.append(f"attnbench {environment.attnbench} ({environment.git_revision or 'installed'})")
    return (
        "Parameters and operations beside the published table\n\n"
        f"python benchmarks/flops.py\n{', '.join(versions)}\n\n"
        "The table is that of SGE's authors (https://github.com/implus/PytorchInsight, arXiv 1905.09646). One image "
        f"of {IMAGE[1]}×{IMAGE[2]}; a multiply-accumulate counts once. `published`, `full` and `fvcore` are the "
        "conventions of attnbench.measure.count_flops (docs/flops.md); the last column says whether parameters and "
        "`published` are the table's to its last digit.\n"
    )


def table(rows: list[Row]) -> Table:
    """The counts, one row a network."""
    made = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    made.add_column("\nmodel", no_wrap=True)
    for name in ("params M\ntable", "\ncounted", "GFLOPs\ntable", *(f"\n{convention}" for convention in CONVENTIONS)):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("\nagrees", no_wrap=True)
    for row in rows:
        counted = [f"{row.printed.parameters_m:.2f}", millions(row.parameters), f"{row.printed.gflops:.3f}"]
        counted += [billions(row.flops[convention]) for convention in CONVENTIONS]
        made.add_row(row.printed.model, *counted, row.verdict)
    return made


if __name__ == "__main__":
    sys.exit(main())
