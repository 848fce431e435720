"""A study in its storage becomes plain data for reports."""

import warnings
from collections.abc import Sequence

import optuna
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from attnbench.study import FEWEST_FOR_IMPORTANCE, Importance, StudySummary, TrialSummary
from attnbench.study import TrialState as StateName
from attnbench.tune.experimental import experimental
from attnbench.tune.objective import ATTENTION, RECIPE, SAME_AS
from attnbench.tune.proposal import as_tried
from attnbench.tune.retrying import REASON, awaits_retry, retries
from attnbench.tune.study import counted
from attnbench.tune_spec import TuneSpec

_STATES: dict[TrialState, StateName] = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


def summarise(study: Study, spec: TuneSpec, *, storage: str) -> StudySummary:
    """What a study gave so far.

    Args:
        study: The study.
        spec: Its spec.
        storage: URL of its storage, without a password.
    """
    trials = counted(study.get_trials(deepcopy=False))
    return StudySummary(
        name=study.study_name,
        storage=storage,
        spec=spec,
        trials=tuple(trial_summary(trial, spec) for trial in trials),
        best=best_numbers(study, spec),
        importances=_importances(study, trials, spec),
    )


def trial_summary(trial: FrozenTrial, spec: TuneSpec) -> TrialSummary:
    """One trial of a study."""
    state = "waiting" if awaits_retry(trial) else _STATES[trial.state]
    return TrialSummary(
        number=trial.number,
        state=state,
        settings={name: as_tried(value, spec.space[name]) for name, value in trial.params.items()},
        attention=trial.user_attrs.get(ATTENTION, ""),
        recipe=trial.user_attrs.get(RECIPE, {}),
        values=tuple(trial.values) if trial.state == TrialState.COMPLETE else (),
        curve=tuple(sorted(trial.intermediate_values.items())),
        seconds=trial.duration.total_seconds() if trial.duration is not None else None,
        reason=trial.user_attrs.get(REASON, "its worker died each time") if state == "failed" else "",
        same_as=trial.user_attrs.get(SAME_AS),
        num_attempts=len(retries(trial)) + 1,
    )


def best_numbers(study: Study, spec: TuneSpec) -> tuple[int, ...]:
    """Number of the best trial, or those of the Pareto front, most accurate first; empty where none is complete."""
    if len(spec.objectives) == 1:
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        # Of equal trials the first.
        return tuple(trial.number for trial in sorted(complete, key=lambda trial: -trial.values[0])[:1])
    accuracy = spec.objectives.index("accuracy")
    return tuple(trial.number for trial in sorted(study.best_trials, key=lambda trial: -trial.values[accuracy]))


def _importances(study: Study, trials: Sequence[FrozenTrial], spec: TuneSpec) -> tuple[Importance, ...]:
    """By two methods, which can rank settings very differently."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    accuracy = spec.objectives.index("accuracy")
    # Where all trials are equal there is nothing to explain.
    if len(complete) < FEWEST_FOR_IMPORTANCE or len({trial.values[accuracy] for trial in complete}) == 1:
        return ()
    by_variance = optuna.importance.get_param_importances(
        study, evaluator=FanovaImportanceEvaluator(seed=0), target=lambda trial: trial.values[accuracy]
    )
    with experimental(), warnings.catch_warnings():
        # It asks what sets the lowest values apart, which the sign makes the most accurate; it warns that it does.
        warnings.filterwarnings("ignore", message="PedAnovaImportanceEvaluator computes")
        by_best = optuna.importance.get_param_importances(
            study, evaluator=PedAnovaImportanceEvaluator(), target=lambda trial: -trial.values[accuracy]
        )
    return (Importance(method="fANOVA", shares=dict(by_variance)), Importance(method="PED-ANOVA", shares=dict(by_best)))
