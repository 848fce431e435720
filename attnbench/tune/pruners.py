"""Optuna's pruners by name."""

from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, WilcoxonPruner

from attnbench.tune.experimental import experimental
from attnbench.tune_spec import TuneSpec


def make_pruner(spec: TuneSpec) -> BasePruner:
    """The pruner that a study asks for; a step is an epoch, counted over all seeds of a trial, or a seed."""
    if spec.pruner == "median":
        return MedianPruner()
    if spec.pruner == "hyperband":
        return HyperbandPruner(max_resource=max(2, spec.run.recipe.epochs * len(spec.seeds)))
    if spec.pruner == "wilcoxon":
        with experimental():
            return WilcoxonPruner()
    return NopPruner()
