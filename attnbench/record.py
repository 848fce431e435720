"""The immutable result of one run, and the folder that holds such results.

A record is named by the digest of its spec. What depends on the clock stands
under `timing`; everything else is the same, bit for bit, for two runs of one
spec on one machine.
"""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from attnbench.errors import RecordError
from attnbench.localisation_record import Localisation
from attnbench.packed import PackedBits, PackedIntegers
from attnbench.record_fault import fault_of
from attnbench.robustness_record import Corrupted
from attnbench.spec import RunSpec
from attnbench.store import RecordFolder, decode_record, encode_record

SCHEMA = 1
"""Version of the record's layout. A change of meaning raises it; a new optional field does not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Environment:
    """The machine and software that made a record."""

    attnbench: str
    """Version of attnbench."""
    git_revision: str | None
    """Revision of the checkout attnbench was run from, with ``+changes`` where it was not clean."""
    python: str
    """Version of Python."""
    packages: dict[str, str]
    """Versions of the packages that results depend on."""
    platform: str
    """Operating system and processor architecture."""
    processor: str
    """Model name of the CPU."""
    device: str
    """Device that trained: ``cpu`` or the name of the GPU."""
    precision: str
    """Arithmetic that `auto` stood for."""
    threads: int
    """CPU threads of the run."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Epoch:
    """One point of the learning curve."""

    epoch: int
    """Counted from 1."""
    learning_rate: float
    """Learning rate after the epoch's last step."""
    train_loss: float
    """Mean training loss over the epoch's images, nats."""
    validation_loss: float
    """Mean cross-entropy on the validation split, nats."""
    validation_top1_percent: float
    """Top-1 accuracy on the validation split."""
    validation_top5_percent: float
    """Top-5 accuracy on the validation split."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Values:
    """What was measured of the trained model and does not depend on the clock."""

    selected_epoch: int
    """Epoch whose weights were tested."""
    test_loss: float
    """Mean cross-entropy on the test split, nats."""
    test_top1_percent: float
    """Top-1 accuracy on the test split."""
    test_top5_percent: float
    """Top-5 accuracy on the test split."""
    num_train_images: int
    """Images of the training split."""
    num_validation_images: int
    """Images of the validation split."""
    num_test_images: int
    """Images of the test split."""
    num_classes: int
    """Classes of the data set."""
    image_shape: tuple[int, int, int]
    """Channels, height and width of a test image."""
    parameters: int
    """Trainable parameters of the model."""
    macs: int
    """Multiply-accumulates of one test image, by fvcore's default rules."""
    uncounted_operators: dict[str, int]
    """Operators that `macs` leaves out, with how often one forward pass runs them."""
    num_attention_modules: int = 0
    """Attention modules that were put into the backbone."""
    num_replaced: int = 0
    """Attention modules of the backbone's own that were taken out for them."""
    attention_backend: Literal["eager", "triton"] | None = None
    """What computed the attention modules: PyTorch, or kernels for GPUs. None where there are none, and in records from
    before there were kernels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """What depends on the clock."""

    started_at: str
    """Start of the run, UTC, ISO 8601."""
    wall_s: float
    """Seconds of the whole run, of a resumed one with those of the training before."""
    train_s: float
    """Seconds of training and validation."""
    throughput_batch_size: int
    """Images of one timed forward pass."""
    forward_ms: tuple[float, ...]
    """Milliseconds of each timed forward pass of the model, in inference mode."""
    baseline_forward_ms: tuple[float, ...]
    """Milliseconds of the baseline's pass beside each of them."""
    compile_s: float | None = None
    """Seconds in which torch compiled for training, validation and tests, from its own calls at each begin and end.
    They are part of `wall_s`, and of `train_s` but for the tests' share; what the timed passes add is left out. None
    where nothing was to be compiled."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """The immutable result of one run."""

    schema: int
    """Version of this layout."""
    digest: str
    """Digest of the spec, and the file's name."""
    spec: RunSpec
    """What was run."""
    environment: Environment
    """Where it was run."""
    curve: tuple[Epoch, ...]
    """The learning curve, one point an epoch."""
    values: Values
    """The results."""
    test_correct: PackedBits
    """For each test image, in the data set's order, whether the top-1 prediction was right."""
    timing: Timing
    """What depends on the clock."""
    test_sources: PackedIntegers | None = None
    """Of each test image the source it was made from, where several share one: these are not independent."""
    localisation: Localisation | None = None
    """How much of the model's maps lies on the objects, where that was asked for."""
    robustness: tuple[Corrupted, ...] | None = None
    """What is right on corrupted test images, where that was asked for: each corruption in growing strength."""

    def to_json(self) -> bytes:
        """The record as indented JSON."""
        return encode_record(self)

    @classmethod
    def from_json(cls, text: bytes, *, source: str) -> "Record":
        """Read a record.

        Raises:
            RecordError: If it is damaged, of a newer schema, or `fault_of` finds a fault.
        """
        record = decode_record(text, cls, newest_schema=SCHEMA, source=source)
        fault = fault_of(record)
        if fault is not None:
            raise RecordError(f"{source} is damaged: {fault}")
        return record


class Store(RecordFolder[Record]):
    """A folder of the records of runs, ``<digest>.json``."""

    record_class = Record
    suffix = ".json"
    made_by = "a leaderboard's --store makes one"


def without_timing(record: Record) -> dict[str, Any]:
    """A record's content but for what depends on the clock, to compare two runs of one spec."""
    content = asdict(record)
    del content["timing"]
    return content
