"""What a study searches: frozen dataclasses that fix everything its trials depend on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Literal, TypeAlias, get_args

from attnbench.errors import SpecError
from attnbench.registry import did_you_mean
from attnbench.space import Choices, Divisors, Domain, finite_values
from attnbench.spec import Recipe, RunSpec

Objective: TypeAlias = Literal["accuracy", "latency", "macs", "parameters"]
"""What is optimised.

`accuracy`: top-1 accuracy on the validation split, percent, mean over a trial's seeds; as high as can be. The others
as low as can be. `latency`: time of a forward pass over that of the baseline's pass beside it, the median. `macs`:
multiply-accumulates of one image. `parameters`: trainable parameters.
"""

SamplerName: TypeAlias = Literal["tpe", "gp", "nsga2", "nsga3", "random", "grid"]
"""How the next trial is chosen; see Optuna's samplers of these names."""

PrunerName: TypeAlias = Literal["none", "median", "hyperband", "wilcoxon"]
"""How a trial that does not look well is stopped early.

`median` and `hyperband` look at the validation accuracy after each epoch, `wilcoxon` at that of each seed.
"""

Addition: TypeAlias = Literal["at", "stages", "learning_rate", "weight_decay"]
"""What is searched by option, whatever the module."""

RECIPE_PREFIX = "recipe."
"""In front of a searched field of the recipe: ``recipe.learning_rate``."""

FIRST_FRESH_SEED = 1000
"""Seeds from here on are of the final comparison, and may not be of a trial."""

WILCOXON_SEEDS = 5
"""Seeds a trial from which the Wilcoxon pruner can save any: at its level it needs four to see a difference."""


@dataclass(frozen=True, kw_only=True)
class TuneSpec:
    """One study: what its trials train, what is searched, and how."""

    run: RunSpec
    """What a trial trains, but for what is searched. Its variant holds the fixed settings."""
    space: Mapping[str, Domain]
    """What is searched, as it fits the backbone: settings of the module, `at`, `stages`, fields as ``recipe.…``."""
    default: str
    """The published default, as near as the backbone allows: what the winner is compared with."""
    objectives: tuple[Objective, ...] = ("accuracy",)
    """What is optimised; of several, the Pareto front is sought."""
    sampler: SamplerName = "tpe"
    """How the next trial is chosen."""
    pruner: PrunerName = "median"
    """How a trial is stopped early; none with several objectives."""
    seeds: tuple[int, ...] = (0,)
    """Seeds that each trial trains with, the same for all trials."""
    search_seed: int = 0
    """Seed of the sampler."""
    imports: tuple[str, ...] = ()
    """Users' files or modules to import first."""

    def __post_init__(self) -> None:
        if not self.space:
            raise SpecError("nothing is searched: the space is empty")
        check_recipe_space(self.space, self.run.recipe)
        if self.run.compute.num_ranks > 1:
            raise SpecError(
                f"a trial is trained on one device; got devices={self.run.compute.num_ranks}: take more workers instead"
            )
        if not self.objectives or len(set(self.objectives)) < len(self.objectives):
            raise SpecError(f"objectives are named once each, at least one; got {', '.join(self.objectives) or 'none'}")
        if not set(self.objectives) <= set(get_args(Objective)):
            raise SpecError(f"objectives are of {', '.join(get_args(Objective))}; got {', '.join(self.objectives)}")
        if "accuracy" not in self.objectives:
            raise SpecError(f"one objective must be accuracy; got {', '.join(self.objectives)}")
        if len(self.objectives) > 1 and self.pruner != "none":
            raise SpecError(
                f"a pruner needs a single objective; got pruner={self.pruner} with {', '.join(self.objectives)}; "
                "allowed: none"
            )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise SpecError(f"a trial needs at least one seed, each named once; got seeds={list(self.seeds)}")
        if max(self.seeds) >= FIRST_FRESH_SEED:
            raise SpecError(
                f"seeds of trials lie below {FIRST_FRESH_SEED}, from where the final comparison has its own; "
                f"got {max(self.seeds)}"
            )
        if self.pruner == "wilcoxon" and len(self.seeds) < WILCOXON_SEEDS:
            raise SpecError(
                f"the wilcoxon pruner compares seeds, and spares none below {WILCOXON_SEEDS} seeds a trial; "
                f"got {len(self.seeds)}"
            )
        if self.sampler == "grid":
            for name, domain in self.space.items():
                finite_values(name, domain)


def grid_size(space: Mapping[str, Domain]) -> int:
    """Points of the grid over a space.

    Raises:
        SpecError: If it is not finite.
    """
    size = 1
    for name, domain in space.items():
        size *= len(finite_values(name, domain))
    return size


def is_recipe_searched(spec: TuneSpec) -> bool:
    """Whether the study searches fields of the recipe, so that a winner may owe its accuracy to them."""
    return any(name.startswith(RECIPE_PREFIX) for name in spec.space)


def differences(known: TuneSpec, other: TuneSpec) -> list[str]:
    """In what two specs differ, in words: ``recipe.epochs (8, not 5)``."""
    return list(_differences(known, other, prefix=""))


def _differences(known: object, other: object, *, prefix: str) -> Iterator[str]:
    for field in fields(known):  # type: ignore[arg-type]
        one, two = getattr(known, field.name), getattr(other, field.name)
        # A run's own fields are named without it.
        name = f"{prefix}{field.name}"
        if is_dataclass(one) and is_dataclass(two):
            yield from _differences(one, two, prefix="" if name == "run" else f"{name}.")
        elif one != two:
            short = isinstance(one, str | int | float | None) and isinstance(two, str | int | float | None)
            yield f"{name} ({one}, not {two})" if short else name


def check_recipe_space(space: Mapping[str, Domain], recipe: Recipe) -> None:
    """Hold the searched fields of the recipe to what it takes, all else as it is.

    Raises:
        SpecError: If there is no such field, or it does not take a value, or the end of a range.
    """
    allowed = [known.name for known in fields(Recipe)]
    for name, domain in space.items():
        if not name.startswith(RECIPE_PREFIX):
            continue
        field = name.removeprefix(RECIPE_PREFIX)
        if field not in allowed:
            raise SpecError(f"the recipe has no field {field!r}; {did_you_mean(field, allowed)}")
        if isinstance(domain, Divisors):
            raise SpecError(f"divisors are of channels, which the recipe does not have; got {name}: divisors")
        for value in domain.values if isinstance(domain, Choices) else (domain.low, domain.high):
            try:
                replace(recipe, **{field: value})  # type: ignore[arg-type]
            except (ValueError, TypeError) as error:
                raise SpecError(f"{name} in the space: {error}") from None
