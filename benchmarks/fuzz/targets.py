"""What is fuzzed: readers of text and files, each held to one promise.

Whatever it is given, a reader gives a valid object, which comes back when it is written and read again, or raises an
`AttnBenchError` whose message is one printable line.
"""

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

import numpy as np

from attnbench.data.detection.annotations import Annotations
from attnbench.data.detection.coco_json import decode_annotations, encode_annotations
from attnbench.detection_record import DetectionRecord
from attnbench.detection_spec import DetectionRun, DetectionSuite, detection_digest
from attnbench.diverged_record import DivergedRun
from attnbench.efficiency_record import EfficiencyRecord
from attnbench.errors import AttnBenchError
from attnbench.plain_yaml import read_yaml
from attnbench.record import Record
from attnbench.space import SearchSpace
from attnbench.space_io import space_from_builtins, space_to_yaml
from attnbench.spec import RunSpec, SuiteSpec, digest
from attnbench.spec_io import from_yaml, to_yaml
from attnbench.tune.spec_json import from_json, to_json
from attnbench.variant import Variant, split_variants

T = TypeVar("T")

LONGEST_MESSAGE = 2_000
_MOST_PIXELS = 2**16


class Stored(Protocol):
    """A record of any kind."""

    def to_json(self) -> bytes: ...


def outcome(read: Callable[[], T]) -> T | None:
    """What a reader gives, or none where it refuses what it is given as it promises."""
    try:
        return read()
    except AttnBenchError as error:
        message = str(error)
        if not (message.isprintable() and 0 < len(message) <= LONGEST_MESSAGE):
            raise ValueError(f"no sentence: {message[:LONGEST_MESSAGE]!r}") from error
        return None


def read_variant(data: bytes) -> None:
    """A variant, and a list of variants."""
    text = data.decode(errors="surrogateescape")
    variant = outcome(lambda: Variant.parse(text))
    if variant is not None:
        _expect(Variant.parse(str(variant)) == variant, "a variant must come back")
    pieces = split_variants(text)
    _expect(split_variants(",".join(pieces)) == pieces, "a list must come back")


def read_suite(data: bytes) -> None:
    """A suite of classification from YAML; each of its runs has a digest."""
    suite = outcome(lambda: from_yaml(_text(data), SuiteSpec, source="a.yaml"))
    if suite is None:
        return
    _expect(from_yaml(to_yaml(suite), SuiteSpec, source="again") == suite, "a suite must come back")
    shared = {name: getattr(suite, name) for name in ("backbone", "data", "root", "recipe", "compute", "measure")}
    for attention in suite.attention:
        run = RunSpec(attention=attention, baseline=suite.baseline, seed=suite.seeds[0], **shared)
        _expect(digest(from_yaml(to_yaml(run), RunSpec, source="again")) == digest(run), "a digest must come back")


def read_detection_suite(data: bytes) -> None:
    """A suite of detection from YAML; each of its runs has a digest."""
    suite = outcome(lambda: from_yaml(_text(data), DetectionSuite, source="a.yaml"))
    if suite is None:
        return
    _expect(from_yaml(to_yaml(suite), DetectionSuite, source="again") == suite, "a suite must come back")
    shared = {name: getattr(suite, name) for name in ("backbone", "data", "root", "annotations", "weights", "compute")}
    for detector in suite.detector:
        recipe = suite.recipe_of(detector)
        run = DetectionRun(
            detector=detector, attention=suite.attention[0], recipe=recipe, seed=suite.seeds[0], **shared
        )
        detection_digest(run)


def read_space(data: bytes) -> None:
    """A space to search from YAML."""

    def read(text: str) -> SearchSpace:
        return space_from_builtins(read_yaml(text, source="a.yaml"), source="a.yaml")

    space = outcome(lambda: read(_text(data)))
    if space is not None:
        _expect(read(space_to_yaml(space)) == space, "a space must come back")


def read_tune_spec(data: bytes) -> None:
    """The spec of a study, as it lies in the study's storage."""
    spec = outcome(lambda: from_json(_text(data), source="the study"))
    if spec is not None:
        _expect(from_json(to_json(spec), source="again") == spec, "a spec must come back")


def read_record(data: bytes) -> None:
    """The record of a run."""
    _read_stored(data, lambda text: Record.from_json(text, source="a.json"))


def read_detection_record(data: bytes) -> None:
    """The record of a run of detection."""
    _read_stored(data, lambda text: DetectionRecord.from_json(text, source="a.detection.json"))


def read_efficiency_record(data: bytes) -> None:
    """The record of an efficiency row."""
    _read_stored(data, lambda text: EfficiencyRecord.from_json(text, source="a.efficiency.json"))


def read_diverged_record(data: bytes) -> None:
    """The record of a run that diverged, of either task."""
    _read_stored(data, lambda text: DivergedRun.from_json(text, source="a.diverged.json"))


def read_coco(data: bytes) -> None:
    """Annotations in COCO's format, and the masks of what they hold."""
    read = outcome(lambda: decode_annotations(data, source="a.json"))
    if read is None:
        return
    annotations, _ = read
    again, _ = decode_annotations(encode_annotations(annotations, description=""), source="again")
    _expect(_described(again) == _described(annotations), "annotations must come back")
    for image in range(annotations.num_images):
        if annotations.sizes[image].prod() <= _MOST_PIXELS:
            span = annotations.objects_of(image)
            masks = annotations.masks_of(range(span.start, span.stop), image)
            _expect(bool((masks <= 1).all()), "a mask is of zeros and ones")


TARGETS: Mapping[str, Callable[[bytes], None]] = {
    "spec": read_suite,
    "variant": read_variant,
    "record": read_record,
    "coco": read_coco,
    "detection-spec": read_detection_suite,
    "detection-record": read_detection_record,
    "efficiency-record": read_efficiency_record,
    "diverged-record": read_diverged_record,
    "space": read_space,
    "tune-spec": read_tune_spec,
}
"""Every reader by name; each takes what is in a file."""


def _read_stored(data: bytes, read: Callable[[bytes], Stored]) -> None:
    record = outcome(lambda: read(data))
    if record is not None:
        _expect(read(record.to_json()) == record, "a record must come back")


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _described(annotations: Annotations) -> object:
    """What must be equal of annotations that were written and read again; boxes are rounded in between."""
    shapes = (annotations.boxes.shape, annotations.sizes.tolist(), annotations.starts.tolist())
    texts = (annotations.classes, annotations.file_names, annotations.segmentations)
    numbers = (annotations.image_ids, annotations.labels, annotations.areas, annotations.crowds)
    return shapes, texts, [np.asarray(values).tolist() for values in numbers]


def _expect(condition: bool, promise: str) -> None:
    if not condition:
        raise ValueError(f"broken: {promise}")
