"""Boards of detection records for the tests of their tables."""

from dataclasses import replace
from typing import Any

from attnbench.detection_record import AveragePrecisions, DetectionRecord
from attnbench.report.detection.board import DetectionBoard, detection_boards
from tests.detection_records import COUNTS, make_detection_record

SKILLS = {"none": 0.5, "se": 0.5, "sge": 0.7}
"""One variant is like the baseline, and one better beyond doubt."""
LOSSES = ("loss_classifier", "loss_box_reg")
"""Parts of the losses of `trained`."""


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


def trained(record: DetectionRecord, *, losses: tuple[str, ...] = LOSSES, validate_every: int = 2) -> DetectionRecord:
    """The record with losses of several parts, its own for each seed and variant, and with validations."""
    seed, ap = record.spec.seed, record.values.box.ap_percent

    def validation(epoch: int) -> AveragePrecisions | None:
        is_validated = validate_every and epoch % validate_every == 0
        return replace(record.values.box, ap_percent=ap * epoch / 6) if is_validated else None

    curve = tuple(
        replace(
            point,
            train_losses={name: (1 + place + seed + ap / 100) / point.epoch for place, name in enumerate(losses)},
            validation=validation(point.epoch),
        )
        for point in record.curve
    )
    return replace(record, curve=curve, values=replace(record.values, num_validation_images=20))
