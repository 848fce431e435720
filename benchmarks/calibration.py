"""How often a leaderboard's statistics are right: suites of which the truth is known, simulated.

    python benchmarks/calibration.py --output results/calibration.txt

An answer is right with the probability that the logistic function gives of an image's easiness, a
variant's merit, what a seed does to every variant, and what it does to this one. In an A/A suite
no variant has any merit, and every difference that passes Holm's correction is a false discovery;
at most 5 % of suites should have one. In an A/B suite the first variant has as much merit as
`smallest_detectable_difference` promises to show in 80 % of suites.

With few test images two variants tie after some seeds, and a seed that ties shows nothing: of 1,000
images, power falls short by two in a hundred.
"""

import argparse
import itertools
import math
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy
from numpy.typing import NDArray
from scipy.special import expit

import attnbench
from attnbench.stats import (
    holm_adjusted,
    paired_accuracy_test,
    pairwise_accuracy_intervals,
    proportion_interval,
    smallest_detectable_difference,
)

ALPHA, POWER = 0.05, 0.8
EASINESS, EASINESS_DEVIATION = 2.5, 2.0
"""Logits of the images; about 85 % of answers are right."""
SEED_DEVIATION, OWN_DEVIATION = 0.05, 0.03
"""Logits that a seed adds to every variant, and to each one for itself."""
RESAMPLES = 500
PILOT_SEEDS = 500


@dataclass(frozen=True)
class Design:
    """The size of a suite."""

    variants: int
    seeds: int
    images: int

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Every two variants."""
        return list(itertools.combinations(range(self.variants), 2))


@dataclass(frozen=True)
class Verdict:
    """What one suite shows."""

    shown: dict[tuple[int, int], bool]
    """Whether each pair differs, after Holm's correction over all of them."""
    shown_to_first: bool
    """Whether any differs from the first, after the correction over these only."""
    covered: bool
    """Whether the interval of the first two contains their true difference."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, print, write, and fail if a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--suites", type=int, default=500, help="of each kind")
    parser.add_argument("--variants", type=int, default=7)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--output", type=Path, help="text file")
    options = parser.parse_args(arguments)
    design = Design(options.variants, options.seeds, options.images)
    lines, kept = report(design, options.suites)
    text = "\n".join([*heading(design, options.suites), "", *lines]) + "\n"
    print(text, end="")
    if options.output is not None:
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(text, encoding="utf-8")
    return 0 if kept else 1


def heading(design: Design, suites: int) -> list[str]:
    """What was simulated, with what, and how to do it again."""
    command = f"--suites {suites} --variants {design.variants} --seeds {design.seeds} --images {design.images}"
    return [
        "Simulated suites of known truth: false discoveries, power and coverage",
        "",
        f"python benchmarks/calibration.py {command}",
        f"Python {platform.python_version()}, numpy {np.__version__}, scipy {scipy.__version__}, "
        f"attnbench {attnbench.__version__}",
        "",
        f"{design.variants} variants, {len(design.pairs)} pairs, {design.seeds} seeds, {design.images} images; "
        f"level {ALPHA:.0%} after Holm.",
    ]


def report(design: Design, suites: int) -> tuple[list[str], bool]:
    """A line for each promise, and whether all are kept."""
    alike = [judge(design, 0.0, 0.0, seed) for seed in range(suites)]
    lines = [
        "A/A, no variant has any merit",
        promise("suites with a false discovery, all pairs", [any(v.shown.values()) for v in alike], at_most=ALPHA),
        promise("suites with a false discovery, against the first", [v.shown_to_first for v in alike], at_most=ALPHA),
        promise("intervals that contain 0", [v.covered for v in alike], at_least=1 - ALPHA),
    ]
    effect = smallest_detectable_difference(1.0, design.seeds, alpha=ALPHA, num_tests=len(design.pairs), power=POWER)
    if not math.isfinite(effect):
        lines.append(f"\nA/B: {design.seeds} seeds cannot show any difference in {len(design.pairs)} comparisons.")
    else:
        merit, difference = merit_of(design, effect)
        differing = [judge(design, merit, difference, suites + seed) for seed in range(suites)]
        false = [any(shown for pair, shown in v.shown.items() if pair[0] > 0) for v in differing]
        lines += [
            "",
            f"A/B, the first variant is better by {100 * difference:.2f} points, {effect:.2f} deviations over seeds",
            promise("suites that show it to the second", [v.shown[0, 1] for v in differing], at_least=POWER),
            promise("suites with a false discovery among the others", false, at_most=ALPHA),
            promise("intervals that contain the difference", [v.covered for v in differing], at_least=1 - ALPHA),
        ]
    return lines, not any("NOT KEPT" in line for line in lines)


def promise(name: str, seen: list[bool], *, at_most: float = 1.0, at_least: float = 0.0) -> str:
    """A share with Wilson's interval, beside what was promised; sampling error is allowed for."""
    low, high = proportion_interval(sum(seen), len(seen))
    promised = f"at most {at_most:.0%}" if at_most < 1 else f"at least {at_least:.0%}"
    verdict = "kept" if low <= at_most and high >= at_least else "NOT KEPT"
    share = f"{sum(seen)} of {len(seen)}, {sum(seen) / len(seen):.1%} ({low:.1%} … {high:.1%})"
    return f"  {name:<49}{share:<38}{promised}: {verdict}"


def judge(design: Design, merit: float, difference: float, seed: int) -> Verdict:
    """Simulate one suite, and do with it what a leaderboard does."""
    correct = simulate(design, merit, np.random.default_rng(seed))
    pairs = design.pairs
    p_values = [paired_accuracy_test(correct[one], correct[other]).p_value for one, other in pairs]
    to_first = [p for p, (one, _) in zip(p_values, pairs, strict=True) if one == 0]
    interval = pairwise_accuracy_intervals(correct[:2], num_resamples=RESAMPLES, seed=seed)[0, 1]
    return Verdict(
        shown={pair: p <= ALPHA for pair, p in zip(pairs, holm_adjusted(p_values), strict=True)},
        shown_to_first=min(holm_adjusted(to_first)) <= ALPHA,
        covered=interval.contains(difference),
    )


def simulate(design: Design, merit: float, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Correctness of one suite, (variants, seeds, images); the first variant has the merit."""
    chances = expit(logits(design.variants, design.seeds, design.images, merit, generator))
    return np.asarray(generator.random(chances.shape) < chances)


def logits(variants: int, seeds: int, images: int, merit: float, generator: np.random.Generator) -> NDArray[np.float64]:
    """Logits of a right answer, (variants, seeds, images)."""
    easiness = generator.normal(EASINESS, EASINESS_DEVIATION, size=images)
    of_seed = generator.normal(0, SEED_DEVIATION, size=(1, seeds, 1))
    own = generator.normal(0, OWN_DEVIATION, size=(variants, seeds, 1))
    return np.asarray(easiness + of_seed + own + np.where(np.arange(variants) == 0, merit, 0)[:, None, None])


def merit_of(design: Design, effect: float) -> tuple[float, float]:
    """The merit, in logits, that is so many deviations over seeds, and the difference of accuracies that it makes."""
    low, high = 0.0, 5.0
    for _ in range(20):
        merit = (low + high) / 2
        chances = expit(logits(2, PILOT_SEEDS, design.images, merit, np.random.default_rng(0)))
        differences = chances[0].mean(-1) - chances[1].mean(-1)
        variance = differences.var() + (chances * (1 - chances)).mean((1, 2)).sum() / design.images
        low, high = (low, merit) if differences.mean() >= effect * math.sqrt(variance) else (merit, high)
    return high, float(differences.mean())


if __name__ == "__main__":
    sys.exit(main())
