from pathlib import Path

import pytest

from attnbench.errors import SpecError
from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.plots.board_plots import save_plots
from tests.report.leaderboard.further import further_board
from tests.report.plots.boards import LONG, MANY, noisy_board

ALL = (
    "accuracy-parameters",
    "accuracy-macs",
    "accuracy-time",
    "learning-curves",
    "seed-differences",
    "critical-differences",
)


def test_writes_every_plot_in_every_format_and_the_same_bytes_again(tmp_path: Path) -> None:
    board = noisy_board()
    saved = save_plots(board, tmp_path / "a" / "b")
    assert [file.name for file in saved.files] == [f"{name}.{suffix}" for name in ALL for suffix in ("png", "svg")]
    assert saved.left_out == ()
    again = save_plots(noisy_board(), tmp_path / "again")
    for file, other in zip(saved.files, again.files, strict=True):
        assert file.read_bytes() == other.read_bytes()
        assert file.read_bytes().startswith(b"\x89PNG" if file.suffix == ".png" else b"<?xml")


@pytest.mark.parametrize(
    ("board", "left_out"),
    [
        pytest.param(noisy_board(MANY), {}, id="many"),
        pytest.param(noisy_board(LONG), {}, id="long"),
        pytest.param(noisy_board(num_epochs=1), {}, id="one epoch"),
        pytest.param(
            noisy_board(num_seeds=1),
            {"critical-differences": "No two variants share two seeds, so no difference is tested over seeds."},
            id="one seed",
        ),
        pytest.param(
            noisy_board(("none",)),
            {
                "seed-differences": "No variant shares a seed with the baseline none, so there are no differences.",
                "critical-differences": "There is one variant, so there are no differences between variants.",
            },
            id="one variant",
        ),
        pytest.param(
            noisy_board(("sge", "se")),
            {"seed-differences": "The baseline none has no record, so there are no differences to it."},
            id="no baseline",
        ),
    ],
)
def test_what_cannot_be_drawn_is_said_and_the_others_are_drawn(
    tmp_path: Path, board: Leaderboard, left_out: dict[str, str]
) -> None:
    saved = save_plots(board, tmp_path, formats=("svg",))
    assert saved.left_out == tuple(f"{name} is not drawn. {reason}" for name, reason in left_out.items())
    assert [file.stem for file in saved.files] == [name for name in ALL if name not in left_out]
    assert sorted(tmp_path.iterdir()) == sorted(saved.files)


def test_what_was_asked_for_besides_is_drawn_too(tmp_path: Path) -> None:
    saved = save_plots(further_board(), tmp_path, formats=("svg",))
    assert [file.stem for file in saved.files] == [*ALL, "localisation", "robustness"]
    assert saved.left_out == ()


def test_hostile_names_are_text(tmp_path: Path) -> None:
    board = noisy_board(("none", "$x^2$", "<b>&amp;", "$\\frac", "[red]y\x1b[31m", "-->"))
    saved = save_plots(board, tmp_path, formats=("svg", "png"))
    assert len(saved.files) == 2 * len(ALL)


def test_refuses_an_unknown_format_and_none_before_anything_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"ends in \.png, \.svg or \.pdf; got '.*plot\.gif'"):
        save_plots(noisy_board(), tmp_path, formats=("png", "gif"))
    with pytest.raises(SpecError, match="plots need a format: png, svg or pdf; got none"):
        save_plots(noisy_board(), tmp_path, formats=())
    assert list(tmp_path.iterdir()) == []
