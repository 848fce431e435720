"""A detection board as a LaTeX table, with the rules of the booktabs package."""

import itertools
from collections.abc import Sequence

from attnbench.report.detection.table import BlockTable, DetectionTable, all_groups
from attnbench.report.leaderboard.latex import escaped


def latex(table: DetectionTable, *, label: str) -> str:
    r"""A floating table over the width of a page, for a document that says ``\usepackage{booktabs}``.

    Every detector has a section. Below the figures of a variant stand its differences to the baseline, below them
    their intervals. What a detector does not have, such as masks, is left empty.

    Args:
        table: The tables of a board.
        label: What the document refers to it by.
    """
    groups = all_groups(table)
    headers = [group.header for group in groups.values()]
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table*}",
        r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}",
        rf"  \caption{{{escaped(' '.join([f'{table.title}.', *table.conditions]))}}}",
        rf"  \label{{{label}}}",
        rf"  \begin{{tabular}}{{l{'r' * len(headers)}}}",
        r"    \toprule",
        *_stacked("variant", headers),
        *(line for block in table.blocks for line in _section(block, list(groups))),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"  \par\medskip\raggedright",
        *(f"  {escaped(note.strip())}" for note in table.notes),
        r"\end{table*}",
    ]
    return "\n".join(lines) + "\n"


def _section(block: BlockTable, names: Sequence[tuple[str, str]]) -> list[str]:
    """The rows of one detector under its name."""
    heading = rf"    \multicolumn{{{len(names) + 1}}}{{l}}{{\textit{{{escaped(block.detector)}}}}} \\"
    groups = {group.name: group for group in block.groups}
    rows = [
        _stacked(_name(name, block.baseline), [groups[key].cell(row) if key in groups else [] for key in names])
        for row, name in enumerate(block.names)
    ]
    return [r"    \midrule", heading, *(line for row in rows for line in row)]


def _stacked(first: str, cells: Sequence[Sequence[str]]) -> list[str]:
    """Cells of several lines as so many rows, the first of which has a name."""
    rows = itertools.zip_longest(*cells, fillvalue="")
    return [_line(["" if place else first, *map(escaped, row)]) for place, row in enumerate(rows)]


def _name(name: str, baseline: str | None) -> str:
    # At a row's start a bracket would belong to the end of the row before.
    text = f"{{}}{escaped(name)}" if name.startswith("[") else escaped(name)
    return f"{text} (baseline)" if name == baseline else text


def _line(cells: Sequence[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"
