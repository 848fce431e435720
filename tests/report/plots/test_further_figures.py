"""What the figures of localisation and robustness show."""

from itertools import combinations

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from attnbench.report.leaderboard.board import Leaderboard, leaderboard
from attnbench.report.leaderboard.corrupted import top1_by_strength
from attnbench.report.plots.localisation import draw_localisation
from attnbench.report.plots.robustness import draw_robustness
from tests.report.leaderboard.further import STRENGTHS, further_board, further_records
from tests.report.plots.boards import LONG, caption, colours

pytestmark = pytest.mark.usefixtures("style")


def long_board() -> Leaderboard:
    return leaderboard(further_records(LONG, num_seeds=2))


def markers(figure: Figure, place: int) -> dict[str, float]:
    """The means in axes by colour; those of controls are grey, and are left out."""
    axes = figure.axes[place]
    found = [line for line in axes.lines if line.get_marker() == "D"]
    return {to_hex(line.get_color()): line.get_xdata()[0] for line in found if to_hex(line.get_color()) != "#777777"}


def test_shares_on_the_object_are_those_of_the_board() -> None:
    board = further_board()
    found, figure = board.localisation, draw_localisation(board)
    assert found is not None
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "Grad-CAM on the object (%)", "attention on the object (%)",
    ]  # fmt: skip
    for place, kind in enumerate(("grad-cam", "attention")):
        expected = {
            colours(board)[name].lower(): maps[kind].energy.percent  # type: ignore[index]
            for name, maps in found.variants.items()
            if kind in maps
        }
        assert markers(figure, place) == pytest.approx(expected)


def test_controls_are_rows_and_lines_through_all_rows() -> None:
    board = further_board()
    found, figure = board.localisation, draw_localisation(board)
    assert found is not None
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[-3:] == ["control: random", "control: centre", "control: image"]
    for axes in figure.axes:
        through = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() in (":", "--", "-.")]
        assert through == [control.energy.percent for control in found.controls.values()]
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim()
    assert "Controls know nothing of the model" in caption(figure)


def test_lines_go_from_the_clean_images_through_every_strength() -> None:
    board = further_board()
    figure = draw_robustness(board)
    found = top1_by_strength({row.variant: row.records for row in board.rows})
    assert [axes.get_title(loc="left") for axes in figure.axes] == list(STRENGTHS)
    for axes, (corruption, steps) in zip(figure.axes, STRENGTHS.items(), strict=True):
        lines = {to_hex(line.get_color()): line for line in axes.lines}
        assert len(lines) == len(board.rows)
        for row in board.rows:
            line = lines[colours(board)[row.variant].lower()]
            assert tuple(line.get_xdata()) == (0.0, *steps)
            assert list(line.get_ydata()) == [score.percent for score in found[corruption][row.variant]]
            assert line.get_ydata()[0] == pytest.approx(row.top1_percent.mean)


def test_captions_say_what_intervals_are_over() -> None:
    for draw in (draw_localisation, draw_robustness):
        assert "95 % intervals over seeds and test images" in caption(draw(further_board()))
        alone = caption(draw(further_board(1)))
        assert "95 % intervals over test images" in alone
        assert "seeds and" not in alone


@pytest.mark.parametrize("draw", [draw_localisation, draw_robustness])
def test_words_stand_within_the_figure_and_hide_none(draw: object) -> None:
    figure: Figure = draw(long_board())  # type: ignore[operator]
    figure.canvas.draw()
    ticks = {
        id(label)
        for axes in figure.axes
        for axis in ([axes.xaxis] if draw is draw_localisation else [axes.xaxis, axes.yaxis])
        for tick in axis.get_major_ticks()
        for label in (tick.label1, tick.label2)
    }
    texts = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible() and id(text) not in ticks]
    boxes = [Text.get_window_extent(text) for text in texts]
    assert len(boxes) >= len(LONG)
    for box in boxes:
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1
    for one, other in combinations(boxes, 2):
        width, height = min(one.x1, other.x1) - max(one.x0, other.x0), min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(width, height) <= 1.5, (one, other)
