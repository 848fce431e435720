from attnbench.report.leaderboard.board import leaderboard
from attnbench.report.leaderboard.marks import board_marks, marks_of
from tests.records import make_record


def test_marks_go_by_the_names_and_not_by_the_order() -> None:
    names = {"se": False, "none": True, "bam": False, "ge:extent=8": False}
    marks = marks_of(names)

    assert list(marks) == list(names)
    assert {name: (mark.colour, mark.shape) for name, mark in marks.items()} == {
        "se": (2, "triangle"),
        "none": (None, "star"),
        "bam": (0, "circle"),
        "ge:extent=8": (1, "square"),
    }
    assert marks_of(dict(reversed(names.items()))) == marks


def test_the_first_forty_two_differ_in_colour_and_shape_and_lines_change_after_each_colour() -> None:
    marks = list(marks_of({f"v{number:02}": False for number in range(42)}).values())

    assert len({(mark.colour, mark.shape) for mark in marks}) == 42
    lines = ["solid", "dashed", "dash-dotted", "dotted", "solid", "dashed", "dash-dotted"]
    assert [mark.line for mark in marks[::6]] == lines


def test_a_variants_mark_is_the_same_whichever_is_best() -> None:
    boards = [
        leaderboard(make_record(name, 0, top1) for name, top1 in tops.items())
        for tops in ({"none": 85.0, "se": 86.0, "bam": 84.0}, {"none": 85.0, "se": 84.0, "bam": 86.0})
    ]

    assert [row.variant for row in boards[0].rows] == ["se", "none", "bam"]
    assert board_marks(boards[0]) == board_marks(boards[1])
