"""Damaged detection records: each is named in one sentence."""

import json
import re
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from attnbench.detection_record import DetectionRecord
from attnbench.errors import RecordError
from attnbench.matches import Matches
from tests.detection_records import make_detection_record, make_matches

RECORD = make_detection_record(mask_skill=0.5)
NOT_FINITE = Matches.pack(replace(make_matches(), score=np.full_like(make_matches().score, np.nan)))


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("digest",), "0123456789abcdef", f"its spec has the digest {RECORD.digest}"),
        (("curve",), [], "the epochs of its curve must count from 1"),
        (("curve", 2, "epoch"), 2, "the epochs of its curve must count from 1"),
        (("curve", 2, "validation"), asdict(replace(RECORD.values.box, ap50_percent=101.0)), "average precisions must"),
        (("values", "box", "ap_percent"), -1.0, "average precisions must lie between 0 and 100 %; got -1 … "),
        (("values", "mask", "ap75_percent"), 1e300, "average precisions must lie between 0 and 100 %"),
        (("values", "num_classes"), 0, "num_classes must lie in [1, 2**63); got 0"),
        (("values", "num_train_images"), -1, "num_train_images must lie in [0, 2**63); got -1"),
        (("values", "counts", "body_macs"), 2**63, "body_macs must lie in [0, 2**63); got 9223372036854775808"),
        (("values", "counts", "image_size"), [0, 5], "image_size must lie in [1, 2**63); got 0"),
        (("values", "counts", "uncounted_operators"), {"a": 0}, "a must lie in [1, 2**63); got 0"),
        (("values", "annotation_faults"), {"a": -1}, "annotation_faults must lie in [0, 2**63); got -1"),
        (("values", "num_test_objects"), {"all": 3}, "num_test_objects must tell of crowd, large, medium, small"),
        (("environment", "threads"), 0, "threads must lie in [1, 2**63); got 0"),
        (("values", "mask"), None, "mask and mask_matches must both be there, or neither"),
        (("mask_matches",), None, "mask and mask_matches must both be there, or neither"),
        (("values", "num_test_images"), 17, "box_matches must be of 17 images and 3 classes; got 16 and 3"),
        (("box_matches", "num_detections"), 10**18, "its matches cannot be read: so many detections and images take"),
        (("box_matches", "num_detections"), 10**30, "its matches cannot be read: so many detections and images take"),
        (("box_matches", "data"), "AAAA", "its matches cannot be read: "),
        (("box_matches",), asdict(NOT_FINITE), "the scores of box_matches must be finite"),
        (("timing", "forward_ms"), [], "the model and the baseline must be timed in pairs; got 0 and 3 passes"),
        (("timing", "forward_ms", 0), 0.0, "a pass must take 1e-06 … 1e+10 ms; got 0 … 50"),
        (("timing", "wall_s"), -1.0, "train_s and wall_s must lie in [0, 1e+10]; got 300 and -1"),
    ],
)
def test_what_cannot_have_been_measured_is_named(path: tuple[str | int, ...], value: Any, fault: str) -> None:
    content = part = json.loads(RECORD.to_json())
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    with pytest.raises(RecordError, match="^x is damaged: " + re.escape(fault)):
        DetectionRecord.from_json(json.dumps(content).encode(), source="x")


def test_a_whole_record_has_no_fault() -> None:
    assert DetectionRecord.from_json(RECORD.to_json(), source="x") == RECORD
