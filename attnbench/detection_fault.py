"""What in a detection record contradicts itself or cannot have been measured; see `attnbench.record_fault`."""

from typing import TYPE_CHECKING

import numpy as np

from attnbench.detection_spec import detection_digest
from attnbench.record_fault import fault_of_counts, fault_of_percents, fault_of_timing

if TYPE_CHECKING:
    from attnbench.detection_record import AveragePrecisions, DetectionRecord, DetectionValues
    from attnbench.matches import Matches

_LEAST = {
    "num_train_images": 0,
    "num_validation_images": 0,
    "num_attention_modules": 0,
    "num_replaced": 0,
    "parameters": 0,
    "body_parameters": 0,
    "body_macs": 0,
    "pyramid_macs": 0,
    "dense_macs": 0,
    "region_macs": 0,
    "num_regions": 0,
    "annotation_faults": 0,
    "num_test_objects": 0,
}
"""The least that a count may be; of other counts it is 1."""


def fault_of_detection(record: "DetectionRecord") -> str | None:
    """The first fault of a record, in words, or none."""
    expected = detection_digest(record.spec)
    if record.digest != expected:
        return f"its spec has the digest {expected}: it was edited, or a newer attnbench wrote it"
    return (
        _fault_of_curve(record)
        or _fault_of_values(record.values)
        or _fault_of_counts(record)
        or _fault_of_masks(record)
        or _fault_of_matches("box_matches", record.box_matches, record.values)
        or _fault_of_matches("mask_matches", record.mask_matches, record.values)
        or fault_of_timing(record.timing)
    )


def _fault_of_curve(record: "DetectionRecord") -> str | None:
    if not record.curve or [point.epoch for point in record.curve] != list(range(1, len(record.curve) + 1)):
        return "the epochs of its curve must count from 1"
    validated = (_fault_of_precisions(point.validation) for point in record.curve)
    return next(filter(None, validated), None)


def _fault_of_values(values: "DetectionValues") -> str | None:
    return _fault_of_precisions(values.box) or _fault_of_precisions(values.mask)


def _fault_of_precisions(precisions: "AveragePrecisions | None") -> str | None:
    if precisions is None:
        return None
    percents = [getattr(precisions, name) for name in precisions.__dataclass_fields__]
    return fault_of_percents([percent for percent in percents if percent is not None], what="average precisions")


def _fault_of_counts(record: "DetectionRecord") -> str | None:
    values, counts = record.values, record.values.counts
    named = {name: getattr(part, name) for part in (values, counts) for name in part.__dataclass_fields__}
    numbers = {name: number for name, number in named.items() if isinstance(number, int)}
    numbers |= {"image_size": min(counts.image_size), "threads": record.environment.threads}
    numbers |= {name: min(named[name].values(), default=0) for name in ("annotation_faults", "num_test_objects")}
    if missing := {"all", "small", "medium", "large", "crowd"} - values.num_test_objects.keys():
        return f"num_test_objects must tell of {', '.join(sorted(missing))}"
    return fault_of_counts(numbers | counts.uncounted_operators, least=_LEAST)


def _fault_of_masks(record: "DetectionRecord") -> str | None:
    if (record.values.mask is None) != (record.mask_matches is None):
        return "mask and mask_matches must both be there, or neither"
    return None


def _fault_of_matches(name: str, matches: "Matches | None", values: "DetectionValues") -> str | None:
    if matches is None:
        return None
    if (matches.num_images, matches.num_classes) != (values.num_test_images, values.num_classes):
        return (
            f"{name} must be of {values.num_test_images} images and {values.num_classes} classes; "
            f"got {matches.num_images} and {matches.num_classes}"
        )
    try:
        table = matches.unpack()
    except ValueError as error:
        return f"its matches cannot be read: {error}"
    if not np.isfinite(table.score).all():
        return f"the scores of {name} must be finite"
    return None
