"""Optuna's samplers by name."""

from optuna.samplers import (
    BaseSampler,
    GPSampler,
    GridSampler,
    NSGAIIISampler,
    NSGAIISampler,
    RandomSampler,
    TPESampler,
)

from attnbench.space import finite_values
from attnbench.tune.experimental import experimental
from attnbench.tune.proposal import stored
from attnbench.tune_spec import TuneSpec

_POPULATION = 20


def make_sampler(spec: TuneSpec, *, seed: int) -> BaseSampler:
    """The sampler that a study asks for.

    Args:
        spec: The study.
        seed: Seed of this worker's sampler.
    """
    with experimental():
        if spec.sampler == "tpe":
            return TPESampler(seed=seed)
        if spec.sampler == "gp":
            return GPSampler(seed=seed, warn_independent_sampling=False)
        if spec.sampler == "nsga2":
            return NSGAIISampler(seed=seed, population_size=_POPULATION)
        if spec.sampler == "nsga3":
            return NSGAIIISampler(seed=seed, population_size=_POPULATION)
        if spec.sampler == "random":
            return RandomSampler(seed=seed)
        grid = {name: [stored(value) for value in finite_values(name, domain)] for name, domain in spec.space.items()}
        # Its seed orders the grid, which must be the same in all workers.
        return GridSampler(grid, seed=spec.search_seed)
