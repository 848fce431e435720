"""The options of `tune`."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, get_args

from cyclopts import Group, Parameter

from attnbench.cli.options import names_from
from attnbench.tune_spec import Addition, Objective, PrunerName, SamplerName

_SEARCH = Group("What is searched, and how", sort_key=0)
_STUDY = Group("Where the study lives", sort_key=4)
_FINAL = Group("What the winner is worth", sort_key=5)

ADDITIONS: tuple[Addition, ...] = get_args(Addition)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SearchOptions:
    """What a study searches; a study that goes on keeps what it was started with."""

    space: Annotated[Path | None, Parameter(group=_SEARCH)] = None
    """YAML file of the space, in place of the one that the module declares; --print-space prints one to begin with."""
    also: Annotated[str | None, Parameter(group=_SEARCH)] = None
    """What to search besides, with commas between: at and stages (where the module stands), learning_rate,
    weight_decay."""
    objective: Annotated[str | None, Parameter(group=_SEARCH)] = None
    """What is optimised: accuracy (on validation), by default alone; with latency, macs or parameters behind a comma,
    the Pareto front."""
    sampler: Annotated[SamplerName | None, Parameter(group=_SEARCH)] = None
    """How the next trial is chosen; by default tpe."""
    pruner: Annotated[PrunerName | None, Parameter(group=_SEARCH)] = None
    """How a trial is stopped early: after an epoch (median from the middle on, hyperband) or a seed (wilcoxon); by
    default median for one objective."""
    trial_seeds: Annotated[int | None, Parameter(group=_SEARCH)] = None
    """Seeds that each trial trains with; by default 1."""
    seed: Annotated[int | None, Parameter(group=_SEARCH)] = None
    """Seed of the sampler; by default 0."""
    against: Annotated[str | None, Parameter(group=_SEARCH)] = None
    """Variant that the winner is compared with; by default the published one, as near as the backbone's channels
    allow."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class StudyOptions:
    """Where a study is kept."""

    study: Annotated[str | None, Parameter(group=_STUDY)] = None
    """Name of the study; by default that of the module and the data. A study of that name is gone on with, and needs
    no other option."""
    storage: Annotated[str | None, Parameter(group=_STUDY)] = None
    """Optuna URL, for several machines: postgresql+psycopg://USER@HOST/NAME or mysql+pymysql://…; by default a SQLite
    file in the study's folder."""
    folder: Annotated[Path, Parameter(group=_STUDY)] = Path("studies")
    """Folder of all studies; each has its own there, with checkpoints, pictures and report."""
    heartbeat: Annotated[int, Parameter(group=_STUDY)] = 5
    """Seconds between two signs of life of a trial; without one for six times as long it is tried again."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FinalOptions:
    """What is trained again and tested when the search has ended."""

    final_seeds: Annotated[int | None, Parameter(group=_FINAL)] = None
    """Fresh seeds on which the winner and the default are trained again, tested and compared, 0 for no comparison; by
    default what the study was started with, or 10."""
    finalists: Annotated[int | None, Parameter(group=_FINAL)] = None
    """Of several objectives, trials of the Pareto front that are trained again; by default what the study was started
    with, or 3."""
    store: Annotated[Path, Parameter(group=_FINAL)] = Path("records")
    """Folder of the records of these runs."""


def objectives_from(text: str | None) -> tuple[Objective, ...]:
    """The objectives in a list with commas between; accuracy where there is none.

    Raises:
        SpecError: If one is unknown.
    """
    allowed: tuple[Objective, ...] = get_args(Objective)
    named = names_from(text, allowed, option="--objective")
    return tuple(objective for name in named for objective in allowed if objective == name) or ("accuracy",)


def is_given(options: object) -> bool:
    """Whether any option of a group differs from its default."""
    return any(getattr(options, field.name) != field.default for field in fields(options))  # type: ignore[arg-type]
