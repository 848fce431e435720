"""`attnbench efficiency`: what attention costs, counted and timed."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from attnbench.cli.efficiency_options import EfficiencyOptions, efficiency_spec
from attnbench.efficiency_record import EfficiencyRecord, EfficiencyStore
from attnbench.efficiency_spec import PHASES
from attnbench.errors import SpecError, StoreError
from attnbench.exit_codes import INTERRUPTED
from attnbench.record import Store
from attnbench.report import (
    Cost,
    RankBy,
    compare,
    efficiency_tables,
    pareto_points,
    render_comparison,
    render_efficiency,
    render_layers,
)
from attnbench.variant import Variant

_SHOWN = Group("What is shown", sort_key=4)


def efficiency(
    *,
    options: EfficiencyOptions | None = None,
    store: Annotated[Path, Parameter(group=_SHOWN)] = Path("efficiency-records"),
    show: Annotated[bool, Parameter(group=_SHOWN, negative=())] = False,
    rank_by: Annotated[RankBy, Parameter(group=_SHOWN)] = "full",
    layers: Annotated[str | None, Parameter(group=_SHOWN)] = None,
    compare_: Annotated[
        tuple[Path, Path] | None, Parameter(name="--compare", group=_SHOWN, consume_multiple=True, negative=())
    ] = None,
    plot: Annotated[Path | None, Parameter(group=_SHOWN)] = None,
    accuracy: Annotated[Path | None, Parameter(group=_SHOWN)] = None,
    cost: Annotated[Cost | None, Parameter(group=_SHOWN)] = None,
) -> int:
    """Count and time what attention modules cost, and print a table that ranks them.

    Parameters, operations in three conventions, memory traffic, inference, training and
    latency, each beside the baseline. Rows are timed in turn until their ratios to the
    baseline are known well enough. Every row is recorded with its raw samples; the same
    command started again after it was ended goes on from the last finished stage.

    Parameters
    ----------
    store
        Folder of the records.
    show
        Measure nothing: print what the store holds.
    rank_by
        What the rows are ordered by, the cheapest first.
    layers
        A variant of which every layer's operations are printed too.
    compare_
        Measure nothing: compare the second of two stores with the first, row by row.
    plot
        File for a plot of accuracy against cost, as PNG, SVG or PDF; needs --accuracy.
    accuracy
        Folder of the records of `attnbench leaderboard`, for the plot.
    cost
        What the plot's accuracy stands against; by default the latency.
    """
    if (plot is None) != (accuracy is None):
        raise SpecError("--plot FILE and --accuracy STORE go together; got only one of them")
    if cost is not None and plot is None:
        raise SpecError("--cost goes with --plot; got it alone")
    if layers is not None:
        layers = str(Variant.parse(layers))
    if options is not None and (show or compare_ is not None):
        raise SpecError("--show and --compare measure nothing, so that options of measuring do not go with them")
    if compare_ is not None:
        if show:
            raise SpecError("--show and --compare are two things; got both")
        if plot is not None:
            raise SpecError("--compare draws no plot; got --plot beside it")
        return _compare(*compare_)
    if plot is not None and accuracy is not None:
        _check_plot(plot, accuracy)
    target = EfficiencyStore(store)
    if show:
        records, problems = target.read()
        if not records:
            raise StoreError(f"{store} holds no record of an efficiency table that can be read")
    else:
        measured = _measure(options or EfficiencyOptions(), target, rank_by=rank_by, layers=layers)
        if measured is None:
            return INTERRUPTED
        records, problems = list(measured), []
    print_efficiency(records, store=store, problems=problems, rank_by=rank_by)
    if layers is not None:
        _print_layers(records, layers)
    if plot is not None and accuracy is not None:
        _plot(records, plot, accuracy, cost or "latency")
    return 1 if any(record.errors for record in records) else 0


def print_efficiency(
    records: Sequence[EfficiencyRecord], *, store: Path, problems: Sequence[str] = (), rank_by: RankBy = "full"
) -> None:
    """Print one table for each session of records."""
    console = Console()
    tables = efficiency_tables(records, rank_by=rank_by)
    for table in tables:
        last = table is tables[-1]
        console.print(render_efficiency(table, store=str(store), problems=problems if last else ()))
        if not last:
            console.print()


def _measure(
    options: EfficiencyOptions, store: EfficiencyStore, *, rank_by: RankBy, layers: str | None
) -> tuple[EfficiencyRecord, ...] | None:
    """The records, or none after Ctrl-C."""
    console = Console(stderr=True)
    with console.status("Loading torch …"):
        # Here, not at the top: torch takes seconds to import, and --help should not.
        from attnbench.efficiency import measure_efficiency

        spec = efficiency_spec(options)
        if rank_by in set(PHASES) - set(spec.effort.phases):
            raise SpecError(f"--rank-by {rank_by} needs that phase; got --phases {options.phases}")
        if layers is not None:
            _check_layers(layers, spec.attention)
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TimeElapsedColumn(),
        console=console,
        refresh_per_second=2,
        transient=True,
        disable=not console.is_terminal,
    )
    task = progress.add_task("", total=1.0)
    told: set[str] = set()

    def on_progress(stage: str, what: str, share: float) -> None:
        if stage not in told and not console.is_terminal:
            console.print(f"{stage} …", highlight=False)
        told.add(stage)
        progress.update(task, description=f"{stage}: {escape(what)}", completed=share)

    try:
        with progress:
            return measure_efficiency(spec, store, on_progress=on_progress)
    except KeyboardInterrupt:
        console.print(
            f"\nInterrupted: finished stages are kept in {escape(str(store.path))}; "
            "the same command goes on from there.",
            highlight=False,
        )
        return None


def _check_layers(variant: str, allowed: Iterable[str]) -> None:
    if variant not in allowed:
        raise SpecError(f"--layers must name a row that is counted; got {variant!r}, allowed: {', '.join(allowed)}")


def _print_layers(records: Sequence[EfficiencyRecord], variant: str) -> None:
    counted = {record.spec.attention: record for record in records if record.counts is not None}
    _check_layers(variant, counted)
    console = Console()
    console.print()
    console.print(render_layers(counted[variant]))


def _compare(first: Path, second: Path) -> int:
    records: list[list[EfficiencyRecord]] = []
    problems: list[str] = []
    for folder in (first, second):
        read, unreadable = EfficiencyStore(folder).read()
        if not read:
            raise StoreError(f"{folder} holds no record of an efficiency table that can be read")
        records.append(read)
        problems += unreadable
    Console().print(render_comparison(compare(*records), names=(str(first), str(second)), problems=problems))
    return 0


def _check_plot(file: Path, accuracy: Path) -> None:
    """What a plot lacks shows before the minutes of measuring."""
    from attnbench.report.plots.figure import check_plot

    check_plot(file)
    Store(accuracy).digests()


def _plot(records: Sequence[EfficiencyRecord], file: Path, accuracy: Path, cost: Cost) -> None:
    # Here, not at the top: most tables are made without a plot.
    from attnbench.report.plots.pareto_plot import save_plot

    points = pareto_points(records, Store(accuracy).read()[0], cost=cost)
    save_plot(points, file)
    print(f"\nThe plot is in {file}.")
    for sentence in points.left_out:
        print(sentence)
