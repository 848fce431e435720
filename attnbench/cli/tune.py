"""`attnbench tune`: search what a module exposes, and say what the winner is worth."""

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape

from attnbench.cli.options import SpecOptions, suite_from
from attnbench.cli.tune_options import (
    ADDITIONS,
    FinalOptions,
    SearchOptions,
    StudyOptions,
    is_given,
    names_from,
    objectives_from,
)
from attnbench.errors import SpecError
from attnbench.record import Store
from attnbench.space_io import read_space, space_to_yaml
from attnbench.tune_spec import TuneSpec, grid_size
from attnbench.variant import Variant

if TYPE_CHECKING:
    from optuna.study import Study

_ATTENTION_HELP = "Variant to tune, such as sge or se; settings that it names, as in sge:groups=8, are fixed."
_DEFAULT_TRIALS = 40


def tune(
    *,
    attention: Annotated[str | None, Parameter(help=_ATTENTION_HELP)] = None,
    searched: SearchOptions | None = None,
    options: SpecOptions | None = None,
    where: StudyOptions | None = None,
    final: FinalOptions | None = None,
    trials: int | None = None,
    timeout: float | None = None,
    workers: int | None = None,
    print_space: Annotated[bool, Parameter(negative=(), show_default=False)] = False,
) -> int:
    """Search the settings that a module exposes, and compare the winner with the published default.

    Trials are scored on the validation split. Then the winner and the default
    are trained again on fresh seeds and compared on the test split, which the
    search has not seen. Every trial is in the storage as it ends; the same
    command started again, or `attnbench tune --study NAME`, goes on, and so do
    further workers on other machines with the same --storage.

    Parameters
    ----------
    trials
        Trials that the study is to have in the end, those of earlier calls and other machines included; by default 40,
        or with the grid sampler all there are.
    timeout
        Seconds after which no further trial is begun.
    workers
        Trials at once, each in a process of its own; by default one a CPU core, or one for a GPU.
    print_space
        Print the space as YAML and stop.
    """
    _check_numbers(trials=trials, workers=workers, trial_seeds=searched.trial_seeds if searched else None)
    searched, options = searched or SearchOptions(), options or SpecOptions()
    where, final = where or StudyOptions(), final or FinalOptions()
    if final.final_seeds < 0 or final.finalists < 1 or where.heartbeat < 1:
        raise SpecError(
            "final_seeds must be at least 0, finalists and heartbeat at least 1; got "
            f"final_seeds={final.final_seeds}, finalists={final.finalists}, heartbeat={where.heartbeat}"
        )
    goes_on = where.study is not None and attention is None and not is_given(searched) and not is_given(options)
    console = Console(stderr=True)
    with console.status("Loading torch and the data …"):
        spec = None if goes_on else _spec(attention or "sge", searched, options)
        if print_space:
            if spec is None:
                raise SpecError("--print-space prints the space of a new study; got --study alone")
            print(space_to_yaml(spec.space), end="")
            return 0
        opened = _open(spec, where)
    return _run(opened, where, final, console, trials=trials, timeout=timeout, workers=workers)


@dataclass(frozen=True, kw_only=True)
class _Opened:
    """A study, and where it lives."""

    study: "Study"
    spec: TuneSpec
    name: str
    url: str
    folder: Path


def _check_numbers(**numbers: int | None) -> None:
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise SpecError(f"{name} must be at least 1; got {name}={number}")


def _spec(attention: str, searched: SearchOptions, options: SpecOptions) -> TuneSpec:
    # Here, not at the top: torch takes seconds to import, and --help should not.
    from attnbench.tune.setup import Search, check_spec, make_spec

    spec = make_spec(
        suite_from(None, options, attention=[attention]),
        attention,
        Search(
            space=read_space(searched.space) if searched.space is not None else None,
            also=names_from(searched.also, ADDITIONS, option="--also"),  # type: ignore[arg-type]
            against=searched.against,
            objectives=objectives_from(searched.objective),
            sampler=searched.sampler or "tpe",
            pruner=searched.pruner,
            num_seeds=searched.trial_seeds or 1,
            seed=searched.seed or 0,
        ),
    )
    check_spec(spec)
    return spec


def _open(spec: TuneSpec | None, where: StudyOptions) -> _Opened:
    from attnbench.plugins import import_plugin
    from attnbench.tune.storage import open_storage, sqlite_url
    from attnbench.tune.study import load_study, start_study, study_spec

    if where.study is not None:
        name = where.study
    else:
        assert spec is not None
        name = f"{Variant.parse(spec.run.attention).name}-{Variant.parse(spec.run.data).name}"
    folder = where.folder / name
    url = where.storage or sqlite_url(folder / "study.db")
    if spec is None and where.storage is None and not (folder / "study.db").exists():
        raise SpecError(f"there is no study {name!r} in {where.folder}; name what to tune with --attention")
    storage = open_storage(url, heartbeat_s=where.heartbeat)
    if spec is None:
        spec = study_spec(storage, name)
        for module in spec.imports:
            import_plugin(module)
        study = load_study(storage, name, spec, seed=spec.search_seed)
    else:
        study = start_study(storage, name, spec)
    return _Opened(study=study, spec=spec, name=name, url=url, folder=folder)


def _run(
    opened: _Opened,
    where: StudyOptions,
    final: FinalOptions,
    console: Console,
    *,
    trials: int | None,
    timeout: float | None,
    workers: int | None,
) -> int:
    from attnbench.cli.tune_finals import report_study, train_finals
    from attnbench.tune.finals import contenders
    from attnbench.tune.storage import shown_url
    from attnbench.tune.summary import summarise

    shown = shown_url(opened.url)
    try:
        _search(opened, where, console, num_trials=_wanted(opened.spec, trials), timeout=timeout, workers=workers)
        summary = summarise(opened.study, opened.spec, storage=shown)
        finals, num_failed = (
            train_finals(
                contenders(summary, most=final.finalists),
                opened.spec,
                Store(final.store),
                console,
                num_seeds=final.final_seeds,
                num_workers=workers,
            )
            if final.final_seeds and summary.best
            else ([], 0)
        )
    except KeyboardInterrupt:
        go_on = ["attnbench", "tune", "--study", opened.name]
        go_on += ["--storage", shown] if where.storage else []
        go_on += ["--folder", str(where.folder)] if where.folder != StudyOptions.folder else []
        console.print(
            f"\nInterrupted. What has ended is in {escape(shown)}, and a trial that was in work goes on from its last "
            f"epoch: {escape(shlex.join(go_on))}",
            highlight=False,
        )
        return 130
    report_study(opened.study, summary, finals, opened.folder, console)
    return 1 if num_failed or (summary.trials and not summary.best) else 0


def _wanted(spec: TuneSpec, trials: int | None) -> int:
    if spec.sampler != "grid":
        return trials or _DEFAULT_TRIALS
    return min(trials or grid_size(spec.space), grid_size(spec.space))


def _search(
    opened: _Opened,
    where: StudyOptions,
    console: Console,
    *,
    num_trials: int,
    timeout: float | None,
    workers: int | None,
) -> None:
    from attnbench.cli.tune_display import TuneDisplay
    from attnbench.training import resolve_device
    from attnbench.tune.session import search
    from attnbench.tune.study import counts
    from attnbench.tune.summary import summarise
    from attnbench.tune.worker import Work
    from attnbench.workers import default_num_workers

    ended = counts(opened.study).ended
    if ended >= num_trials:
        console.print(f"All {ended} trials of {opened.name} have ended already.", highlight=False, markup=False)
        return
    before = summarise(opened.study, opened.spec, storage="")
    accuracy = opened.spec.objectives.index("accuracy")
    has_gpu = resolve_device(opened.spec.run.compute).type == "cuda"
    num_workers = workers or default_num_workers(opened.spec.run.compute, has_gpu=has_gpu, num_runs=num_trials - ended)
    display = TuneDisplay(
        console,
        opened.spec,
        num_trials=num_trials,
        num_ended=ended,
        best=before.trial(before.best[0]).values[accuracy] if before.best else None,
    )
    task = Work(
        storage=opened.url,
        study=opened.name,
        num_trials=num_trials,
        checkpoints=opened.folder / "checkpoints",
        deadline=None if timeout is None else time.time() + timeout,
        heartbeat_s=where.heartbeat,
    )
    with display:
        search(
            opened.study,
            task,
            num_workers=num_workers,
            imports=opened.spec.imports,
            on_trial=display.on_trial,
            on_death=display.on_death,
        )
