"""Which efficiency records of two stores belong beside each other."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from attnbench.efficiency_record import EfficiencyRecord
from attnbench.efficiency_spec import PHASES, Phase


@dataclass(frozen=True, kw_only=True, order=True)
class Setup:
    """What rows must share to be compared."""

    backbone: str
    """Backbone with its settings."""
    image_shape: tuple[int, int, int]
    """(C, H, W) of an image."""
    num_classes: int
    """Outputs of the classifier."""
    precision: str
    """Arithmetic."""
    mode: str
    """Operator by operator, or compiled."""
    layout: str
    """Memory layout of the feature maps."""


@dataclass(frozen=True, kw_only=True)
class RecordGroup:
    """The records of one store that share a setup, a device and its threads."""

    setup: Setup
    """What they share with those of the other store."""
    kind: str
    """``cpu`` or ``cuda``."""
    device: str
    """``cpu`` or the name of the GPU."""
    threads: int
    """CPU threads."""
    records: tuple[EfficiencyRecord, ...]
    """The records, the latest last."""

    @property
    def variants(self) -> tuple[str, ...]:
        """Its variants, sorted."""
        return tuple(sorted({record.spec.attention for record in self.records}))

    def latest(self, variant: str) -> EfficiencyRecord:
        """The latest record of a variant."""
        return [record for record in self.records if record.spec.attention == variant][-1]

    def baseline_of(self, record: EfficiencyRecord) -> EfficiencyRecord | None:
        """The baseline that was timed in turn with a record."""
        wanted = (record.session, record.spec.baseline)
        return next((other for other in self.records if (other.session, other.spec.attention) == wanted), None)


@dataclass(frozen=True, kw_only=True, order=True)
class RowKey:
    """What is compared: the counts of a variant, or one of its phases. Keys sort by phase, batch size and variant."""

    phase_index: int
    """Place of the phase among `PHASES`; −1 for the counts."""
    batch_size: int
    """Images of a step as measured; 0 for the counts."""
    variant: str
    """Variant as in the spec."""

    @property
    def phase(self) -> Phase | None:
        """What was timed; none for the counts."""
        return PHASES[self.phase_index] if self.phase_index >= 0 else None


def match_groups(
    records_a: Sequence[EfficiencyRecord], records_b: Sequence[EfficiencyRecord]
) -> tuple[list[tuple[RecordGroup, RecordGroup]], tuple[list[RecordGroup], list[RecordGroup]]]:
    """Put the groups of two stores beside each other.

    Groups of one setup match by device and threads. Where none does, one group of each stands beside the other:
    the latest, of one kind of device if there are such.

    Returns:
        The pairs, by setup; and the groups of each store that have no partner.
    """
    all_a, all_b = _groups(records_a), _groups(records_b)
    pairs = [pair for setup in sorted({group.setup for group in all_a}) for pair in _pairs(setup, all_a, all_b)]
    left_a = [group for group in all_a if not any(group is a for a, _ in pairs)]
    left_b = [group for group in all_b if not any(group is b for _, b in pairs)]
    return pairs, (left_a, left_b)


def keys_of(group: RecordGroup) -> dict[RowKey, list[EfficiencyRecord]]:
    """The records of each row, the latest last."""
    keys: dict[RowKey, list[EfficiencyRecord]] = defaultdict(list)
    for record in group.records:
        variant = record.spec.attention
        if record.counts is not None:
            keys[RowKey(phase_index=-1, batch_size=0, variant=variant)].append(record)
        for timing in record.timings:
            index = PHASES.index(timing.phase)
            keys[RowKey(phase_index=index, batch_size=timing.batch_size, variant=variant)].append(record)
    return keys


def _groups(records: Sequence[EfficiencyRecord]) -> list[RecordGroup]:
    members: dict[tuple[Setup, str, str, int], list[EfficiencyRecord]] = defaultdict(list)
    for record in sorted({record.digest: record for record in records}.values(), key=_age):
        environment = record.environment
        key = (_setup(record), record.spec.conditions.device, environment.device, environment.threads)
        members[key].append(record)
    return [
        RecordGroup(setup=setup, kind=kind, device=device, threads=threads, records=tuple(grouped))
        for (setup, kind, device, threads), grouped in sorted(members.items(), key=lambda item: item[0])
    ]


def _pairs(
    setup: Setup, all_a: Sequence[RecordGroup], all_b: Sequence[RecordGroup]
) -> Iterator[tuple[RecordGroup, RecordGroup]]:
    pairs = [(a, b) for a, b in product(all_a, all_b) if a.setup == b.setup == setup]
    same = [(a, b) for a, b in pairs if (a.device, a.threads) == (b.device, b.threads)]
    if same or not pairs:
        yield from same
    else:
        yield max(pairs, key=lambda pair: (pair[0].kind == pair[1].kind, *(_age(side.records[-1]) for side in pair)))


def _setup(record: EfficiencyRecord) -> Setup:
    spec = record.spec
    return Setup(
        backbone=spec.backbone,
        image_shape=spec.image_shape,
        num_classes=spec.num_classes,
        precision=spec.conditions.precision,
        mode=spec.conditions.mode,
        layout=spec.conditions.layout,
    )


def _age(record: EfficiencyRecord) -> tuple[str, str, str]:
    """Orders records by their start; sessions of one second by their names."""
    return record.started_at, record.session, record.digest
