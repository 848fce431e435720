"""The immutable result of one row of an efficiency table, and the folder that holds such results.

Rows that were timed in turn name the same session, and their samples stand in the order of the rounds, so that
the samples of one number were taken beside each other. Everything is raw: ratios and intervals are drawn by
`attnbench.report`.
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from attnbench.efficiency_fault import fault_of_efficiency
from attnbench.efficiency_spec import Phase, RowSpec
from attnbench.errors import RecordError
from attnbench.record import Environment
from attnbench.store import RecordFolder, decode_record, encode_record

EFFICIENCY_SCHEMA = 1
"""Version of the record's layout. A change of meaning raises it; a new optional field does not."""

Convention: TypeAlias = Literal["full", "fvcore", "published"]
"""How operations are counted."""

CONVENTIONS: tuple[Convention, ...] = get_args(Convention)
"""Every convention, the one that ranks first."""


@dataclass(frozen=True, kw_only=True)
class FlopCount:
    """Operations of one image in one convention."""

    total: int
    """All of them; a multiply-accumulate counts once."""
    by_module: dict[str, int]
    """Of each module by its qualified name, its children's among them; "" is the whole model."""
    uncounted_operators: dict[str, int]
    """Operators without a rule, and how often one forward pass runs them, sorted by name.

    In ``published`` none is named: that convention counts modules and sees no operators.
    """


@dataclass(frozen=True, kw_only=True)
class MovedBytes:
    """What operators read and write."""

    read_bytes: int = 0
    """Of activations, read."""
    written_bytes: int = 0
    """Of activations, written."""
    parameter_bytes: int = 0
    """Of parameters and buffers, read and written."""

    @property
    def activation_bytes(self) -> int:
        """Of activations, read and written."""
        return self.read_bytes + self.written_bytes

    def __add__(self, other: "MovedBytes") -> "MovedBytes":
        return MovedBytes(
            read_bytes=self.read_bytes + other.read_bytes,
            written_bytes=self.written_bytes + other.written_bytes,
            parameter_bytes=self.parameter_bytes + other.parameter_bytes,
        )


@dataclass(frozen=True, kw_only=True)
class Counts:
    """What is counted of a model, and does not depend on the clock."""

    parameters: int
    """Trainable parameters."""
    buffers: int
    """Elements of buffers, such as running statistics."""
    num_attention_modules: int
    """Attention modules that were put into the backbone."""
    num_replaced: int
    """Attention modules of the backbone's own that were taken out for them."""
    flops: dict[Convention, FlopCount]
    """Operations of one image's forward pass in evaluation mode, by convention."""
    traffic: dict[str, MovedBytes]
    """What one image's forward pass in evaluation mode moves, by operator, at the widths of the row's precision."""
    saved_bytes: int | None
    """What a forward pass in training mode keeps for the backward pass; none where it fails."""
    saved_batch_size: int
    """Images of that pass."""
    attention_backend: Literal["eager", "triton"] | None = None
    """What computed the attention modules: PyTorch, or kernels for GPUs. None where there are none, and in records from
    before there were kernels."""


@dataclass(frozen=True, kw_only=True)
class MachineLoad:
    """What else ran while something was measured."""

    wall_s: float
    """Seconds between the readings."""
    own_processors: float
    """Processors that this process kept busy on average; 1.5 is one and a half."""
    other_processors: float | None
    """Processors that other programs kept busy on average; none where the kernel does not tell."""
    stolen_processors: float | None
    """Processors that a hypervisor gave to other machines on average; none where the kernel does not tell."""
    num_processors: int
    """Processors of the machine."""
    gpu_clock_mhz: int | None
    """Clock of the GPU at the end; none without a GPU, or where the driver does not tell."""
    gpu_max_clock_mhz: int | None
    """The clock that the GPU could have; none likewise."""
    gpu_throttles: tuple[str, ...]
    """What held the GPU's clock down at the end, in words."""

    @property
    def other_share(self) -> float | None:
        """Part of the machine's processor time that other programs and machines took, in [0, 1]."""
        if self.other_processors is None or self.stolen_processors is None:
            return None
        return (self.other_processors + self.stolen_processors) / self.num_processors


@dataclass(frozen=True, kw_only=True)
class PhaseTiming:
    """One row's part of a phase, in which all rows of a session were timed in turn."""

    phase: Phase
    """What was timed."""
    batch_size: int
    """Images of a step; fewer than asked for where memory ended."""
    ms: tuple[float, ...]
    """Milliseconds of one step, one number a round."""
    repeats: int
    """Steps in each sample, whose mean stands in `ms`."""
    first_call_s: float
    """Seconds of the very first step, which compiles where there is to compile."""
    num_warmup_rounds: int
    """Rounds thrown away before the first one that counts."""
    is_steady: bool
    """Whether the warm-up ended because the rows were steady, not because it took too long."""
    stopped_by: Literal["interval", "samples", "budget"]
    """What ended the phase: narrow intervals, enough samples, or the seconds."""
    peak_memory_bytes: int | None
    """The most memory that a step needed at once, as `memory_scope` says; none where it was not measured."""
    memory_scope: str
    """What the peak is the peak of; only equal scopes compare."""
    load: MachineLoad
    """What else the machine did during the phase."""


@dataclass(frozen=True, kw_only=True)
class EfficiencyRecord:
    """The immutable result of one row."""

    schema: int
    """Version of this layout."""
    digest: str
    """Digest of the spec and the session, and the file's name."""
    session: str
    """Name of the measurement in which the row was timed in turn with others."""
    started_at: str
    """Start of the measurement, UTC, ISO 8601."""
    spec: RowSpec
    """What was measured."""
    environment: Environment
    """Where it was measured."""
    bandwidth_bytes_per_s: float | None
    """What the device's memory moves a second when a large tensor is copied; none where nothing was timed."""
    counts: Counts | None
    """What was counted; none where that failed."""
    timings: tuple[PhaseTiming, ...] = ()
    """The phases that the row ran to the end."""
    errors: dict[str, str] = field(default_factory=dict)
    """What stopped the row, by ``build``, ``counts`` or the phase, as ``Class: message``."""

    def timing(self, phase: Phase) -> PhaseTiming | None:
        """The row's part of a phase, if it ran it to the end."""
        return next((timing for timing in self.timings if timing.phase == phase), None)

    def to_json(self) -> bytes:
        """The record as indented JSON."""
        return encode_record(self)

    @classmethod
    def from_json(cls, text: bytes, *, source: str) -> "EfficiencyRecord":
        """Read a record.

        Raises:
            RecordError: If it is damaged, of a newer schema, or `fault_of_efficiency` finds a fault.
        """
        record = decode_record(text, cls, newest_schema=EFFICIENCY_SCHEMA, source=source)
        fault = fault_of_efficiency(record)
        if fault is not None:
            raise RecordError(f"{source} is damaged: {fault}")
        return record


class EfficiencyStore(RecordFolder[EfficiencyRecord]):
    """A folder of the records of rows, ``<digest>.efficiency.json``; those of runs may stand beside them."""

    record_class = EfficiencyRecord
    suffix = ".efficiency.json"
    made_by = "attnbench efficiency --store makes one"
