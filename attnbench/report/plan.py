"""How many seeds a difference takes, and what they cost, from the records that are there.

The noise is the standard deviation over seeds of a variant's difference to the baseline, paired by seed, pooled over
the variants: s² = Σ νⱼ sⱼ² / Σ νⱼ with νⱼ = nⱼ − 1. All these differences hold the baseline's runs, so they are
correlated, by one half where every run is as noisy as another, and their variances by a quarter. Σ νⱼ would then
promise too much; the degrees of freedom are those of a chi-square of the same variance,

    ν = (Σ νⱼ)² / (Σ νⱼ + ¼ Σ over j ≠ k of min(νⱼ, νₖ))

With them s is given a 95 % interval, and every number of seeds is given for its ends too.

The hours are the median wall time of each variant's records, which are taken to hold for further seeds.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import chdtri

from attnbench.record import Record
from attnbench.report.leaderboard.board import baseline_of, variants_of
from attnbench.report.machines import Machine, machine_of
from attnbench.spec import RunSpec
from attnbench.stats import seeds_needed, smallest_detectable_difference

MOST_SEEDS = 10_000
"""Seeds of a variant beyond which no number is given."""
_LEVEL = 0.95
_CORRELATION = 0.25

Family: TypeAlias = Literal["against the baseline", "every pair"]
"""What is compared, and so how many comparisons are corrected for."""


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Standard deviation over seeds of the paired difference to the baseline, percentage points, pooled."""

    points: float
    """The estimate."""
    low: float
    """Lower end of its 95 % interval."""
    high: float
    """Upper end of it."""
    degrees: float
    """Degrees of freedom, fewer than the seeds promise because the baseline is shared."""
    by_variant: Mapping[str, tuple[float, int]]
    """Of each variant that shares at least two seeds with the baseline, its own deviation and how many seeds."""

    @property
    def ends(self) -> tuple[float, float, float]:
        """The estimate, and the lower and the upper end."""
        return self.points, self.low, self.high


@dataclass(frozen=True, kw_only=True)
class Design:
    """So many seeds for every variant, what they show and what they cost."""

    family: Family
    """What is compared."""
    num_tests: int
    """Comparisons that Holm's procedure corrects for."""
    difference: tuple[float, float, float]
    """Points that are shown with the wanted power, for the estimated deviation and for the ends of its interval."""
    num_seeds: tuple[int | None, int | None, int | None]
    """Seeds of each variant, for the same three; none beyond 10,000."""
    further_runs: int | None
    """Runs that are missing to the first of these numbers of seeds."""
    wall_s: float | None
    """Seconds that they take with the plan's workers."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What further seeds would show in one table, and what they would cost."""

    spec: RunSpec
    """A spec of the table; its variant and seed are those of one of the records."""
    num_seeds: Mapping[str, int]
    """Seeds that each variant has."""
    run_s: Mapping[str, float]
    """Median seconds of a run of each variant."""
    deviation: Deviation | None
    """The noise; none where no variant shares two seeds with the baseline, or no difference varies."""
    designs: tuple[Design, ...]
    """Empty where the noise is not known."""
    alpha: float
    """Level of a family."""
    power: float
    """Probability with which a difference shall be shown."""
    num_workers: int
    """Runs at once."""
    machines: tuple[Machine, ...]
    """Where the records come from, most records first."""


def plan_differences(
    records: Sequence[Record], differences: Sequence[float], *, alpha: float, power: float, num_workers: int
) -> Plan:
    """How many seeds each difference takes in one table.

    Args:
        records: One group of `attnbench.report.leaderboard.board.comparable`.
        differences: Percentage points, not 0.
        alpha: Level of a family, in (0, 1).
        power: Probability with which a true difference shall be shown, in (0, 1).
        num_workers: Runs at once.

    Raises:
        SpecError: If a setting is out of range.
    """
    plan = _without_designs(records, alpha=alpha, power=power, num_workers=num_workers)
    if plan.deviation is None:
        return plan
    designs = []
    for difference in differences:
        for family, num_tests in _families(len(plan.num_seeds)):
            needed = [_needed(difference, points, plan, num_tests) for points in plan.deviation.ends]
            designs.append(_design(plan, family, num_tests, (abs(difference),) * 3, (needed[0], needed[1], needed[2])))
    return replace(plan, designs=tuple(designs))


def plan_seeds(records: Sequence[Record], num_seeds: int, *, alpha: float, power: float, num_workers: int) -> Plan:
    """Which difference so many seeds show in one table; see `plan_differences`.

    Raises:
        SpecError: If a setting is out of range.
    """
    plan = _without_designs(records, alpha=alpha, power=power, num_workers=num_workers)
    if plan.deviation is None:
        return plan
    designs = []
    for family, num_tests in _families(len(plan.num_seeds)):
        shown = [
            smallest_detectable_difference(points, num_seeds, alpha=alpha, num_tests=num_tests, power=power)
            for points in plan.deviation.ends
        ]
        designs.append(_design(plan, family, num_tests, (shown[0], shown[1], shown[2]), (num_seeds,) * 3))
    return replace(plan, designs=tuple(designs))


def same_hardware(one: Machine, other: Machine) -> bool:
    """Whether two machines have the same device and processor, and give a run as many threads and one arithmetic."""
    return all(getattr(one, name) == getattr(other, name) for name in ("device", "processor", "threads", "precision"))


def pooled_deviation(differences: Mapping[str, Sequence[float]]) -> Deviation | None:
    """The noise of paired differences, pooled over the variants; none where it cannot be known.

    Args:
        differences: Of each variant, its difference to the baseline for each shared seed, percentage points.
    """
    known = {name: np.asarray(values) for name, values in differences.items() if len(values) > 1}
    degrees = np.array([len(values) - 1 for values in known.values()], dtype=np.float64)
    variances = np.array([values.var(ddof=1) for values in known.values()])
    if not known or not (total := float(degrees @ variances)) > 0:
        return None
    shared = np.minimum(degrees[:, None], degrees[None, :])
    effective = degrees.sum() ** 2 / (degrees.sum() + _CORRELATION * (shared.sum() - degrees.sum()))
    points = math.sqrt(total / degrees.sum())
    low, high = (
        points * math.sqrt(effective / chdtri(effective, tail)) for tail in ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2)
    )
    own = {name: (math.sqrt(v), len(known[name])) for name, v in zip(known, variances, strict=True)}
    return Deviation(points=points, low=low, high=high, degrees=float(effective), by_variant=own)


def _without_designs(records: Sequence[Record], *, alpha: float, power: float, num_workers: int) -> Plan:
    variants = variants_of(records)
    baseline = baseline_of(variants, records[0].spec.baseline)
    top1 = {
        name: {record.spec.seed: record.values.test_top1_percent for record in members}
        for name, members in variants.items()
    }
    reference = {} if baseline is None else top1[baseline]
    machines = Counter(machine_of(record.environment) for record in records)
    return Plan(
        spec=records[0].spec,
        num_seeds={name: len(values) for name, values in top1.items()},
        run_s={name: median(record.timing.wall_s for record in members) for name, members in variants.items()},
        deviation=pooled_deviation(
            {
                name: [values[seed] - reference[seed] for seed in sorted(values.keys() & reference.keys())]
                for name, values in top1.items()
                if name != baseline
            }
        ),
        designs=(),
        alpha=alpha,
        power=power,
        num_workers=num_workers,
        machines=tuple(replace(machine, num_records=count) for machine, count in machines.most_common()),
    )


def _families(num_variants: int) -> list[tuple[Family, int]]:
    pairs = num_variants * (num_variants - 1) // 2
    against: tuple[Family, int] = ("against the baseline", num_variants - 1)
    return [against, ("every pair", pairs)] if pairs > 1 else [against]


def _needed(difference: float, points: float, plan: Plan, num_tests: int) -> int | None:
    settings = {"alpha": plan.alpha, "power": plan.power}
    most = smallest_detectable_difference(points, MOST_SEEDS, num_tests=num_tests, **settings)
    if difference and most > abs(difference):
        return None
    return seeds_needed(difference, points, num_tests=num_tests, **settings)


def _design(
    plan: Plan,
    family: Family,
    num_tests: int,
    difference: tuple[float, float, float],
    num_seeds: tuple[int | None, int | None, int | None],
) -> Design:
    wanted = num_seeds[0]
    further = None if wanted is None else {name: max(0, wanted - has) for name, has in plan.num_seeds.items()}
    return Design(
        family=family,
        num_tests=num_tests,
        difference=difference,
        num_seeds=num_seeds,
        further_runs=None if further is None else sum(further.values()),
        wall_s=None if further is None else sum(n * plan.run_s[name] for name, n in further.items()) / plan.num_workers,
    )
