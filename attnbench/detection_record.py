"""The immutable result of one detection run, and the folder that holds such results."""

from dataclasses import dataclass
from typing import Literal

from attnbench.detection_fault import fault_of_detection
from attnbench.detection_spec import DetectionRun
from attnbench.errors import RecordError
from attnbench.matches import Matches
from attnbench.record import Environment
from attnbench.store import RecordFolder, decode_record, encode_record

DETECTION_SCHEMA = 1
"""Version of the record's layout. A change of meaning raises it; a new optional field does not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AveragePrecisions:
    """COCO's figures, in percent: over at most 100 detections an image, and IoU thresholds 0.5, 0.55 … 0.95."""

    ap_percent: float
    """AP, the mean over all thresholds and classes."""
    ap50_percent: float
    """At the threshold 0.5."""
    ap75_percent: float
    """At the threshold 0.75."""
    ap_small_percent: float | None
    """Of objects of up to 32² pixels, of the annotation's area; none where there are none."""
    ap_medium_percent: float | None
    """Of objects of 32² to 96² pixels."""
    ap_large_percent: float | None
    """Of objects of 96² pixels and more. Both ends of a range are within it, as COCO has it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionEpoch:
    """One point of the learning curve."""

    epoch: int
    """Counted from 1."""
    learning_rate: float
    """Learning rate after the epoch's last step."""
    train_losses: dict[str, float]
    """Mean of each part of the training loss over the epoch's steps; their sum is what is minimised."""
    validation: AveragePrecisions | None = None
    """Boxes on the validation split; none where the epoch was not validated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectorCounts:
    """Parameters and multiply-accumulates of a detector's parts, by fvcore's default rules."""

    parameters: int
    """All parameters of the whole, frozen ones among them."""
    body_parameters: int
    """Of the backbone's body, without the feature pyramid and a classifier."""
    image_size: tuple[int, int]
    """Height and width of the resized image that was counted, pixels."""
    body_macs: int
    """Of the body."""
    pyramid_macs: int
    """Of the feature pyramid, with the attention modules within it."""
    dense_macs: int
    """Of what runs at every position: the region proposal network, or RetinaNet's head."""
    region_macs: int
    """Of what runs for each of `num_regions` regions; 0 for RetinaNet."""
    num_regions: int
    """Regions of that image, an empty one, that passed the heads of the detector before training."""
    uncounted_operators: dict[str, int]
    """Operators of the body that `body_macs` leaves out, with how often one forward pass runs them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionValues:
    """What was measured of the trained detector and does not depend on the clock."""

    box: AveragePrecisions
    """Of boxes, on the test split."""
    mask: AveragePrecisions | None
    """Of masks; none for a detector without."""
    counts: DetectorCounts
    """Parameters and multiply-accumulates."""
    num_train_images: int
    """Images of the training split."""
    num_validation_images: int
    """Images of the validation split; 0 where there is none."""
    num_test_images: int
    """Images of the test split."""
    num_classes: int
    """Classes of the data set, without the background."""
    num_test_objects: dict[str, int]
    """Objects of the test split that count: ``all``, ``small``, ``medium``, ``large``, ``crowd`` (which do not)."""
    annotation_faults: dict[str, int]
    """Faults in the annotations, by kind, that were left out or mended before training."""
    num_attention_modules: int
    """Attention modules that were put into the detector."""
    num_replaced: int
    """Attention modules of the backbone's own that were taken out for them."""
    attention_backend: Literal["eager", "triton"] | None = None
    """What computed the attention modules: PyTorch, or kernels for GPUs. None where there are none, and in records from
    before there were kernels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionTiming:
    """What depends on the clock."""

    started_at: str
    """Start of the run, UTC, ISO 8601."""
    wall_s: float
    """Seconds of the whole run; of a resumed one, with the training before."""
    train_s: float
    """Seconds of training and validation; of a resumed run all together, but for epochs that were cut off."""
    forward_ms: tuple[float, ...]
    """Milliseconds of each timed pass over a test image, from resizing to final boxes, by the detector before training:
    what it finds decides what it computes, so parts such as a mask head may have had nothing to do."""
    baseline_forward_ms: tuple[float, ...]
    """Milliseconds of the baseline's pass beside each of them."""
    compile_s: float | None = None
    """Seconds in which torch compiled for training, validation and test, as in `attnbench.record.Timing`; of a resumed
    run since it was resumed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionRecord:
    """The immutable result of one detection run."""

    schema: int
    """Version of this layout."""
    digest: str
    """Digest of the spec, and the file's name."""
    spec: DetectionRun
    """What was run."""
    environment: Environment
    """Where it was run."""
    curve: tuple[DetectionEpoch, ...]
    """The learning curve, one point an epoch."""
    values: DetectionValues
    """The results."""
    box_matches: Matches
    """What became of each detected box of the test split; every AP follows from it, for any choice of images."""
    mask_matches: Matches | None
    """The same of masks."""
    timing: DetectionTiming
    """What depends on the clock."""

    def to_json(self) -> bytes:
        """The record as indented JSON."""
        return encode_record(self)

    @classmethod
    def from_json(cls, text: bytes, *, source: str) -> "DetectionRecord":
        """Read a record.

        Raises:
            RecordError: If it is damaged, of a newer schema, or `fault_of_detection` finds a fault.
        """
        record = decode_record(text, cls, newest_schema=DETECTION_SCHEMA, source=source)
        fault = fault_of_detection(record)
        if fault is not None:
            raise RecordError(f"{source} is damaged: {fault}")
        return record


class DetectionStore(RecordFolder[DetectionRecord]):
    """A folder of the records of detection runs, ``<digest>.detection.json``."""

    record_class = DetectionRecord
    suffix = ".detection.json"
    made_by = "attnbench leaderboard --task detection --store makes one"
