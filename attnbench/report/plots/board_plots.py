"""All plots of a leaderboard as files. They need matplotlib, which is imported when they are drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from attnbench.errors import SpecError
from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.plots import critical_differences, seed_differences
from attnbench.report.plots.board_pareto import draw_board_pareto
from attnbench.report.plots.critical_differences import draw_critical_differences
from attnbench.report.plots.figure import check_plot, save_figure
from attnbench.report.plots.learning_curves import draw_learning_curves
from attnbench.report.plots.localisation import draw_localisation
from attnbench.report.plots.robustness import draw_robustness
from attnbench.report.plots.seed_differences import draw_seed_differences

if TYPE_CHECKING:
    from matplotlib.figure import Figure

B = TypeVar("B")

FORMATS = ("png", "svg")
"""What each plot is written as, unless others are asked for."""


@dataclass(frozen=True, kw_only=True)
class SavedPlots:
    """What was drawn of a leaderboard, and what was not."""

    files: tuple[Path, ...]
    """The files, in the order of the plots and then of the formats."""
    left_out: tuple[str, ...]
    """A sentence for each plot that this leaderboard cannot have."""


@dataclass(frozen=True)
class Plot(Generic[B]):
    """One of the plots that are drawn of a board."""

    name: str
    """Its file, without the suffix."""
    draw: Callable[[B], "Figure"]
    """Draws it, in the style that matplotlib is set to."""
    why_not: Callable[[B], str | None] = lambda board: None
    """Why a board has none, in a sentence; none where it has."""


_PLOTS: tuple[Plot[Leaderboard], ...] = (
    Plot("accuracy-parameters", lambda board: draw_board_pareto(board, "parameters")),
    Plot("accuracy-macs", lambda board: draw_board_pareto(board, "macs")),
    Plot("accuracy-time", lambda board: draw_board_pareto(board, "time")),
    Plot("learning-curves", draw_learning_curves),
    Plot("seed-differences", draw_seed_differences, seed_differences.why_not),
    Plot("critical-differences", draw_critical_differences, critical_differences.why_not),
)

_LOCALISATION = Plot("localisation", draw_localisation)
_ROBUSTNESS = Plot("robustness", draw_robustness)


def save_plots(board: Leaderboard, folder: Path, *, formats: Sequence[str] = FORMATS) -> SavedPlots:
    """Draw every plot that a leaderboard can have into a folder, which is made if need be.

    Equal leaderboards give equal files, and files of the same names are replaced.

    Args:
        board: The leaderboard.
        folder: Where the plots go.
        formats: What each is written as: ``png``, ``svg`` or ``pdf``.

    Raises:
        SpecError: If there is no such format, or none is asked for.
        MissingDependencyError: If matplotlib is not installed.
        StoreError: If a file cannot be written.
    """
    asked_for = [_LOCALISATION] if board.localisation is not None else []
    asked_for += [_ROBUSTNESS] if board.robustness is not None else []
    return save_all([*_PLOTS, *asked_for], board, folder, formats=formats)


def save_all(plots: Sequence[Plot[B]], board: B, folder: Path, *, formats: Sequence[str] = FORMATS) -> SavedPlots:
    """Draw plots of a board of any kind, as `save_plots` does.

    Args:
        plots: The plots.
        board: What they are drawn of.
        folder: Where they go.
        formats: What each is written as.

    Raises:
        SpecError: If there is no such format, or none is asked for.
        MissingDependencyError: If matplotlib is not installed.
        StoreError: If a file cannot be written.
    """
    if not formats:
        raise SpecError("plots need a format: png, svg or pdf; got none")
    for suffix in formats:
        check_plot(folder / f"plot.{suffix}")
    files: list[Path] = []
    left_out: list[str] = []
    for plot in plots:
        reason = plot.why_not(board)
        if reason is not None:
            left_out.append(f"{plot.name} is not drawn. {reason}")
            continue
        targets = [folder / f"{plot.name}.{suffix}" for suffix in dict.fromkeys(formats)]
        save_figure(partial(plot.draw, board), targets)
        files += targets
    return SavedPlots(files=tuple(files), left_out=tuple(left_out))
