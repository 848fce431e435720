"""Records to leaderboards: one table for each group of comparable records, raw numbers, nothing rounded."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import median

from attnbench.diverged_record import AnyDivergedRun
from attnbench.errors import SpecError
from attnbench.record import Record
from attnbench.report.diverged import DivergedSeeds
from attnbench.report.leaderboard.corrupted import Robustness, robustness
from attnbench.report.leaderboard.differences import Difference, against, all_differences
from attnbench.report.leaderboard.diverged import diverged_beside
from attnbench.report.leaderboard.grouping import baseline_of, comparable, mean_top1, variants_of
from attnbench.report.leaderboard.letters import letters
from attnbench.report.leaderboard.localised import Localised, localised
from attnbench.report.machines import Machine, machine_of
from attnbench.spec import RunSpec
from attnbench.stats import Interval, Ratio, median_ratio, t_interval


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
    num_repeats: int
    """Further records of a variant and seed that are in the table already."""
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
    records: tuple[Record, ...]
    """Its runs, sorted by seed."""
    rank: str
    """Rank letters: variants that cannot be told apart share one. Empty where nothing was compared over seeds."""
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
    top1_difference: Difference | None
    """To the baseline, over the seeds and test images of both, corrected for the comparisons with the baseline."""

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds of its records, sorted."""
        return tuple(record.spec.seed for record in self.records)


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """One table: variants that differ in nothing else, best mean top-1 first."""

    facts: Facts
    """What the rows have in common."""
    rows: tuple[Row, ...]
    """The variants."""
    differences: tuple[Difference, ...]
    """Every two variants that share a seed, corrected for all of them; the better in the table comes first, but for
    the baseline, with which the others are compared."""
    localisation: Localised | None = None
    """Where the variants' maps lie, where that was asked for."""
    robustness: Robustness | None = None
    """What they get right on corrupted images, where that was asked for."""
    diverged: tuple[DivergedSeeds, ...] = ()
    """Runs of the same conditions that diverged and are in nothing above, by their variants."""

    @property
    def baseline(self) -> Row | None:
        """The baseline's row, if it has records."""
        return next((row for row in self.rows if row.is_baseline), None)


def leaderboards(records: Iterable[Record], diverged: Sequence[AnyDivergedRun] = ()) -> list[Leaderboard]:
    """One leaderboard for each group of comparable records, in the order of `comparable`.

    Args:
        records: The records.
        diverged: Runs that diverged, of any kind; each leaderboard names those of its conditions.
    """
    return [board_of(group, diverged) for group in comparable(records)]


def leaderboard(records: Iterable[Record], diverged: Sequence[AnyDivergedRun] = ()) -> Leaderboard:
    """The leaderboard of records that can all be compared; see `leaderboards`.

    Raises:
        SpecError: If there is no record, or they belong to several tables.
    """
    groups = comparable(records)
    if len(groups) != 1:
        raise SpecError(
            f"a leaderboard needs records of one backbone, data set and recipe; got {len(groups)} groups of them: "
            "`leaderboards` makes one table of each"
        )
    return board_of(groups[0], diverged)


def board_of(records: Sequence[Record], diverged: Iterable[AnyDivergedRun] = ()) -> Leaderboard:
    """The leaderboard of one group of `comparable`; see `leaderboards`."""
    variants = variants_of(records)
    baseline = baseline_of(variants, records[0].spec.baseline)
    # By the means, best first; the baseline last, so that it is the second of every pair.
    ranked = sorted(variants, key=lambda name: (-mean_top1(variants[name]), variants[name][0].values.parameters, name))
    differences = all_differences({name: variants[name] for name in sorted(ranked, key=lambda name: name == baseline)})
    to_baseline = {} if baseline is None else {found.variant: found for found in against(differences, baseline)}
    ranks = letters(ranked, differences)
    reference = variants[baseline][0] if baseline is not None else None
    return Leaderboard(
        facts=_facts([record for members in variants.values() for record in members], num_given=len(records)),
        rows=tuple(
            _row(name, variants[name], is_baseline=name == baseline, reference=reference, rank=rank,
                 difference=to_baseline.get(name))
            for name, rank in zip(ranked, ranks, strict=True)
        ),
        differences=tuple(differences),
        localisation=localised({name: variants[name] for name in ranked}, baseline=baseline),
        robustness=robustness({name: variants[name] for name in ranked}, baseline=baseline),
        diverged=diverged_beside(variants, diverged),
    )  # fmt: skip


def _row(
    variant: str,
    records: Sequence[Record],
    *,
    is_baseline: bool,
    reference: Record | None,
    rank: str,
    difference: Difference | None,
) -> Row:
    values = records[0].values
    return Row(
        variant=variant,
        is_baseline=is_baseline,
        records=tuple(records),
        rank=rank,
        parameters=values.parameters,
        parameters_difference=values.parameters - reference.values.parameters if reference else None,
        macs=values.macs,
        macs_difference=values.macs - reference.values.macs if reference else None,
        uncounted_operators=values.uncounted_operators,
        num_replaced=values.num_replaced,
        images_per_s=1000.0
        * records[0].timing.throughput_batch_size
        / median(ms for record in records for ms in record.timing.forward_ms),
        throughput_ratio=_throughput_ratio(records),
        top1_percent=t_interval([record.values.test_top1_percent for record in records]),
        top1_difference=difference,
    )


def _throughput_ratio(records: Iterable[Record]) -> Ratio:
    pairs = [
        pair
        for record in records
        for pair in zip(record.timing.baseline_forward_ms, record.timing.forward_ms, strict=True)
    ]
    # Images/s is the inverse of time, so the baseline's time stands above.
    return median_ratio([baseline_ms for baseline_ms, _ in pairs], [model_ms for _, model_ms in pairs])


def _facts(records: Sequence[Record], *, num_given: int) -> Facts:
    values = records[0].values
    machines = Counter(machine_of(record.environment) for record in records)
    seeds = tuple(sorted({record.spec.seed for record in records}))
    return Facts(
        spec=replace(records[0].spec, attention=records[0].spec.baseline, plugin=None, seed=seeds[0]),
        num_train_images=values.num_train_images,
        num_validation_images=values.num_validation_images,
        num_test_images=values.num_test_images,
        num_classes=values.num_classes,
        image_shape=values.image_shape,
        seeds=seeds,
        num_records=len(records),
        num_repeats=num_given - len(records),
        train_s=sum(record.timing.train_s for record in records),
        machines=tuple(replace(machine, num_records=count) for machine, count in machines.most_common()),
        uncounted_operators=tuple(sorted({name for record in records for name in record.values.uncounted_operators})),
    )
