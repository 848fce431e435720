from pathlib import Path

import pytest

from attnbench.errors import SpecError
from attnbench.report.plots.detection.plots import save_detection_plots
from tests.detection_records import make_detection_record
from tests.report.detection.records import board_of, some, trained

ALL = (
    "ap-parameters",
    "ap-macs",
    "ap-time",
    "learning-curves",
    "ap-intervals",
    "ap-by-size",
    "precision-recall",
)


def test_writes_every_plot_in_every_format_and_the_same_bytes_again(tmp_path: Path) -> None:
    records = [trained(record) for record in some(2)]
    saved = save_detection_plots(board_of(records), tmp_path / "a")
    assert [file.relative_to(tmp_path / "a").as_posix() for file in saved.files] == [
        f"{name}.{suffix}" for name in ALL for suffix in ("png", "svg")
    ]
    again = save_detection_plots(board_of(records[::-1]), tmp_path / "again")
    for file, other in zip(saved.files, again.files, strict=True):
        assert file.read_bytes() == other.read_bytes()


def test_several_detectors_have_a_folder_each(tmp_path: Path) -> None:
    board = board_of(some(detectors=("mask-rcnn:anchor_size=16", "retinanet")))
    saved = save_detection_plots(board, tmp_path, formats=("svg",))
    assert [file.relative_to(tmp_path).as_posix() for file in saved.files] == [
        f"{folder}/{name}.svg" for folder in ("1-mask-rcnn", "2-retinanet") for name in ALL
    ]


def test_hostile_names_of_variants_and_losses_are_text(tmp_path: Path) -> None:
    names = ("none", "$x^2$", "<b>&amp;", "$\\frac", "[red]y", "x" * 90)
    records = [trained(make_detection_record(name), losses=("$\\frac", "<b>\x1b[31m")) for name in names]
    assert len(save_detection_plots(board_of(records), tmp_path).files) == 2 * len(ALL)


def test_an_unknown_format_is_refused_before_anything_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"ends in \.png, \.svg or \.pdf"):
        save_detection_plots(board_of(some()), tmp_path, formats=("gif",))
    assert list(tmp_path.iterdir()) == []
