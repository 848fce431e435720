"""Optuna's pruners by name."""

from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, WilcoxonPruner

from attnbench.tune.experimental import experimental
from attnbench.tune_spec import TuneSpec

_STARTUP_TRIALS = 10


def make_pruner(spec: TuneSpec) -> BasePruner:
    """The pruner that a study asks for; a step is an epoch, counted over all seeds of a trial, or a seed."""
    if spec.pruner == "median":
        # Early epochs, at a high learning rate, say who learns fast at first: what a scale or shift begins with shows
        # there, whether it matters in the end or not.
        return MedianPruner(n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=spec.run.recipe.epochs // 2)
    if spec.pruner == "hyperband":
        return HyperbandPruner(max_resource=max(2, spec.run.recipe.epochs * len(spec.seeds)))
    if spec.pruner == "wilcoxon":
        with experimental():
            return WilcoxonPruner()
    return NopPruner()
