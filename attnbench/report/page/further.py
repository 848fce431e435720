"""What else was measured of a leaderboard's variants, as the page shows it: tables, plots, and tables of one run."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from attnbench.localisation_record import STEPS, MapScores
from attnbench.packed import PackedIntegers
from attnbench.record import Record
from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.report.leaderboard.cells import TablePart, mark
from attnbench.report.leaderboard.corrupted import top1_by_strength
from attnbench.report.leaderboard.corrupted_table import AXES
from attnbench.report.leaderboard.localised import OF_MODELS, LocalisedMap
from attnbench.report.leaderboard.localised_table import NAMES
from attnbench.report.leaderboard.scores import Score
from attnbench.report.numbers import between, plural, signed_points
from attnbench.report.page.axes import Axis, axis
from attnbench.report.page.drawn import ControlLine, CurvePlot, CurvePoint, FigurePoint, FigureRow, FiguresPlot
from attnbench.report.page.runs import RunTable, drawn
from attnbench.report.page.tables import PageColumn, page_columns
from attnbench.spec import Corruption


@dataclass(frozen=True, kw_only=True)
class PagePart:
    """A table below the leaderboard."""

    name: str
    """What is shown."""
    rows: tuple[str, ...]
    """The variants in the order of the leaderboard, and below them the controls."""
    num_variants: int
    """How many of the rows are variants."""
    columns: tuple[PageColumn, ...]
    """The columns, with what they are sorted by."""
    notes: tuple[str, ...]
    """What it tells and what it does not, a paragraph each."""


def page_part(part: TablePart) -> PagePart:
    """The part of a leaderboard's table as the template writes it."""
    return PagePart(
        name=part.name,
        rows=part.rows,
        num_variants=part.num_variants,
        columns=page_columns(part.columns, num_rows=len(part.rows)),
        notes=part.notes,
    )


def localisation_plot(board: Leaderboard) -> FiguresPlot | None:
    """What lies on the object of both kinds of maps, with the controls; nothing where no maps were scored."""
    found = board.localisation
    if found is None:
        return None
    rows = [
        FigureRow(
            name=NAMES[kind],
            points=tuple(_point(NAMES[kind], found.variants[row.variant].get(kind)) for row in board.rows),
        )
        for kind in OF_MODELS
    ]
    controls = tuple(
        ControlLine(name=NAMES[kind], value=drawn(control.energy.percent)) for kind, control in found.controls.items()
    )
    kept = [row for row in rows if any(row.points)]
    points = [point for row in kept for point in row.points if point is not None]
    ends = [end for point in points for end in (point.value, *(point.interval or ()))]
    ends += [control.value for control in controls]
    if not ends:
        return None
    return FiguresPlot(axis=axis("on the object (%)", ends), rows=tuple(kept), controls=controls)


def robustness_plots(board: Leaderboard) -> dict[str, CurvePlot]:
    """Accuracy against the strength of each corruption."""
    if board.robustness is None:
        return {}
    found = top1_by_strength({row.variant: row.records for row in board.rows})
    return {
        corruption: _curves(corruption, steps, [found[corruption][row.variant] for row in board.rows], board)
        for corruption, steps in board.robustness.strengths.items()
    }


def run_tables(record: Record) -> tuple[RunTable, ...]:
    """What else was measured of one run."""
    return tuple(table for table in (_maps_table(record), _layers_table(record), _strengths_table(record)) if table)


def _curves(
    corruption: Corruption, steps: tuple[float, ...], scores: list[tuple[Score, ...]], board: Leaderboard
) -> CurvePlot:
    places = (0.0, *steps)
    lines = tuple(
        tuple(_curve_point(at, score) for at, score in zip(places, of_variant, strict=True)) for of_variant in scores
    )
    ends = [end for line in lines for point in line for end in (point.low, point.high)]
    return CurvePlot(
        name=corruption,
        x=_from_zero(axis(AXES[corruption], places)),
        y=axis("top-1 (%)", ends),
        x_name=corruption,
        y_name="top-1 (%)",
        note=tuple(map(_over, board.rows)),
        lines=lines,
    )


def _from_zero(found: Axis) -> Axis:
    return replace(found, low=0.0, ticks=tuple(tick for tick in found.ticks if tick[0] >= 0))


def _over(row: Row) -> str:
    seeds = plural(len(row.records), "seed")
    if len(row.records) == 1:
        return f"{seeds}, 95 % interval over test images alone"
    return f"mean over {seeds}, 95 % interval over seeds and test images"


def _curve_point(at: float, score: Score) -> CurvePoint:
    return CurvePoint(
        at=at,
        mean=drawn(score.percent),
        low=drawn(score.percent if score.low is None else score.low),
        high=drawn(score.percent if score.high is None else score.high),
        text=_text(score),
    )


def _text(score: Score) -> str:
    return f"{score.percent:.2f}" if score.half_width is None else f"{score.percent:.2f} ± {score.half_width:.2f}"


def _point(name: str, found: LocalisedMap | None) -> FigurePoint | None:
    if found is None:
        return None
    score, difference = found.energy, found.energy.difference
    words = f"{name} on the object {_text(score)} %, {plural(len(score.seeds), 'seed')}"
    if difference is not None:
        words += f", Δ {signed_points(difference.mean)}{mark(difference)} {between(difference.low, difference.high)}"
    ends = None if score.low is None or score.high is None else (drawn(score.low), drawn(score.high))
    return FigurePoint(value=drawn(score.percent), interval=ends, text=words)


def _maps_table(record: Record) -> RunTable | None:
    found = record.localisation
    if found is None:
        return None

    def percent(scores: MapScores, part: Callable[[MapScores], PackedIntegers]) -> str:
        return f"{100 / STEPS * part(scores).unpack().mean():.2f}"

    return RunTable(
        title=f"Maps of the first {found.num_images:,} test images",
        headers=("map", "layer", "on object %", "IoU %", "threshold"),
        rows=tuple(
            (
                NAMES[scores.kind],
                scores.layer or "control",
                percent(scores, lambda one: one.energy),
                percent(scores, lambda one: one.iou),
                f"{scores.threshold:.2f}",
            )
            for scores in found.maps
        ),
    )


def _layers_table(record: Record) -> RunTable | None:
    found = record.localisation
    if found is None or not found.layers:
        return None
    return RunTable(
        title=f"Attention of each layer, {found.num_validation_images:,} validation images",
        headers=("layer", "on object %", "IoU %"),
        rows=tuple((one.layer, f"{100 * one.energy:.2f}", f"{100 * one.iou:.2f}") for one in found.layers),
    )


def _strengths_table(record: Record) -> RunTable | None:
    if not record.robustness:
        return None
    return RunTable(
        title="Top-1 on corrupted test images",
        headers=("corruption", "strength", "top-1 %"),
        rows=tuple(
            (one.corruption, f"{one.strength:g}", f"{100 * one.test_correct.num_true / one.test_correct.num_bits:.2f}")
            for one in record.robustness
        ),
    )
