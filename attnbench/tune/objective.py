"""One trial: trained on each of the study's seeds, scored on the validation split, stopped early or not."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median

import optuna
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, Trial, TrialState

from attnbench.errors import AttnBenchError
from attnbench.record import Epoch
from attnbench.resuming import remove_state
from attnbench.spec import RunSpec, digest
from attnbench.tune.proposal import applied, propose, recipe_fields
from attnbench.tune.retrying import REASON
from attnbench.tune.states import state_file
from attnbench.tune.study import first_attempt
from attnbench.tune_spec import Objective, TuneSpec
from attnbench.validating import Validated, validate_spec

ATTENTION = "attention"
"""User attribute of a trial: the variant that is trained."""
RECIPE = "recipe"
"""User attribute of a trial: the searched fields of the recipe, as they are trained."""
RUNS = "runs"
"""User attribute of a trial: what each of its seeds gave so far, `SeedResult`s as dictionaries."""
SAME_AS = "same_as"
"""User attribute of a trial: number of the complete trial of the same settings whose results it has taken over."""


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """What one seed of a trial gave, in plain numbers, which the storage keeps."""

    digest: str
    """Digest of the run's spec, seed included."""
    validation_top1_percent: float
    """Of the epoch that is selected."""
    curve: tuple[float, ...]
    """Validation top-1 after each epoch, percent."""
    train_s: float
    """Seconds of training and validation; of a resumed training, since it was resumed."""
    parameters: int
    """Trainable parameters."""
    macs: int
    """Multiply-accumulates of one image."""
    latency_ratio: float | None
    """Median time of a forward pass over that of the baseline's pass beside it; none where it is no objective."""


def try_settings(trial: Trial, spec: TuneSpec, *, checkpoints: Path) -> list[float]:
    """Train what the sampler proposes, and return a value for each objective.

    What was done before a worker died is not done again: seeds that are in the storage stay, and the one in work goes
    on from its last whole epoch.

    Args:
        trial: Optuna's.
        spec: The study's.
        checkpoints: Folder of the states of unfinished trainings.

    Raises:
        optuna.TrialPruned: If the pruner stops it.
        Exception: Whatever ends a training; its reason is in the trial by then.
    """
    states: list[Path] = []
    try:
        proposal = propose(trial, spec.space)
        run = applied(spec.run, proposal)
        trial.set_user_attr(ATTENTION, run.attention)
        trial.set_user_attr(RECIPE, recipe_fields(proposal))
        runs = [replace(run, seed=seed) for seed in spec.seeds]
        states = [state_file(checkpoints, first_attempt(_frozen(trial)), run) for run in runs]
        results = _taken_over(trial, runs) or _trained(trial, spec, runs, states)
    except (KeyboardInterrupt, StorageInternalError):
        raise  # the states are what the trial goes on from
    except Exception as error:
        if not isinstance(error, optuna.TrialPruned):
            trial.set_user_attr(REASON, _reason(error))
        _clear(states)
        raise
    _clear(states)
    return [_VALUES[objective](results) for objective in spec.objectives]


_VALUES: dict[Objective, Callable[[Sequence[SeedResult]], float]] = {
    "accuracy": lambda results: fmean(result.validation_top1_percent for result in results),
    "latency": lambda results: median(result.latency_ratio for result in results if result.latency_ratio is not None),
    "macs": lambda results: float(results[0].macs),
    "parameters": lambda results: float(results[0].parameters),
}


def _trained(trial: Trial, spec: TuneSpec, runs: Sequence[RunSpec], states: Sequence[Path]) -> list[SeedResult]:
    results = results_of(_frozen(trial))
    report = _Report(trial, spec)
    for result in results:
        report.seed_before(result)
    for run, state in list(zip(runs, states, strict=True))[len(results) :]:
        validated = validate_spec(run, on_epoch=report.epoch, resume=state, is_timed="latency" in spec.objectives)
        results.append(_result(run, validated))
        trial.set_user_attr(RUNS, [asdict(result) for result in results])
        report.seed(results[-1])
    return results


class _Report:
    """Tells the pruner of epochs, or of whole seeds, and ends a trial that it does not like."""

    def __init__(self, trial: Trial, spec: TuneSpec) -> None:
        self.trial = trial
        self.is_of_epochs = len(spec.objectives) == 1 and spec.pruner != "wilcoxon"
        self.is_of_seeds = spec.pruner == "wilcoxon"
        self.num_epochs = spec.run.recipe.epochs
        self.num_seeds = len(spec.seeds)
        self.seeds_done = 0

    def epoch(self, point: Epoch) -> None:
        if self.is_of_epochs:
            step = self.seeds_done * self.num_epochs + point.epoch
            is_last = step == self.num_seeds * self.num_epochs
            self._tell(step, point.validation_top1_percent, may_end=not is_last)

    def seed(self, result: SeedResult, *, may_end: bool = True) -> None:
        self.seeds_done += 1
        if self.is_of_seeds:
            may_end = may_end and self.seeds_done < self.num_seeds
            self._tell(self.seeds_done, result.validation_top1_percent, may_end=may_end)

    def seed_before(self, result: SeedResult) -> None:
        """A seed that an earlier attempt of this trial was through with."""
        if self.is_of_epochs:
            for epoch, top1_percent in enumerate(result.curve, start=1):
                self._tell(self.seeds_done * self.num_epochs + epoch, top1_percent, may_end=False)
        self.seed(result, may_end=False)

    def _tell(self, step: int, top1_percent: float, *, may_end: bool) -> None:
        self.trial.report(top1_percent, step)
        # What is trained to the end has a value, whatever the pruner thinks of it.
        if may_end and self.trial.should_prune():
            raise optuna.TrialPruned


def results_of(trial: FrozenTrial) -> list[SeedResult]:
    """What the seeds of a trial gave so far."""
    return [SeedResult(**{**result, "curve": tuple(result["curve"])}) for result in trial.user_attrs.get(RUNS, [])]


def _taken_over(trial: Trial, runs: Sequence[RunSpec]) -> list[SeedResult] | None:
    """Results of a complete trial of the same settings, which training again would give bit for bit."""
    wanted = [digest(run) for run in runs]
    for other in trial.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        results = results_of(other)
        if [result.digest for result in results] == wanted:
            trial.set_user_attr(RUNS, other.user_attrs[RUNS])
            trial.set_user_attr(SAME_AS, other.user_attrs.get(SAME_AS, other.number))
            return results
    return None


def _result(run: RunSpec, validated: Validated) -> SeedResult:
    passes = zip(validated.forward_ms, validated.baseline_forward_ms, strict=True)
    ratios = [ms / baseline_ms for ms, baseline_ms in passes]
    return SeedResult(
        digest=digest(run),
        validation_top1_percent=validated.fitted.selected.validation_top1_percent,
        curve=tuple(point.validation_top1_percent for point in validated.fitted.curve),
        train_s=validated.fitted.train_s,
        parameters=validated.parameters,
        macs=validated.macs,
        latency_ratio=median(ratios) if ratios else None,
    )


def _frozen(trial: Trial) -> FrozenTrial:
    return trial.study.get_trials(deepcopy=False)[trial.number]


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, AttnBenchError) else f"{type(error).__name__}: {text}"


def _clear(states: Sequence[Path]) -> None:
    for state in states:
        remove_state(state)
