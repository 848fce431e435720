"""Activation statistics on the terminal."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.text import Text

from attnbench.report.columns import Column, tables
from attnbench.visualize import STATISTICS_HEADINGS, STATISTICS_LEGEND, LayerStatistics, statistics_rows


def print_statistics(counted: Mapping[str, Sequence[LayerStatistics]], console: Console) -> None:
    """Print the statistics of each model, and once what the columns mean.

    Args:
        counted: Statistics of each model by its name.
        console: Where to.
    """
    for name, layers in counted.items():
        rows = statistics_rows(layers)
        layer, *others = [
            Column(header=heading, cells=cells, is_prose=heading == "gate")
            for heading, cells in zip(STATISTICS_HEADINGS, zip(*rows, strict=True), strict=True)
        ]
        console.print(Text(name, style="bold"))
        groups = [[column] for column in others]
        ascii_only = console.options.ascii_only
        for table in tables(layer, groups, bold=[False] * len(rows), width=console.width, ascii_only=ascii_only):
            console.print(table, highlight=False)
            console.print()
    for name, meaning in STATISTICS_LEGEND.items():
        console.print(f"{name}: {meaning}", highlight=False)
    console.print()
