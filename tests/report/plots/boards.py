"""Leaderboards with noise like that of real ones, and what their figures say."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from attnbench.record import Record
from attnbench.report.leaderboard.board import Leaderboard, leaderboard
from attnbench.report.plots.variants import board_styles
from attnbench.spec import Recipe
from tests.records import make_record

SHORT = ("none", "sge", "se", "sk", "bam", "cbam", "ge")
MANY = (*SHORT, "eca", "simam", "srm", "gct", "fca", "lct", "coordatt", "triplet", "lka", "lsk", "gc", "ema", "sa",
        "dca", "psa", "aa", "nl", "cc")  # fmt: skip
LONG = ("none", "ge:extent=8,parametric=false,stages=3,4", "se:reduction=8,stages=3,4", "bam", "sge:groups=32")


def noisy_records(
    names: Sequence[str] = SHORT, *, num_seeds: int = 3, num_epochs: int = 6, baseline: str = "none"
) -> list[Record]:
    """Records of variants about 85 %, each with its own curve and its own times."""
    generator = np.random.default_rng(0)
    records = []
    for name in names:
        top1, pace = generator.normal(85, 0.5), generator.uniform(0.5, 2.0)
        fields: dict[str, Any] = {
            "parameters": int(generator.integers(270_000, 280_000)),
            "macs": int(generator.integers(41_000_000, 42_000_000)),
            "baseline": baseline,
            "recipe": Recipe(epochs=num_epochs),
            "baseline_forward_ms": (8.0, 9.0, 10.0),
            "forward_ms": tuple(pace * ms for ms in (8.8, 9.0, 9.2)),
        }
        for seed in range(num_seeds):
            record = make_record(name, seed, round(float(top1 + 0.2 * generator.normal()), 2), **fields)
            curve = [
                replace(point, validation_top1_percent=85 * (1 - 0.5**point.epoch) + float(generator.normal()))
                for point in record.curve
            ]
            records.append(replace(record, curve=tuple(curve)))
    return records


@cache
def noisy_board(names: tuple[str, ...] = SHORT, **fields: Any) -> Leaderboard:
    """The leaderboard of such records."""
    return leaderboard(noisy_records(names, **fields))


def far_board(*tops: float, num_seeds: int = 8) -> Leaderboard:
    """Variants v0, v1, … at given percentages, with 0.01 points more for each seed; v0 is the baseline."""
    return leaderboard(
        make_record(f"v{number}", seed, top1 + seed / 100, baseline="v0")
        for number, top1 in enumerate(tops)
        for seed in range(num_seeds)
    )


def caption(figure: Figure) -> str:
    """What stands below a figure, on one line."""
    return " ".join(figure.texts[1].get_text().split())


def colours(board: Leaderboard) -> dict[str, str]:
    """The colour of each variant."""
    return {variant: style.colour for variant, style in board_styles(board).items()}
