"""Records to leaderboards: one table for each group of comparable records, raw numbers, nothing rounded."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from attnbench.errors import RecordError, SpecError
from attnbench.record import Record
from attnbench.report.machines import Machine, machine_of
from attnbench.spec import RunSpec
from attnbench.stats import Interval, Ratio, median_ratio, paired_t_interval, t_interval


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What the rows of one table have in common."""

    spec: RunSpec
    """The spec of all runs; its variant is the baseline, its seed the lowest, and it has no plugin."""
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
    seeds: tuple[int, ...]
    """Seeds that any variant has, sorted."""
    num_records: int
    """Runs in the table."""
    train_s: float
    """Seconds of training and validation of all runs together."""
    machines: tuple[Machine, ...]
    """Where the records come from, most records first. More than one: speeds and last bits may differ."""
    uncounted_operators: tuple[str, ...]
    """Operators that the MACs of some variant leave out, sorted."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One variant, pooled over its seeds. Differences are to the baseline, none where that has no record."""

    variant: str
    """Variant as in the spec, with ``@`` and the start of the plugin's hash where two contents share a name."""
    is_baseline: bool
    """Whether the others are compared with this one."""
    seeds: tuple[int, ...]
    """Seeds of its records, sorted."""
    parameters: int
    """Trainable parameters."""
    parameters_difference: int | None
    """Parameters more than the baseline has."""
    macs: int
    """Multiply-accumulates of one image."""
    macs_difference: int | None
    """Multiply-accumulates more than the baseline needs."""
    uncounted_operators: dict[str, int]
    """Operators that `macs` leaves out, with how often one forward pass runs them."""
    num_replaced: int
    """Attention modules of the backbone's own that the variant stands in place of."""
    images_per_s: float
    """Images a second in inference mode, from the median of all forward passes."""
    throughput_ratio: Ratio
    """Images/s over the baseline's in the pass beside, above 1 where the variant is faster."""
    top1_percent: Interval
    """Top-1 accuracy on the test split, over seeds."""
    top1_difference: Interval | None
    """Percentage points more than the baseline, paired by the seeds that both have."""

    @property
    def differs(self) -> bool:
        """Whether the 95 % interval of the difference excludes zero."""
        return self.top1_difference is not None and self.top1_difference.excludes_zero


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """One table: variants that differ in nothing else, best mean top-1 first."""

    facts: Facts
    """What the rows have in common."""
    rows: tuple[Row, ...]
    """The variants."""

    @property
    def baseline(self) -> Row | None:
        """The baseline's row, if it has records."""
        return next((row for row in self.rows if row.is_baseline), None)


def leaderboards(records: Sequence[Record]) -> list[Leaderboard]:
    """One leaderboard for each group of records whose specs differ in variant, seed and plugin only.

    Args:
        records: Records in any order; one that occurs twice counts once.

    Returns:
        Leaderboards, sorted by data, backbone and the rest of the spec.

    Raises:
        RecordError: If a record's timings do not come in pairs.
    """
    groups: dict[RunSpec, list[Record]] = defaultdict(list)
    for record in {record.digest: record for record in records}.values():
        groups[_common(record.spec)].append(record)
    order = sorted(groups, key=lambda spec: (spec.data, spec.backbone, spec.recipe.epochs, repr(spec)))
    return [_board(groups[spec]) for spec in order]


def leaderboard(records: Sequence[Record]) -> Leaderboard:
    """The leaderboard of records whose specs differ in variant, seed and plugin only.

    Raises:
        SpecError: If there is no record, or they belong to several tables.
        RecordError: If a record's timings do not come in pairs.
    """
    boards = leaderboards(records)
    if len(boards) != 1:
        raise SpecError(
            f"a leaderboard needs records of one backbone, data set and recipe; got {len(boards)} groups of them: "
            "`leaderboards` makes one table of each"
        )
    return boards[0]


def _common(spec: RunSpec) -> RunSpec:
    return replace(spec, attention=spec.baseline, seed=0, plugin=None)


def _board(records: list[Record]) -> Leaderboard:
    # An edited plugin is another module under the same name, hence the hash.
    variants: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.spec.seed):
        plugin = record.spec.plugin
        variants[record.spec.attention, plugin.sha256 if plugin else ""].append(record)
    names = Counter(attention for attention, _ in variants)
    baseline = _baseline(variants, records[0].spec.baseline)
    rows = [
        _row(f"{attention}@{sha256[:8]}" if names[attention] > 1 and sha256 else attention, members, baseline)
        for (attention, sha256), members in variants.items()
    ]
    rows.sort(key=lambda row: (-row.top1_percent.mean, row.parameters, row.variant))
    return Leaderboard(facts=_facts(records), rows=tuple(rows))


def _baseline(variants: dict[tuple[str, str], list[Record]], name: str) -> list[Record]:
    """The baseline's records; of several contents under its name, the one with most seeds, then the latest."""
    candidates = [members for (attention, _), members in variants.items() if attention == name]
    return max(candidates, key=lambda members: (len(members), members[-1].timing.started_at), default=[])


def _row(variant: str, records: list[Record], baseline: list[Record]) -> Row:
    values = records[0].values
    throughput_ratio = _throughput_ratio(records)
    top1 = {record.spec.seed: record.values.test_top1_percent for record in records}
    baseline_top1 = {record.spec.seed: record.values.test_top1_percent for record in baseline}
    is_baseline = records is baseline
    shared = [] if is_baseline else [seed for seed in top1 if seed in baseline_top1]
    percents, baseline_percents = [top1[seed] for seed in shared], [baseline_top1[seed] for seed in shared]
    reference = baseline[0].values if baseline else None
    return Row(
        variant=variant,
        is_baseline=is_baseline,
        seeds=tuple(top1),
        parameters=values.parameters,
        parameters_difference=values.parameters - reference.parameters if reference else None,
        macs=values.macs,
        macs_difference=values.macs - reference.macs if reference else None,
        uncounted_operators=values.uncounted_operators,
        num_replaced=values.num_replaced,
        images_per_s=1000.0
        * records[0].timing.throughput_batch_size
        / median(ms for record in records for ms in record.timing.forward_ms),
        throughput_ratio=throughput_ratio,
        top1_percent=t_interval(list(top1.values())),
        top1_difference=paired_t_interval(percents, baseline_percents) if shared else None,
    )


def _throughput_ratio(records: Iterable[Record]) -> Ratio:
    model_ms: list[float] = []
    baseline_ms: list[float] = []
    for record in records:
        timing = record.timing
        if not timing.forward_ms or len(timing.forward_ms) != len(timing.baseline_forward_ms):
            raise RecordError(
                f"record {record.digest} must time the model and the baseline in pairs; "
                f"got {len(timing.forward_ms)} and {len(timing.baseline_forward_ms)} passes"
            )
        model_ms.extend(timing.forward_ms)
        baseline_ms.extend(timing.baseline_forward_ms)
    # Images/s is the inverse of time, so the baseline's time stands above.
    return median_ratio(baseline_ms, model_ms)


def _facts(records: list[Record]) -> Facts:
    values = records[0].values
    machines = Counter(machine_of(record.environment) for record in records)
    seeds = tuple(sorted({record.spec.seed for record in records}))
    return Facts(
        spec=replace(_common(records[0].spec), seed=seeds[0]),
        num_train_images=values.num_train_images,
        num_validation_images=values.num_validation_images,
        num_test_images=values.num_test_images,
        num_classes=values.num_classes,
        image_shape=values.image_shape,
        seeds=seeds,
        num_records=len(records),
        train_s=sum(record.timing.train_s for record in records),
        machines=tuple(replace(machine, num_records=count) for machine, count in machines.most_common()),
        uncounted_operators=tuple(sorted({name for record in records for name in record.values.uncounted_operators})),
    )
