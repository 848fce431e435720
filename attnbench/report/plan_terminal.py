"""A plan as text for a terminal or a pipe."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text

from attnbench.report.machines import Machine, machine_line
from attnbench.report.numbers import duration, listed, plural, unsigned_number
from attnbench.report.plan import MOST_SEEDS, Deviation, Plan, same_hardware
from attnbench.report.text import shown

UNKNOWN_NOISE = (
    "No two seeds of a variant are shared with the baseline and differ, so nothing is known of the noise over seeds; "
    "train at least two seeds of each variant first, better five."
)


def render_plan(plan: Plan, *, num_workers: int = 1, here: Machine | None = None) -> RenderableType:
    """A plan for rich's `Console.print`, in the width and the characters that the console has.

    Args:
        plan: The plan.
        num_workers: Runs at once.
        here: This machine, to say whether the records come from it; none says nothing.
    """
    return _Rendering(plan, num_workers, here)


@dataclass(frozen=True)
class _Rendering:
    plan: Plan
    num_workers: int
    here: Machine | None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        ascii_only = options.ascii_only
        plan = self.plan
        yield shown(f"{plan.spec.backbone} on {plan.spec.data}", ascii_only, style="bold")
        if plan.deviation is None:
            yield shown(UNKNOWN_NOISE, ascii_only)
            return
        for line in _noise(plan, plan.deviation):
            yield shown(line, ascii_only)
        yield Text()
        yield _table(plan, self.num_workers, ascii_only=ascii_only)
        yield Text()
        for line in [*_reading(plan), *_costs(plan, self.num_workers, self.here)]:
            yield shown(line, ascii_only)


def _noise(plan: Plan, deviation: Deviation) -> Sequence[str]:
    own = [
        f"{name} {unsigned_number(points)} ({plural(seeds, 'seed')})"
        for name, (points, seeds) in deviation.by_variant.items()
    ]
    spread, low, high = map(unsigned_number, deviation.ends)
    lines = [
        f"Over seeds the difference to the baseline {plan.spec.baseline} has a standard deviation of "
        f"{spread} points, 95 % interval {low}–{high}: its variance is the "
        f"mean over the variants, weighted by their seeds less one; chi-square of {deviation.degrees:.1f} degrees of "
        "freedom, fewer than the runs because all share the baseline's.",
        f"Each variant's own: {listed(own)}.",
    ]
    if deviation.left_out:
        lines.append(
            f"Equal to the baseline on every shared seed, which tells nothing of the noise, and so left out: "
            f"{listed(list(deviation.left_out))}."
        )
    return lines


def _table(plan: Plan, num_workers: int, *, ascii_only: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column(shown("Δ top-1\npoints", ascii_only), justify="right", no_wrap=True)
    table.add_column("compared", overflow="fold")
    for header in ("seeds of\neach variant", "further\nruns", "time"):
        table.add_column(header, justify="right", no_wrap=True)
    before = None
    for design in plan.designs:
        if before is not None and before not in (design.difference, design.num_seeds):
            table.add_section()
        wall_s = plan.wall_s(design, num_workers)
        cells = [
            _three([_points(value) for value in design.difference]),
            f"{design.family} ({design.num_tests})",
            _three([_seeds(value) for value in design.num_seeds]),
            "–" if design.further_runs is None else f"{design.further_runs:,}",
            "–" if wall_s is None else duration(wall_s),
        ]
        table.add_row(*(shown(cell, ascii_only) for cell in cells))
    return table


def _reading(plan: Plan) -> Sequence[str]:
    lines = [
        "In brackets: the same for both ends of the deviation's interval. A true difference of Δ is shown with "
        f"{100 * plan.power:g} % probability by the permutation test over seeds, at the level {plan.alpha:g} corrected "
        "by the first step of Holm's procedure for the number of comparisons that stands in brackets. The same "
        "deviation is taken for every pair."
    ]
    few = plan.deviation is not None and plan.deviation.high > 2 * plan.deviation.low
    if few:
        lines.append(
            "A deviation from few seeds is badly known: plan for the upper number, or train some seeds and plan again."
        )
    if plan.diverged:
        lost = [f"{seeds.name} ({plural(len(seeds.runs), 'run')})" for seeds in plan.diverged]
        lines.append(f"Runs that diverged count as no seeds, and further ones may diverge as well: {listed(lost)}.")
    return lines


def _costs(plan: Plan, num_workers: int, here: Machine | None) -> Sequence[str]:
    workers = "one run" if num_workers == 1 else f"{num_workers} runs"
    shortest, longest = (duration(extreme(plan.run_s.values())) for extreme in (min, max))
    span = shortest if shortest == longest else f"{shortest} to {longest}"
    lines = [f"Time: the median of each variant's records for each further run ({span}), {workers} at a time."]
    if len({(m.device, m.processor, m.threads, m.precision) for m in plan.machines}) > 1:
        lines.append("The records come from several machines, so the time is none's in particular:")
        lines += [f"  {plural(machine.num_records, 'run')}: {machine_line(machine)}" for machine in plan.machines]
    elif here is not None and not same_hardware(plan.machines[0], here):
        lines.append(
            f"The records come from another machine than this one, which may be faster or slower: "
            f"{machine_line(plan.machines[0])}."
        )
    return lines


def _points(value: float) -> str:
    if math.isinf(value):
        return "no Δ"
    whole, point, decimals = unsigned_number(value).partition(".")
    return f"{whole}{point}{decimals.rstrip('0')}".rstrip(".")


def _seeds(value: int | None) -> str:
    return f">{MOST_SEEDS:,}" if value is None else f"{value:,}"


def _three(texts: Sequence[str]) -> str:
    value, low, high = texts
    return value if low == value == high else f"{value} ({low}–{high})"
