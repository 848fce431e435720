"""A study as one page that opens from disk: the final comparison, the space, pictures and all trials."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from attnbench.report.columns import Column
from attnbench.report.numbers import duration, plural
from attnbench.report.page.document import asset, render_document
from attnbench.report.page.pictures import data_url
from attnbench.report.study.comparison import FinalComparison
from attnbench.report.study.notes import (
    comparison_lines,
    failures,
    search_notes,
    study_lines,
    study_title,
    unfinished_line,
)
from attnbench.report.study.pictures import pictures_of
from attnbench.report.study.tables import (
    StudyTable,
    best_table,
    best_title,
    final_columns,
    role_of,
    space_table,
    value_columns,
)
from attnbench.report.study.trials import is_default, setting_text
from attnbench.study import StudySummary, TrialSummary

_SCRIPTS = ("dom.js", "sorting.js", "theme.js")
"""Each uses those before it; the page's own comes last."""


@dataclass(frozen=True, kw_only=True)
class _Cell:
    text: str
    beside: str = ""
    sort: str = ""


@dataclass(frozen=True, kw_only=True)
class _Column:
    header: str
    beside: str = ""
    is_prose: bool = False
    cells: Sequence[_Cell]


@dataclass(frozen=True, kw_only=True)
class _Table:
    names: _Column
    columns: Sequence[_Column]
    marked: Sequence[bool]


@dataclass(frozen=True, kw_only=True)
class _Figure:
    title: str
    source: str
    words: str
    caption: str


def render_study_page(summary: StudySummary, comparison: FinalComparison | None, pictures: Mapping[str, bytes]) -> str:
    """A study as a whole HTML document. Equal studies give equal documents.

    Args:
        summary: The study.
        comparison: Its winner on fresh seeds; none if that was not done.
        pictures: PNG files by the names that `draw_pictures` gives them.
    """
    planned = pictures_of(summary)
    return render_document(
        _own("study.html.j2"),
        style=_own("study.css"),
        scripts=[*(asset(name) for name in _SCRIPTS), _own("study.js")],
        content={
            "title": f"attnbench: {study_title(summary)}",
            "summary": f"{plural(len(summary.trials), 'trial')}",
            "store": summary.storage,
            "heading": study_title(summary),
            "conditions": study_lines(summary),
            "final": _final(comparison) if comparison is not None and comparison.rows else None,
            "final_notes": [unfinished_line(summary)] if comparison is None else comparison_lines(comparison, summary),
            "space": _plain(space_table(summary)),
            "best_title": best_title(summary),
            "best": _plain(best_table(summary)) if summary.best else None,
            "search_notes": search_notes(summary),
            "failures": failures(summary),
            "figures": [
                _Figure(
                    title=picture.title, source=data_url(pictures[picture.name]), words=picture.words,
                    caption=picture.caption,
                )
                for picture in planned
                if picture.name in pictures
            ],
            "left_out": [f"{picture.title}: not drawn. {picture.why_not}" for picture in planned if picture.why_not],
            "trials": _trials(summary),
            "quoted_name": shlex.quote(summary.name),
        },
    )  # fmt: skip


def _own(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _final(comparison: FinalComparison) -> _Table:
    names = [_Cell(text=row.label, beside=role_of(row)) for row in comparison.rows]
    columns = [
        _Column(
            header=column.header,
            beside=column.beside,
            cells=[_Cell(text=cell.text, beside=cell.beside) for cell in column.cells],
        )
        for group in final_columns(comparison)
        for column in group
    ]
    marked = [row.contender.role == "default" for row in comparison.rows]
    return _Table(names=_Column(header="contender", cells=names), columns=columns, marked=marked)


def _plain(table: StudyTable) -> _Table:
    return _Table(names=_text(table.names), columns=list(map(_text, table.columns)), marked=table.marked)


def _text(column: Column) -> _Column:
    header = column.header.replace("\n", " ")
    return _Column(header=header, is_prose=column.is_prose, cells=[_Cell(text=cell) for cell in column.cells])


def _trials(summary: StudySummary) -> _Table:
    """Every trial, with what its columns are sorted by."""
    trials = summary.trials

    def name(trial: TrialSummary) -> _Cell:
        tag = "default" if is_default(trial, summary) else ""
        return _Cell(text=str(trial.number), beside=tag, sort=str(trial.number))

    return _Table(
        names=_Column(header="trial", cells=list(map(name, trials))),
        columns=[
            _words("state", [trial.state for trial in trials]),
            *_values(summary),
            *(_setting(setting, summary) for setting in summary.spec.space),
            _Column(header="time", cells=list(map(_time, trials))),
            _words("note", list(map(_note, trials))),
        ],
        marked=[trial.number in summary.best for trial in trials],
    )


def _values(summary: StudySummary) -> list[_Column]:
    return [
        _Column(
            header=column.header,
            cells=[
                _Cell(text=text, sort=str(trial.values[place]) if trial.values else "")
                for text, trial in zip(column.cells, summary.trials, strict=True)
            ],
        )
        for place, column in enumerate(value_columns(summary.trials, summary))
    ]


def _setting(setting: str, summary: StudySummary) -> _Column:
    def cell(trial: TrialSummary) -> _Cell:
        value = trial.settings.get(setting)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        text = setting_text(setting, value, summary) if setting in trial.settings else ""
        return _Cell(text=text, sort=str(value) if is_number else text)

    return _Column(header=setting, cells=list(map(cell, summary.trials)))


def _words(header: str, texts: Sequence[str]) -> _Column:
    return _Column(header=header, is_prose=True, cells=[_Cell(text=text, sort=text) for text in texts])


def _time(trial: TrialSummary) -> _Cell:
    return _Cell(text="") if trial.seconds is None else _Cell(text=duration(trial.seconds), sort=str(trial.seconds))


def _note(trial: TrialSummary) -> str:
    taken_over = f"same settings as trial {trial.same_as}" if trial.same_as is not None else ""
    attempts = plural(trial.num_attempts, "attempt") if trial.num_attempts > 1 else ""
    return "; ".join(filter(None, (trial.reason, taken_over, attempts)))
