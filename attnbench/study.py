"""What a study gave, as plain data: what reports are drawn from, whatever storage the trials are in."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from attnbench.diverged_record import AnyDivergedRun
from attnbench.record import Record
from attnbench.spec import RunSpec
from attnbench.tune_spec import TuneSpec

TrialState: TypeAlias = Literal["complete", "pruned", "failed", "running", "waiting"]
"""`pruned`: stopped early. `failed`: ended without a value. `waiting`: lost with its worker, and to be tried again."""


@dataclass(frozen=True, kw_only=True)
class TrialSummary:
    """One trial."""

    number: int
    """Counted from 0, in the order in which they began."""
    state: TrialState
    """How it ended."""
    settings: Mapping[str, object]
    """Of each searched setting the value tried, as the sampler drew it."""
    attention: str
    """The variant that was trained; empty where it never came to that."""
    recipe: Mapping[str, float]
    """Searched fields of the recipe and their values."""
    values: tuple[float, ...]
    """One a objective, in their order; empty unless complete."""
    curve: tuple[tuple[int, float], ...]
    """Of each step that was reported its number and the validation accuracy, percent; empty with several objectives."""
    seconds: float | None
    """From beginning to end; none unless it ended."""
    reason: str = ""
    """Why it failed."""
    same_as: int | None = None
    """Number of the trial of the same settings whose values it took over, since they would be the same bits."""
    num_attempts: int = 1
    """How often it began: more than once where a worker died in it."""


FEWEST_FOR_IMPORTANCE = 10
"""Complete trials from which on the importance of a setting is estimated, and a picture tells of settings at all."""

Role: TypeAlias = Literal["default", "default with the winner's recipe", "winner", "front"]
"""What a contender of the final comparison is: `front` is a trial of the Pareto front."""


@dataclass(frozen=True, kw_only=True)
class Contender:
    """What is trained again on fresh seeds, and tested."""

    role: Role
    """What it is."""
    run: RunSpec
    """Its runs, but for the seed."""
    trial: int | None = None
    """Number of the trial that found it."""


@dataclass(frozen=True, kw_only=True)
class Final:
    """A contender's records on fresh seeds."""

    contender: Contender
    """What was trained again."""
    records: tuple[Record, ...]
    """One a seed, sorted by seed."""
    diverged: tuple[AnyDivergedRun, ...] = ()
    """Its runs that diverged, sorted by seed."""


@dataclass(frozen=True, kw_only=True)
class Importance:
    """How much of the objective's variation each setting explains, by one method; the shares sum to 1."""

    method: str
    """``fANOVA`` or ``PED-ANOVA``."""
    shares: Mapping[str, float]
    """Share by setting, largest first."""


@dataclass(frozen=True, kw_only=True)
class StudySummary:
    """One study."""

    name: str
    """Its name in the storage."""
    storage: str
    """URL of the storage, without a password."""
    spec: TuneSpec
    """What is searched."""
    trials: tuple[TrialSummary, ...]
    """Its trials by number, those left out that were lost with a worker and tried again."""
    best: tuple[int, ...]
    """Number of the best trial; of several objectives, of the Pareto front, most accurate first."""
    importances: tuple[Importance, ...] = ()
    """For the accuracy; empty where too few trials tell."""

    def of_state(self, state: TrialState) -> list[TrialSummary]:
        """The trials that ended so."""
        return [trial for trial in self.trials if trial.state == state]

    def trial(self, number: int) -> TrialSummary:
        """The trial of a number."""
        return next(trial for trial in self.trials if trial.number == number)
