"""How much of each variant's maps lies on the object, one row a variant, with the controls below them."""

from typing import TYPE_CHECKING

from attnbench.localisation_record import MapKind
from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.localised import OF_MODELS, Localised
from attnbench.report.leaderboard.localised_table import NAMES, control_name, controls_line
from attnbench.report.leaderboard.notes import heading
from attnbench.report.leaderboard.scores import Score
from attnbench.report.plots.board_words import trained
from attnbench.report.plots.interval_rows import RowPanel, RowValue, draw_interval_rows
from attnbench.report.plots.variants import board_styles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CONTROL_COLOUR = "#777777"
_CONTROL_LINES: dict[MapKind, str] = {"random": ":", "centre": "--", "image": "-."}


def draw_localisation(board: Leaderboard) -> "Figure":
    """The shares on the object as a figure, in the style that matplotlib is set to."""
    found = board.localisation
    assert found is not None, "drawn only where maps were scored"
    kinds = [kind for kind in OF_MODELS if any(kind in maps for maps in found.variants.values())]
    controls = {control_name(kind): kind for kind in found.controls}
    colours = {name: style.colour for name, style in board_styles(board).items()}
    figure, all_axes = draw_interval_rows(
        [_panel(found, kind) for kind in kinds],
        are_baselines={row.variant: row.is_baseline for row in board.rows} | dict.fromkeys(controls, False),
        colours=colours | dict.fromkeys(controls, _CONTROL_COLOUR),
        title=heading(board),
        caption=_caption(board, found),
        num_columns=len(kinds),
    )
    limits = [axes.get_xlim() for axes in all_axes]
    for axes in all_axes:
        # One scale, so that attention and Grad-CAM can be compared.
        axes.set_xlim(min(low for low, _ in limits), max(high for _, high in limits))
        for kind, control in found.controls.items():
            style = _CONTROL_LINES[kind]
            axes.axvline(control.energy.percent, color=_CONTROL_COLOUR, linestyle=style, linewidth=0.9, zorder=2)
    return figure


def _panel(found: Localised, kind: MapKind) -> RowPanel:
    values = {name: _value(maps[kind].energy) for name, maps in found.variants.items() if kind in maps}
    controls = {control_name(control): _value(maps.energy) for control, maps in found.controls.items()}
    return RowPanel(title=f"{NAMES[kind]} on the object (%)", values=values | controls)


def _value(score: Score) -> RowValue:
    ends = None if score.low is None or score.high is None else (score.low, score.high)
    return RowValue(value=score.percent, interval=ends, text=f"{score.percent:.1f}")


def _caption(board: Leaderboard, found: Localised) -> list[str]:
    seeds = "seeds and " if len(board.facts.seeds) > 1 else ""
    return [
        f"Share of each map's sum on the object, over the first {found.num_images:,} test images; {trained(board)}.",
        f"Lines are 95 % intervals over {seeds}test images, of each alone.",
        *filter(None, [controls_line(found)]),
    ]
