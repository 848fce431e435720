"""The end of `tune`: the contenders trained again on fresh seeds, and the report with its pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optuna.study import Study
from rich.console import Console
from rich.markup import escape

from attnbench.cli.running import run_shown, say_failures
from attnbench.diverged_record import AnyDivergedRun
from attnbench.errors import MissingDependencyError, StoreError
from attnbench.executors.choice import Choice
from attnbench.record import Record, Store
from attnbench.report.numbers import plural
from attnbench.report.study import compare_finals, recipe_changes, render_study, render_study_page, trials_csv
from attnbench.store import write_whole
from attnbench.study import Final, StudySummary
from attnbench.tune.finals import contenders, final_suites, records_of
from attnbench.tune.pictures import draw_pictures
from attnbench.tune.wanted import Wanted


@dataclass(frozen=True, kw_only=True)
class TrainedFinals:
    """The contenders of a study, trained again."""

    finals: tuple[Final, ...]
    """Each with its records and its runs that diverged."""
    num_failed: int
    """Runs that gave none."""


def train_finals(
    summary: StudySummary, wanted: Wanted, store: Store, console: Console, *, workers: int | None
) -> TrainedFinals | None:
    """Train and test the contenders where the store has no record of them yet; none after Ctrl-C."""
    entered = contenders(summary, most=wanted.finalists)
    names = "The default, which won," if len(entered) == 1 else plural(len(entered), "contender")
    console.print(f"{names} on {plural(wanted.final_seeds, 'fresh seed')}, tested:", highlight=False)
    records: list[Record] = []
    diverged: list[AnyDivergedRun] = []
    num_failed = 0
    for suite in final_suites(entered, num_seeds=wanted.final_seeds, imports=summary.spec.imports):
        changed = recipe_changes(suite.recipe, summary.spec.run.recipe)
        console.print(f"With {' and '.join(changed)}:" if changed else "With the recipe as it is:", highlight=False)
        result = run_shown(suite, store, Choice(workers=workers), None)
        if result is None:
            return None
        say_failures(result)
        records += result.records
        diverged += result.diverged
        num_failed += len(result.failures)
    finals = tuple(
        Final(contender=it, records=records_of(it, records), diverged=records_of(it, diverged)) for it in entered
    )
    return TrainedFinals(finals=finals, num_failed=num_failed)


def report_study(study: Study, summary: StudySummary, finals: Sequence[Final], folder: Path, console: Console) -> None:
    """Write page, pictures and trials into the study's folder, and print the study with the comparison last.

    Raises:
        StoreError: If a file cannot be written.
    """
    comparison = compare_finals(finals, summary) if finals else None
    pictures: dict[str, Path] = {}
    try:
        pictures = draw_pictures(study, summary, folder / "pictures")
    except MissingDependencyError as error:
        console.print(escape(f"No pictures: {error}"), highlight=False)
    page = render_study_page(summary, comparison, {name: file.read_bytes() for name, file in pictures.items()})
    for name, text in {"study.html": page, "trials.csv": trials_csv(summary)}.items():
        try:
            write_whole(folder / name, text.encode("utf-8"))
        except OSError as error:
            raise StoreError(f"cannot write {folder / name}: {error.strerror or error}") from error
    console.print(
        f"Page, pictures and trials are in {escape(str(folder))}: study.html, pictures, trials.csv.", highlight=False
    )
    render_study(summary, comparison, Console())
