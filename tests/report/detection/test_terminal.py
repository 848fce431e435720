import io
import re

import pytest
from rich.console import Console

from attnbench.detection_record import DetectionRecord
from attnbench.report.detection.terminal import render_detection
from tests.detection_records import make_detection_record
from tests.report.detection.records import board_of, some

BETTER = [
    make_detection_record(variant, skill=skill, mask_skill=skill) for variant, skill in (("none", 0.5), ("sge", 0.8))
]
"""Two variants of which one is better by more than 1 point in every figure, and costs no more."""


def show(records: list[DetectionRecord], *, width: int, encoding: str = "utf-8", **options: object) -> str:
    """What a pipe of that width gets."""
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=pipe, width=width).print(render_detection(board_of(records), **options))  # type: ignore[arg-type]
    pipe.seek(0)
    return pipe.read()


@pytest.mark.parametrize(("width", "num_tables"), [(80, 3), (100, 2), (120, 2), (160, 1)])
def test_a_narrow_terminal_gets_more_tables_and_no_broken_row(width: int, num_tables: int) -> None:
    lines = show(BETTER, width=width).splitlines()
    assert max(map(len, lines)) <= width
    rows = [lines[place : place + 3] for place, line in enumerate(lines) if re.match(r"sge +\d", line)]
    assert len(rows) == num_tables
    patterns = (r"\d+\.\d ± \d+\.\d(?= |$)", r"[+−]\d+\.\d(?=†|  |$)", r"\[[+−]\d+\.\d, [+−]\d+\.\d\]")
    found = [[len(re.findall(*pair)) for pair in zip(patterns, row, strict=True)] for row in rows]
    assert [sum(numbers) for numbers in zip(*found, strict=True)] == [7, 7, 7]
    assert all(len(set(numbers)) == 1 for numbers in found)


def test_detectors_are_blocks_under_one_heading() -> None:
    text = show(some(detectors=("faster-rcnn", "retinanet")), width=160)
    lines = text.splitlines()
    assert lines[0] == "Detection: faster-rcnn and retinanet in resnet18 on cluttered-scenes"
    assert text.count("Detection: ") == 1
    assert lines.index("faster-rcnn") < lines.index("retinanet")
    assert text.count("variant  ") == 2


def test_published_columns_stay_beside_each_other() -> None:
    text = show(some(data="coco", backbone="resnet50"), width=80)
    assert "params M     GFLOPs       AP %     AP50 %     AP75 %" in text


def test_says_how_to_see_it_again_and_what_was_left_out() -> None:
    text = show(some(), width=120, store="my store", problems=["x.detection.json is damaged"])
    assert text.rstrip().endswith("These tables again: attnbench report my store")
    assert "  x.detection.json is damaged" in text


def test_ascii_consoles_and_markup_in_names() -> None:
    text = show(
        [make_detection_record("none"), make_detection_record("[red]x", skill=0.9)], width=100, encoding="ascii"
    )
    assert text.isascii()
    assert "[red]x" in text
    assert "\\u" not in text
