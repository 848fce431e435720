"""Many leaderboards in a line each, quick enough for thousands of records: tests over seeds, and no intervals."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType

from attnbench.record import Record
from attnbench.report.columns import Column, tables
from attnbench.report.leaderboard.differences import ALPHA, counts_test
from attnbench.report.leaderboard.grouping import baseline_of, mean_top1, variants_of
from attnbench.report.leaderboard.terminal import problem_lines
from attnbench.report.numbers import plural, signed_points
from attnbench.report.text import shown
from attnbench.stats import holm_adjusted


@dataclass(frozen=True, kw_only=True)
class OverviewRow:
    """One leaderboard."""

    number: int
    """Its place among all, from 1."""
    data: str
    """Data set."""
    backbone: str
    """Network."""
    epochs: int
    """Epochs of each run."""
    num_variants: int
    """Variants, the baseline included."""
    num_seeds: int
    """Seeds that any variant has."""
    best: str
    """Variant of the highest mean top-1 accuracy."""
    best_top1_percent: float
    """Its mean."""
    best_difference: float | None
    """Percentage points of its mean above the baseline's; none without a baseline."""
    higher: int
    """Variants shown to be higher than the baseline, by a permutation test over seeds after Holm's correction."""
    lower: int
    """Variants shown to be lower."""


def overview(groups: Sequence[Sequence[Record]]) -> list[OverviewRow]:
    """A line for each group of `comparable`, in their order."""
    return [_row(number, group) for number, group in enumerate(groups, 1)]


def render_overview(
    rows: Sequence[OverviewRow], *, store: str, problems: Sequence[str] = (), num_diverged: int = 0
) -> RenderableType:
    """The overview for rich's `Console.print`.

    Args:
        rows: The leaderboards.
        store: Folder of the records, to say how to see one of them.
        problems: A sentence for each record that could not be read.
        num_diverged: Runs that diverged, which no leaderboard has.
    """
    return _Rendering(tuple(rows), store, tuple(problems), num_diverged)


@dataclass(frozen=True)
class _Rendering:
    rows: tuple[OverviewRow, ...]
    store: str
    problems: tuple[str, ...]
    num_diverged: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        ascii_only, width = options.ascii_only, options.max_width
        names = Column(
            header="leaderboard", cells=tuple(f"{row.number}  {row.backbone} on {row.data}" for row in self.rows)
        )
        yield shown(f"{plural(len(self.rows), 'leaderboard')} in {self.store}", ascii_only, style="bold")
        yield shown("", ascii_only)
        yield from tables(
            names, [[column] for column in _columns(self.rows)], bold=[False] * len(self.rows), width=width,
            ascii_only=ascii_only,
        )  # fmt: skip
        yield shown("", ascii_only)
        yield shown(
            "higher and lower count the variants that are shown to differ from the baseline, by a permutation test "
            f"over seeds at {100 * ALPHA:.0f} % after Holm's correction. Δ is the best variant's mean less the "
            "baseline's, whatever its uncertainty.",
            ascii_only,
        )
        if self.num_diverged:
            runs = f"{plural(self.num_diverged, 'run')} diverged and {'is' if self.num_diverged == 1 else 'are'}"
            yield shown(f"{runs} in no leaderboard; the table of each names its own.", ascii_only)
        yield from problem_lines(self.problems, ascii_only)
        yield shown(f"One of them: attnbench report {self.store} --board N", ascii_only)


def _columns(rows: Sequence[OverviewRow]) -> list[Column]:
    texts = [
        ("epochs", [str(row.epochs) for row in rows]),
        ("variants", [str(row.num_variants) for row in rows]),
        ("seeds", [str(row.num_seeds) for row in rows]),
        ("best", [row.best for row in rows]),
        ("top-1 %", [f"{row.best_top1_percent:.2f}" for row in rows]),
        ("Δ", ["" if row.best_difference is None else signed_points(row.best_difference) for row in rows]),
        ("higher", [str(row.higher) for row in rows]),
        ("lower", [str(row.lower) for row in rows]),
    ]
    return [Column(header=header, cells=tuple(cells)) for header, cells in texts]


def _row(number: int, records: Sequence[Record]) -> OverviewRow:
    variants, spec = variants_of(records), records[0].spec
    baseline = baseline_of(variants, spec.baseline)
    means = {name: mean_top1(members) for name, members in variants.items()}
    best = max(means, key=lambda name: means[name])
    higher, lower = _shown(variants, baseline) if baseline else (0, 0)
    return OverviewRow(
        number=number,
        data=spec.data,
        backbone=spec.backbone,
        epochs=spec.recipe.epochs,
        num_variants=len(variants),
        num_seeds=len({record.spec.seed for record in records}),
        best=best,
        best_top1_percent=means[best],
        best_difference=means[best] - means[baseline] if baseline else None,
        higher=higher,
        lower=lower,
    )


def _shown(variants: Mapping[str, Sequence[Record]], baseline: str) -> tuple[int, int]:
    """How many variants are shown to be higher than the baseline, and how many lower."""
    counts = {
        name: {record.spec.seed: record.test_correct.num_true for record in members}
        for name, members in variants.items()
    }
    others = counts.pop(baseline)
    tested = {name: counts_test(of_seeds, others) for name, of_seeds in counts.items()}
    over_seeds = {name: test for name, test in tested.items() if test is not None}
    corrected = holm_adjusted([test.p_value for test in over_seeds.values()])
    shown_names = [name for name, p_value in zip(over_seeds, corrected, strict=True) if p_value <= ALPHA]
    higher = sum(_more_right(counts[name], others) > 0 for name in shown_names)
    return higher, len(shown_names) - higher


def _more_right(counts: Mapping[int, int], others: Mapping[int, int]) -> int:
    """Right answers more than the other variant's, over the seeds that both have."""
    return sum(counts[seed] - others[seed] for seed in counts.keys() & others.keys())
