"""Boards of detection records for the tests of their tables."""

from dataclasses import replace
from typing import Any

from attnbench.detection_record import DetectionRecord
from attnbench.report.detection.board import DetectionBoard, detection_boards
from tests.detection_records import COUNTS, make_detection_record

SKILLS = {"none": 0.5, "se": 0.5, "sge": 0.7}
"""One variant is like the baseline, and one better beyond doubt."""


def some(
    num_seeds: int = 1, *, detectors: tuple[str, ...] = ("faster-rcnn",), **settings: Any
) -> list[DetectionRecord]:
    """Every variant in every detector; masks for those that have them."""
    return [
        make_detection_record(
            variant,
            seed,
            skill,
            mask_skill=skill - 0.1 if detector == "mask-rcnn" else None,
            detector=detector,
            counts=replace(
                COUNTS,
                parameters=COUNTS.parameters + (variant != "none") * 128,
                body_parameters=COUNTS.body_parameters + (variant != "none") * 128,
            ),
            started_at=f"2030-01-01T{hour:02}:00:00+00:00",
            **settings,
        )
        for hour, detector in enumerate(detectors)
        for variant, skill in SKILLS.items()
        for seed in range(num_seeds)
    ]


def board_of(records: list[DetectionRecord]) -> DetectionBoard:
    """The one board of records that belong together."""
    (board,) = detection_boards(records)
    return board
