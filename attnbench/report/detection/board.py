"""Detection records to tables: a block for each detector, raw numbers, nothing rounded."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import mean, median

from attnbench.detection_record import DetectionRecord, DetectorCounts
from attnbench.detection_spec import DetectionRun
from attnbench.diverged_record import AnyDivergedRun
from attnbench.report.detection.diverged import diverged_beside
from attnbench.report.detection.figures import Figure, Tested, figures
from attnbench.report.detection.grouping import baseline_of, by_detector, comparable, variants_of
from attnbench.report.diverged import DivergedSeeds
from attnbench.report.machines import Machine, machine_of
from attnbench.stats import Ratio, median_ratio
from attnbench.variant import short_names


@dataclass(frozen=True, kw_only=True)
class DetectionFacts:
    """What the rows of all detectors have in common."""

    spec: DetectionRun
    """The spec of all runs; its variant is the baseline, its seed the lowest, and it has no plugin and the first
    detector."""
    num_train_images: int
    """Images of the training split."""
    num_validation_images: int
    """Images of the validation split."""
    num_test_images: int
    """Images of the test split."""
    num_classes: int
    """Classes of the data set, without the background."""
    num_test_objects: dict[str, int]
    """Objects of the test split that count, by area, and crowds, which do not."""
    annotation_faults: dict[str, int]
    """Faults in the annotations, by kind, that were left out or mended before training."""
    seeds: tuple[int, ...]
    """Seeds that any variant has, sorted."""
    num_records: int
    """Runs in the table."""
    num_repeats: int
    """Further records of a variant and seed that are in the table already."""
    train_s: float
    """Seconds of training and validation of all runs together."""
    machines: tuple[Machine, ...]
    """Where the records come from, most records first."""


@dataclass(frozen=True, kw_only=True)
class DetectionRow:
    """One variant in one detector, pooled over its seeds. Differences are to the baseline, none without it."""

    variant: str
    """Variant as in the spec, with ``@`` and the start of a hash where two contents share a name."""
    is_baseline: bool
    """Whether the others are compared with this one."""
    records: tuple[DetectionRecord, ...]
    """Its runs, sorted by seed."""
    counts: DetectorCounts
    """Parameters and multiply-accumulates."""
    baseline_counts: DetectorCounts | None
    """Those of the baseline."""
    images_per_s: float
    """Images a second, one at a time, from the median of all timed passes."""
    throughput_ratio: Ratio
    """Images/s over the baseline's in the pass beside, above 1 where the variant is faster."""
    box: dict[str, Figure]
    """COCO's figures of boxes."""
    mask: dict[str, Figure] | None
    """The same of masks; none for a detector without."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of its records, sorted."""
        return tuple(record.spec.seed for record in self.records)


@dataclass(frozen=True, kw_only=True)
class DetectorBlock:
    """The variants of one detector, highest mean AP first."""

    detector: str
    """Detector with its settings."""
    rows: tuple[DetectionRow, ...]
    """The variants."""
    num_comparisons: int
    """Differences for which each judgement is corrected: of every variant's boxes, and of its masks if there are."""

    @property
    def baseline(self) -> DetectionRow | None:
        """The baseline's row, if it has records."""
        return next((row for row in self.rows if row.is_baseline), None)


@dataclass(frozen=True, kw_only=True)
class DetectionBoard:
    """Detectors under one backbone, data set and recipe."""

    facts: DetectionFacts
    """What the rows have in common."""
    blocks: tuple[DetectorBlock, ...]
    """The detectors, the one that was run first in front."""
    diverged: tuple[DivergedSeeds, ...] = ()
    """Runs of the same conditions that diverged and are in nothing above, by detectors and variants."""

    @property
    def names(self) -> dict[str, str]:
        """What each detector is called beside the others: its settings only where another shares its name."""
        return short_names(block.detector for block in self.blocks)


def detection_boards(
    records: Iterable[DetectionRecord], diverged: Sequence[AnyDivergedRun] = ()
) -> list[DetectionBoard]:
    """One board for each group of records that share all but detector, variant and seed.

    Args:
        records: The records.
        diverged: Runs that diverged, of any kind; each board names those of its conditions.
    """
    return [_board(group, diverged) for group in comparable(records)]


def _board(records: Sequence[DetectionRecord], diverged: Sequence[AnyDivergedRun]) -> DetectionBoard:
    variants = {detector: variants_of(members) for detector, members in by_detector(records).items()}
    used = [record for found in variants.values() for members in found.values() for record in members]
    return DetectionBoard(
        facts=_facts(used, num_given=len(records)),
        blocks=tuple(_block(detector, found) for detector, found in variants.items()),
        diverged=diverged_beside(variants, diverged),
    )


def _block(detector: str, variants: Mapping[str, Sequence[DetectionRecord]]) -> DetectorBlock:
    first = next(iter(variants.values()))[0]
    baseline = baseline_of(variants, first.spec.baseline)
    num_kinds = 1 if first.mask_matches is None else 2
    num_comparisons = 0 if baseline is None else num_kinds * (len(variants) - 1)
    boxes = {name: _boxes(records) for name, records in variants.items()}
    masks = {name: _masks(records) for name, records in variants.items()}

    def measured(found: Mapping[str, Tested | None], name: str) -> dict[str, Figure] | None:
        own, reference = found[name], None if baseline in (None, name) else found[baseline]
        return None if own is None else figures(own, reference, num_comparisons=num_comparisons)

    rows = []
    for name, records in variants.items():
        box = measured(boxes, name)
        assert box is not None, "every detector has boxes"
        rows.append(
            DetectionRow(
                variant=name,
                is_baseline=name == baseline,
                records=tuple(records),
                counts=records[0].values.counts,
                baseline_counts=None if baseline is None else variants[baseline][0].values.counts,
                images_per_s=1000.0 / median(ms for record in records for ms in record.timing.forward_ms),
                throughput_ratio=_throughput_ratio(records),
                box=box,
                mask=measured(masks, name),
            )
        )
    return DetectorBlock(detector=detector, rows=tuple(sorted(rows, key=_rank)), num_comparisons=num_comparisons)


def _rank(row: DetectionRow) -> tuple[float, int, str]:
    return -mean(record.values.box.ap_percent for record in row.records), row.counts.parameters, row.variant


def _boxes(records: Sequence[DetectionRecord]) -> Tested | None:
    return Tested(
        precisions={record.spec.seed: record.values.box for record in records},
        tables={record.spec.seed: record.box_matches.unpack() for record in records},
    )


def _masks(records: Sequence[DetectionRecord]) -> Tested | None:
    precisions = {record.spec.seed: record.values.mask for record in records if record.values.mask is not None}
    matches = {record.spec.seed: record.mask_matches for record in records if record.mask_matches is not None}
    if not precisions:
        return None
    return Tested(precisions=precisions, tables={seed: packed.unpack() for seed, packed in matches.items()})


def _throughput_ratio(records: Iterable[DetectionRecord]) -> Ratio:
    pairs = [
        pair
        for record in records
        for pair in zip(record.timing.baseline_forward_ms, record.timing.forward_ms, strict=True)
    ]
    # Images/s is the inverse of time, so the baseline's time stands above.
    return median_ratio([baseline_ms for baseline_ms, _ in pairs], [model_ms for _, model_ms in pairs])


def _facts(records: Sequence[DetectionRecord], *, num_given: int) -> DetectionFacts:
    spec, values = records[0].spec, records[0].values
    machines = Counter(machine_of(record.environment) for record in records)
    seeds = tuple(sorted({record.spec.seed for record in records}))
    return DetectionFacts(
        spec=replace(spec, attention=spec.baseline, plugin=None, seed=seeds[0]),
        num_train_images=values.num_train_images,
        num_validation_images=values.num_validation_images,
        num_test_images=values.num_test_images,
        num_classes=values.num_classes,
        num_test_objects=values.num_test_objects,
        annotation_faults=values.annotation_faults,
        seeds=seeds,
        num_records=len(records),
        num_repeats=num_given - len(records),
        train_s=sum(record.timing.train_s for record in records),
        machines=tuple(replace(machine, num_records=count) for machine, count in machines.most_common()),
    )
