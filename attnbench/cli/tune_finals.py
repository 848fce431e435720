"""The end of `tune`: the contenders trained again on fresh seeds, and the report with its pictures."""

import sys
from collections.abc import Sequence
from pathlib import Path

from optuna.study import Study
from rich.console import Console
from rich.markup import escape

from attnbench.cli.display import SuiteDisplay
from attnbench.errors import MissingDependencyError
from attnbench.record import Record, Store
from attnbench.report.study import compare_finals, render_study, render_study_page, trials_csv
from attnbench.study import Contender, Final, StudySummary
from attnbench.suite import Failure, expand, missing_runs, run_suite
from attnbench.training import resolve_device
from attnbench.tune.finals import final_suites, records_of
from attnbench.tune.pictures import draw_pictures
from attnbench.tune_spec import TuneSpec
from attnbench.workers import default_num_workers, open_executor


def train_finals(
    entered: Sequence[Contender],
    spec: TuneSpec,
    store: Store,
    console: Console,
    *,
    num_seeds: int,
    num_workers: int | None,
) -> tuple[list[Final], int]:
    """Train and test the contenders where the store has no record of them yet.

    Returns:
        Their records, and how many runs failed.
    """
    suites = final_suites(entered, num_seeds=num_seeds, imports=spec.imports)
    specs = [run for suite in suites for run in expand(suite)]
    missing = missing_runs(specs, store)
    has_gpu = resolve_device(spec.run.compute).type == "cuda"
    workers = num_workers or default_num_workers(spec.run.compute, has_gpu=has_gpu, num_runs=len(missing))
    console.print(
        f"The winner and the default are trained on {num_seeds} fresh seeds and tested:"
        if len(entered) > 1
        else f"The default won; it is trained on {num_seeds} fresh seeds and tested:",
        highlight=False,
    )
    display = SuiteDisplay(console, missing, num_recorded=len(specs) - len(missing))
    records: list[Record] = []
    failures: list[Failure] = []
    with display, open_executor(workers, imports=spec.imports, on_progress=display.on_progress) as executor:
        for suite in suites:
            result = run_suite(suite, store, executor=executor, on_finished=display.on_finished)
            records += result.records
            failures += result.failures
    for failure in failures:
        print(f"failed: {failure.spec.attention} seed {failure.spec.seed}: {failure.reason}", file=sys.stderr)
    finals = [Final(contender=contender, records=records_of(contender, records)) for contender in entered]
    return finals, len(failures)


def report_study(study: Study, summary: StudySummary, finals: Sequence[Final], folder: Path, console: Console) -> None:
    """Print the study with the comparison last, and write page, pictures and trials into its folder."""
    comparison = compare_finals(finals, summary) if finals else None
    pictures: dict[str, Path] = {}
    try:
        pictures = draw_pictures(study, summary, folder / "pictures")
    except MissingDependencyError as error:
        console.print(escape(f"No pictures: {error}"), highlight=False)
    folder.mkdir(parents=True, exist_ok=True)
    page = render_study_page(summary, comparison, {name: file.read_bytes() for name, file in pictures.items()})
    (folder / "study.html").write_text(page, encoding="utf-8")
    (folder / "trials.csv").write_text(trials_csv(summary), encoding="utf-8")
    console.print(
        f"Page, pictures and trials are in {escape(str(folder))}: study.html, pictures, trials.csv.", highlight=False
    )
    render_study(summary, comparison, Console())
