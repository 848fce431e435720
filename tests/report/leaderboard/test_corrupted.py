import re

import pytest

from attnbench.report import leaderboard, leaderboards
from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.cells import TablePart
from attnbench.report.leaderboard.corrupted import top1_by_strength
from attnbench.report.leaderboard.table import leaderboard_table
from tests.records import make_record, make_robustness
from tests.report.leaderboard.further import STRENGTHS, further_board, further_records

NONE = make_robustness({"noise": {0.5: 80.0, 1.0: 60.0}, "blur": {1.0: 70.0, 2.0: 40.0}})
SGE = make_robustness({"noise": {0.5: 84.0, 1.0: 70.0}, "blur": {1.0: 70.0, 2.0: 40.0}})
KNOWN = [make_record("none", top1=90.0, robustness=NONE), make_record("sge", top1=90.0, robustness=SGE)]


def part_of(board: Leaderboard) -> TablePart:
    (part,) = (part for part in leaderboard_table(board).parts if part.name == "Robustness")
    return part


def test_accuracies_are_means_over_the_strengths_without_the_clean_images() -> None:
    found = leaderboard(KNOWN).robustness
    assert found is not None
    assert found.strengths == {"noise": (0.5, 1.0), "blur": (1.0, 2.0)}
    noise = found.variants["sge"]["noise"]
    assert noise.top1.percent == pytest.approx(77.0)
    assert noise.retained_percent == pytest.approx(100 * 77 / 90)
    assert noise.top1.difference is not None
    assert noise.top1.difference.mean == pytest.approx(7.0)
    blur = found.variants["sge"]["blur"].top1.difference
    assert blur is not None
    assert (blur.mean, blur.low, blur.high, blur.p_corrected) == (0.0, 0.0, 0.0, 1.0)


def test_the_interval_of_a_mean_over_strengths_is_narrower_than_that_of_one() -> None:
    scores = top1_by_strength({"sge": [KNOWN[1]]})["noise"]["sge"]
    assert [score.percent for score in scores] == pytest.approx([90.0, 84.0, 70.0])
    found = leaderboard(KNOWN).robustness
    assert found is not None
    assert scores[2].half_width is not None
    assert found.variants["sge"]["noise"].top1.half_width < scores[2].half_width  # type: ignore[operator]
    # 0.7 of the images are right at both strengths, 0.14 at one: Var = (0.7·1 + 0.14·0.25 − 0.77²) / 10,000.
    expected = 196 * ((0.7 + 0.14 / 4 - 0.77**2) / 10_000) ** 0.5
    assert found.variants["sge"]["noise"].top1.half_width == pytest.approx(expected, rel=0.05)


def test_a_model_that_is_always_wrong_retains_nothing_that_could_be_told() -> None:
    wrong = make_robustness({"noise": {1.0: 0.0}})
    found = leaderboard([make_record("none", top1=0.0, robustness=wrong)]).robustness
    assert found is not None
    assert found.variants["none"]["noise"].retained_percent is None


def test_each_corruption_has_its_accuracy_and_its_difference() -> None:
    part = part_of(further_board())
    headers = [(group[0].header, *(column.header for column in group[1:])) for group in part.groups]
    assert headers == [(f"{corruption} %", "Δ") for corruption in STRENGTHS]
    assert len(part.rows) == 3
    for _, difference in part.groups:
        texts = {name: cell.text for name, cell in zip(part.rows, difference.cells, strict=True)}
        assert texts["none"] == ""
        # Each next variant has 4 points more, but for the drawing of the images.
        assert re.fullmatch(r"\+[789]\.\d\d\*", texts["sge"])


def test_without_a_baseline_there_is_no_difference() -> None:
    part = part_of(leaderboard(record for record in further_records() if record.spec.attention != "none"))
    assert [len(group) for group in part.groups] == [1] * 4
    assert not any("Δ" in note for note in part.notes)


def test_notes_say_the_strengths_and_their_units() -> None:
    notes = "\n".join(part_of(further_board()).notes)
    for words in (
        "noise 0.25, 0.5, 1 (standard deviation of added Gaussian noise, in standard deviations of the training",
        "blur 0.5, 1, 2 (σ of a Gaussian, pixels)",
        "occlusion 0.1, 0.2, 0.4 (share of the image hidden",
        "clutter 0.125, 0.25, 0.5 (area of square patches of other test images, of the image's, beneath the object",
        "every lead shrinks where accuracy nears chance",
        "after Holm's correction for the 2 comparisons of each column alone.",
    ):
        assert words in notes


def test_one_corruption_needs_no_word_of_columns() -> None:
    one = [make_record(name, robustness=make_robustness({"noise": {1.0: 50.0}})) for name in ("none", "se")]
    notes = "\n".join(part_of(leaderboard(one)).notes)
    assert "noise 1 (" in notes
    assert "of each column" not in notes


def test_other_strengths_are_other_tables() -> None:
    other = make_robustness({"noise": {0.5: 80.0, 2.0: 60.0}, "blur": {1.0: 70.0, 2.0: 40.0}})
    boards = leaderboards([KNOWN[0], make_record("sge", robustness=other)])
    assert [len(board.rows) for board in boards] == [1, 1]
    assert len(leaderboards([*KNOWN, make_record("none"), make_record("sge")])) == 2
