"""A leaderboard as a LaTeX table, with the rules of the booktabs package."""

from collections.abc import Sequence

from attnbench.printable import printable
from attnbench.report.leaderboard.cells import Cell
from attnbench.report.leaderboard.table import LeaderboardTable

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": "$<$",
    ">": "$>$",
    "|": "$|$",
    '"': "''",
    "−": "$-$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "Δ": r"$\Delta$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "…": r"\ldots{}",
    "–": "--",
    "*": "$^{*}$",
    "†": r"$^{\dagger}$",
}


def latex(table: LeaderboardTable, *, label: str) -> str:
    r"""A floating table, for a document that says ``\usepackage{booktabs}``.

    What is shown to be the best is bold. Published columns stand under a heading of their own.

    Args:
        table: The table.
        label: What the document refers to it by.
    """
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(' '.join([f'{table.title}.', *table.conditions]))}}}",
        rf"  \label{{{label}}}",
        rf"  \begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"    \toprule",
        *_group_headings(table),
        _line(["variant", *(escaped(" ".join(filter(None, _headers(table, place)))) for place in _places(table))]),
        r"    \midrule",
        *(
            _line([_name(name, table.baseline), *(_cell(column.cells[row]) for column in table.columns)])
            for row, name in enumerate(table.names)
        ),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"  \par\medskip\footnotesize\raggedright",
        *(f"  {escaped(note)}" for note in [*table.notes, table.emphasis] if note),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(_SPECIAL.get(char, char) for char in printable(text).replace("\n", " "))


def _places(table: LeaderboardTable) -> range:
    return range(len(table.columns))


def _headers(table: LeaderboardTable, place: int) -> tuple[str, str]:
    """A column's header, and what stands beside it; that it is published stands above."""
    column = table.columns[place]
    return column.header, "" if column.source else column.beside


def _group_headings(table: LeaderboardTable) -> list[str]:
    num_published = sum(bool(column.source) for column in table.columns)
    if not num_published:
        return []
    first = 2 + len(table.columns) - num_published
    last = first + num_published - 1
    return [
        rf"    {'& ' * (first - 1)}\multicolumn{{{num_published}}}{{c}}{{published}} \\",
        rf"    \cmidrule(l){{{first}-{last}}}",
    ]


def _name(name: str, baseline: str | None) -> str:
    # At a row's start a bracket would belong to the end of the row before.
    text = f"{{}}{escaped(name)}" if name.startswith("[") else escaped(name)
    return f"{text} (baseline)" if name == baseline else text


def _cell(cell: Cell) -> str:
    text = rf"\textbf{{{escaped(cell.text)}}}" if cell.stands_out else escaped(cell.text)
    # A negative number after a plain one would read as a difference of both.
    return r"~".join(filter(None, (text, escaped(cell.beside))))


def _line(cells: Sequence[str]) -> str:
    return f"    {' & '.join(cells)} \\\\"
