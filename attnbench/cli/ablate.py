"""`attnbench ablate`: one setting of a module changed, all else equal."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias, get_args

from cyclopts import Parameter
from rich.console import Console

from attnbench.cli.executor_options import ExecutorOptions, choice_from, workers_of_plan
from attnbench.cli.options import LogOptions, SpecOptions, check_log_options, log_to_from, suite_from
from attnbench.cli.output import check_output, write_report
from attnbench.cli.running import check_counts, print_dry_run_of, run_shown, say_failures
from attnbench.exit_codes import INTERRUPTED
from attnbench.record import Record, Store
from attnbench.report.ablation.ablation import Ablation, ablation
from attnbench.report.ablation.design import Design, Kind
from attnbench.spec import RunSpec, SuiteSpec
from attnbench.spec_io import to_yaml

if TYPE_CHECKING:
    from attnbench.grid import SuiteResult

Format: TypeAlias = Literal["table", "markdown", "csv", "json"]

_ATTENTION_HELP = (
    "Variant whose settings are changed, such as sge or sge:groups=4. It is the reference; settings that it does not "
    "name are lowered to what the backbone allows."
)


def ablate(
    kind: Kind,
    /,
    *,
    attention: Annotated[str, Parameter(help=_ATTENTION_HELP)],
    options: SpecOptions | None = None,
    logs: LogOptions | None = None,
    runs: ExecutorOptions | None = None,
    seeds: int | None = None,
    store: Path = Path("records"),
    plots: Path | None = None,
    format_: Annotated[Format, Parameter(name="--format")] = "table",
    output: Path | None = None,
    dry_run: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
    print_spec: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> int:
    """Change one setting of an attention module, all else equal, and print what that does to accuracy and cost.

    Each variant is compared with the baseline and with the variant that is
    given, the reference, seed by seed. The table is in the ablation's own order
    and ranks nothing. Runs are recorded as those of `attnbench leaderboard` are,
    and shared with it: the same command started again does only what is missing.

    Parameters
    ----------
    kind
        What is changed: groups, every number that divides the channels; init, the initial scale and shift of the gate;
        normalization, with and without; placement, every position of the backbone; stages, every run of stages.
    seeds
        How many seeds: 0, 1, 2 ….
    store
        Folder of the records.
    plots
        Folder for the ablation's figure, as PNG and SVG.
    format_
        A table for the terminal, a table for a page, or the values as measured.
    output
        File to write; without it the ablation is printed.
    dry_run
        List the runs, and say how many images, hours and bytes they would take; nothing is trained but a few steps
        of each variant without records, to time them.
    print_spec
        Print the suite as YAML and stop.
    """
    check_counts(seeds=seeds)
    choice = choice_from(runs)
    check_output(output, format_=format_, formats=get_args(Format), store=store)
    logs = logs or LogOptions()
    check_log_options(logs, trains_nothing={"--dry-run": dry_run, "--print-spec": print_spec})
    if plots is not None:
        _check_plots(plots)
    design, spec = _designed(kind, attention, options or SpecOptions(), seeds)
    if print_spec:
        print(to_yaml(spec), end="")
        return 0
    if dry_run:
        print_dry_run_of(spec, Store(store), workers_of_plan(choice))
        return 0
    result = run_shown(spec, Store(store), choice, log_to_from(logs))
    if result is None:
        return INTERRUPTED
    if result.records:
        _show(result, design, format_=format_, output=output, plots=plots, store=store)
    return say_failures(result)


def _designed(kind: Kind, attention: str, options: SpecOptions, seeds: int | None) -> tuple[Design, SuiteSpec]:
    suite = suite_from(None, options, attention=[attention], seeds=list(range(seeds)) if seeds is not None else None)
    with Console(stderr=True).status("Loading torch …"):
        # Here, not at the top: it takes seconds, and --help should not.
        from attnbench.ablate import ablation_suite, design_ablation

        design = design_ablation(kind, attention, suite)
    return design, ablation_suite(design, suite)


def _show(
    result: "SuiteResult[RunSpec, Record]",
    design: Design,
    *,
    format_: Format,
    output: Path | None,
    plots: Path | None,
    store: Path,
) -> None:
    found = ablation(result.records, design, result.diverged)
    if plots is not None:
        # Before the table, so that what is wrong with a plot is not lost above it.
        from attnbench.report.ablation.plots import save_ablation_figure

        for file in save_ablation_figure(found, plots):
            print(f"The figure is in {file}.", file=sys.stderr)
    if format_ == "table":
        _print_table(found, store)
    else:
        write_report(_formatted(found, format_), output)


def _print_table(found: Ablation, store: Path) -> None:
    from attnbench.report.ablation.table import ablation_table
    from attnbench.report.leaderboard.terminal import render_table

    again = f"This table again: the same command. The same runs, ranked: attnbench report {store}"
    Console().print(render_table(ablation_table(found), again=again))


def _formatted(found: Ablation, format_: Format) -> str:
    from attnbench.report.ablation.flat import ablation_csv, ablation_json
    from attnbench.report.ablation.table import ablation_table
    from attnbench.report.leaderboard.markdown import markdown

    match format_:
        case "csv":
            return ablation_csv(found)
        case "json":
            return ablation_json(found)
    return markdown(ablation_table(found))


def _check_plots(folder: Path) -> None:
    """Say that matplotlib is missing before hours of training, and not after them."""
    from attnbench.report.plots.figure import check_plot

    check_plot(folder / "ablation.png")
