"""A leaderboard as a LaTeX table, with the rules of the booktabs package."""

from collections.abc import Sequence

from attnbench.printable import printable
from attnbench.report.leaderboard.cells import Cell, TableColumn
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
    "σ": r"$\sigma$",
}


def latex(table: LeaderboardTable, *, label: str) -> str:
    r"""A floating table, for a document that says ``\usepackage{booktabs}``; what else was measured has one of its own.

    What is shown to be the best is bold. Published columns stand under a heading of their own.

    Args:
        table: The table.
        label: What the document refers to it by; the others have their names behind it.
    """
    floats = [
        _float(
            rows=table.names,
            columns=table.columns,
            baseline=table.baseline,
            caption=" ".join([f"{table.title}.", *table.conditions]),
            label=label,
            notes=[note for note in [*table.notes, table.emphasis] if note],
        )
    ]
    floats += [
        _float(
            rows=part.rows,
            columns=part.columns,
            baseline=table.baseline,
            caption=f"{part.name} of {table.title}.",
            label=f"{label}-{part.name.lower()}",
            notes=part.notes,
        )
        for part in table.parts
    ]
    return "\n".join(floats)


def _float(
    *,
    rows: Sequence[str],
    columns: Sequence[TableColumn],
    baseline: str | None,
    caption: str,
    label: str,
    notes: Sequence[str],
) -> str:
    lines = [
        r"% \usepackage{booktabs}",
        r"\begin{table}",
        r"  \centering",
        rf"  \caption{{{escaped(caption)}}}",
        rf"  \label{{{label}}}",
        rf"  \begin{{tabular}}{{l{'r' * len(columns)}}}",
        r"    \toprule",
        *_group_headings(columns),
        _line(["variant", *(escaped(" ".join(filter(None, _headers(column)))) for column in columns)]),
        r"    \midrule",
        *(
            _line([_name(name, baseline), *(_cell(column.cells[row]) for column in columns)])
            for row, name in enumerate(rows)
        ),
        r"    \bottomrule",
        r"  \end{tabular}",
        r"  \par\medskip\footnotesize\raggedright",
        *(f"  {escaped(note)}" for note in notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(_SPECIAL.get(char, char) for char in printable(text).replace("\n", " "))


def _headers(column: TableColumn) -> tuple[str, str]:
    """A column's header, and what stands beside it; that it is published stands above."""
    return column.header, "" if column.source else column.beside


def _group_headings(columns: Sequence[TableColumn]) -> list[str]:
    num_published = sum(bool(column.source) for column in columns)
    if not num_published:
        return []
    first = 2 + len(columns) - num_published
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
