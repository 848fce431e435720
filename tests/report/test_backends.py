"""What ran is said wherever a table or page is drawn of it."""

from dataclasses import replace
from typing import Any, Literal

import pytest
from rich.console import Console

from attnbench.record import Record
from attnbench.report import efficiency_tables, leaderboard
from attnbench.report.detection.notes import conclusions as detection_conclusions
from attnbench.report.efficiency.notes import efficiency_remarks
from attnbench.report.leaderboard.notes import backend_line, conclusions
from attnbench.report.leaderboard.terminal import render
from attnbench.report.page import render_page
from tests.detection_records import make_detection_record
from tests.efficiency_records import make_counts, make_row
from tests.records import make_record
from tests.report.detection.records import board_of

LINE = "The attention modules of sge ran as kernels (Triton), those of bam by PyTorch."


def ran(record: Any, backend: Literal["eager", "triton"] | None) -> Any:
    return replace(record, values=replace(record.values, attention_backend=backend))


@pytest.fixture
def records() -> list[Record]:
    made = (("none", None), ("sge", "triton"), ("bam", "eager"))
    return [ran(make_record(name), backend) for name, backend in made]


def test_nothing_is_said_where_pytorch_computed_all() -> None:
    assert backend_line({"none": None, "sge": "eager"}) == ""
    assert backend_line({"sge": "triton"}) == "The attention modules of sge ran as kernels (Triton)."


def test_a_leaderboard_says_it(records: list[Record]) -> None:
    assert LINE in conclusions(leaderboard(records))
    console = Console(width=80)
    with console.capture() as capture:
        console.print(render(leaderboard(records)))
    assert LINE in " ".join(capture.get().split())


def test_so_do_detection_and_efficiency() -> None:
    made = (("none", None), ("sge", "triton"), ("bam", "eager"))
    assert LINE in detection_conclusions(
        board_of([ran(make_detection_record(name), backend) for name, backend in made])
    )
    counts = replace(make_counts(), attention_backend="triton")
    (table,) = efficiency_tables([make_row("none"), replace(make_row("sge"), counts=counts)])
    assert "The attention modules of sge ran as kernels (Triton)." in list(efficiency_remarks(table))


def test_the_page_says_it_of_each_run(records: list[Record]) -> None:
    page = render_page([leaderboard(records)], store="records")
    assert "as kernels (Triton)" in page
    assert "by PyTorch" in page
