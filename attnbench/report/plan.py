"""How many seeds a difference takes, and what they cost, from the records that are there.

The noise is the standard deviation over seeds of a variant's difference to the baseline, paired by seed, pooled over
the variants: s² = Σ νⱼ sⱼ² / Σ νⱼ with νⱼ = nⱼ − 1. All these differences hold the baseline's runs, so they are
correlated, by one half where every run is as noisy as another, and their variances by a quarter. Σ νⱼ would then
promise too much; the degrees of freedom are those of a chi-square of the same variance,

    ν = (Σ νⱼ)² / (Σ νⱼ + ¼ Σ over j ≠ k of min(νⱼ, νₖ))

With them s is given a 95 % interval, and every number of seeds is given for its ends too. A variant that equals the
baseline on every seed, as the baseline's module under another name does, tells nothing of the noise and is left out.

The hours are the median wall time of each variant's records, which are taken to hold for further seeds.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import median
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import chdtri

from attnbench.record import Record
from attnbench.report.diverged import DivergedSeeds
from attnbench.report.leaderboard.grouping import baseline_of, variants_of
from attnbench.report.machines import Machine, machine_of
from attnbench.report.wall_time import wall_time_s
from attnbench.spec import RunSpec
from attnbench.stats import seeds_needed, smallest_detectable_difference

MOST_SEEDS = 10_000
"""Seeds of a variant beyond which no number is given."""
_LEVEL = 0.95
_CORRELATION = 0.25

Family: TypeAlias = Literal["against the baseline", "every pair"]
"""What is compared, and so how many comparisons are corrected for."""
_Ends: TypeAlias = tuple[float, float, float]
_Seeds: TypeAlias = tuple[int | None, int | None, int | None]
_Wanted: TypeAlias = Callable[[_Ends, int], tuple[_Ends, _Seeds]]
"""From a deviation with its ends and a number of comparisons to the difference and the seeds for each of the three."""


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
    left_out: tuple[str, ...] = ()
    """Variants with the baseline's accuracy on each of at least two shared seeds; they are in nothing above."""

    @property
    def ends(self) -> _Ends:
        """The estimate, and the lower and the upper end."""
        return self.points, self.low, self.high


@dataclass(frozen=True, kw_only=True)
class Design:
    """So many seeds for every variant, what they show and what they cost."""

    family: Family
    """What is compared."""
    num_tests: int
    """Comparisons that Holm's procedure corrects for."""
    difference: _Ends
    """Points that are shown with the wanted power, for the estimated deviation and for the ends of its interval."""
    num_seeds: _Seeds
    """Seeds of each variant, for the same three; none beyond 10,000."""
    further: Mapping[str, int] | None
    """Of each variant, the runs that are missing to the first of these numbers of seeds; none where that is none."""

    @property
    def further_runs(self) -> int | None:
        """All of them together."""
        return None if self.further is None else sum(self.further.values())


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
    machines: tuple[Machine, ...]
    """Where the records come from, most records first."""
    diverged: tuple[DivergedSeeds, ...] = ()
    """Runs of the same conditions that diverged, which are none of these seeds; whoever plans adds them."""

    @property
    def most_further_runs(self) -> int:
        """Further runs of the design that takes most."""
        return max((design.further_runs or 0 for design in self.designs), default=0)

    def wall_s(self, design: Design, num_workers: int) -> float | None:
        """Seconds that the further runs of a design take, so many at once."""
        if design.further is None:
            return None
        return wall_time_s(((self.run_s[name], number) for name, number in design.further.items()), num_workers)


def plan_differences(records: Sequence[Record], differences: Sequence[float], *, alpha: float, power: float) -> Plan:
    """How many seeds each difference takes in one table.

    Args:
        records: One group of `attnbench.report.comparable`.
        differences: Percentage points, not 0.
        alpha: Level of a family, in (0, 1).
        power: Probability with which a true difference shall be shown, in (0, 1).

    Raises:
        SpecError: If a setting is out of range.
    """
    wanted = [partial(_seeds_of, difference, alpha=alpha, power=power) for difference in differences]
    return _planned(records, wanted, alpha=alpha, power=power)


def plan_seeds(records: Sequence[Record], num_seeds: int, *, alpha: float, power: float) -> Plan:
    """Which difference so many seeds show in one table; see `plan_differences`.

    Raises:
        SpecError: If a setting is out of range.
    """
    return _planned(records, [partial(_difference_of, num_seeds, alpha=alpha, power=power)], alpha=alpha, power=power)


def same_hardware(one: Machine, other: Machine) -> bool:
    """Whether two machines have the same device and processor, and give a run as many threads and one arithmetic."""
    return all(getattr(one, name) == getattr(other, name) for name in ("device", "processor", "threads", "precision"))


def pooled_deviation(differences: Mapping[str, Sequence[float]]) -> Deviation | None:
    """The noise of paired differences, pooled over the variants; none where it cannot be known.

    Args:
        differences: Of each variant, its difference to the baseline for each shared seed, percentage points.
    """
    several = {name: np.asarray(values) for name, values in differences.items() if len(values) > 1}
    known = {name: values for name, values in several.items() if values.any()}
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
    left_out = tuple(name for name in several if name not in known)
    return Deviation(points=points, low=low, high=high, degrees=float(effective), by_variant=own, left_out=left_out)


def _planned(records: Sequence[Record], wanted: Sequence[_Wanted], *, alpha: float, power: float) -> Plan:
    plan = _without_designs(records, alpha=alpha, power=power)
    if plan.deviation is None:
        return plan
    designs = [
        _design(plan.num_seeds, family, num_tests, *of(plan.deviation.ends, num_tests))
        for of in wanted
        for family, num_tests in _families(len(plan.num_seeds))
    ]
    return replace(plan, designs=tuple(designs))


def _without_designs(records: Sequence[Record], *, alpha: float, power: float) -> Plan:
    variants = variants_of(records)
    baseline = baseline_of(variants, records[0].spec.baseline)
    top1 = {name: {r.spec.seed: r.values.test_top1_percent for r in members} for name, members in variants.items()}
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
        machines=tuple(replace(machine, num_records=count) for machine, count in machines.most_common()),
    )


def _families(num_variants: int) -> list[tuple[Family, int]]:
    pairs = num_variants * (num_variants - 1) // 2
    against: tuple[Family, int] = ("against the baseline", num_variants - 1)
    return [against, ("every pair", pairs)] if pairs > 1 else [against]


def _seeds_of(difference: float, ends: _Ends, num_tests: int, *, alpha: float, power: float) -> tuple[_Ends, _Seeds]:
    estimate, low, high = (_needed(difference, points, num_tests, alpha=alpha, power=power) for points in ends)
    return (abs(difference),) * 3, (estimate, low, high)


def _difference_of(num_seeds: int, ends: _Ends, num_tests: int, *, alpha: float, power: float) -> tuple[_Ends, _Seeds]:
    estimate, low, high = (
        smallest_detectable_difference(points, num_seeds, alpha=alpha, num_tests=num_tests, power=power)
        for points in ends
    )
    return (estimate, low, high), (num_seeds,) * 3


def _needed(difference: float, points: float, num_tests: int, *, alpha: float, power: float) -> int | None:
    settings = {"alpha": alpha, "power": power}
    most = smallest_detectable_difference(points, MOST_SEEDS, num_tests=num_tests, **settings)
    if difference and most > abs(difference):
        return None
    return seeds_needed(difference, points, num_tests=num_tests, **settings)


def _design(has: Mapping[str, int], family: Family, num_tests: int, difference: _Ends, num_seeds: _Seeds) -> Design:
    wanted = num_seeds[0]
    return Design(
        family=family,
        num_tests=num_tests,
        difference=difference,
        num_seeds=num_seeds,
        further=None if wanted is None else {name: max(0, wanted - number) for name, number in has.items()},
    )
