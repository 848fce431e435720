"""From what a user asks for to the spec of a study."""

from collections.abc import Sequence
from dataclasses import dataclass

from attnbench.attention import ATTENTION
from attnbench.attention.declared_space import declared_space
from attnbench.errors import SpecError
from attnbench.models import NO_ATTENTION
from attnbench.models.fitting import fitted_space, positions, published_default, stage_subsets
from attnbench.plugin_files import data_plugin_of, plugin_of
from attnbench.plugins import check_unchanged
from attnbench.space import Choices, Domain, Floats, SearchSpace
from attnbench.spec import Recipe, SuiteSpec
from attnbench.suite import check_models, run_of
from attnbench.tune_spec import (
    RECIPE_PREFIX,
    Addition,
    Objective,
    PrunerName,
    SamplerName,
    TuneSpec,
    check_recipe_space,
)
from attnbench.variant import Variant


@dataclass(frozen=True, kw_only=True)
class Search:
    """What is searched and how; what is none has the default of `TuneSpec`."""

    space: SearchSpace | None = None
    """In place of the space that the module declares."""
    also: tuple[Addition, ...] = ()
    """What is searched besides."""
    against: str | None = None
    """Variant that the winner is compared with; none: the published default, as near as the backbone allows."""
    objectives: tuple[Objective, ...] = ("accuracy",)
    """What is optimised."""
    sampler: SamplerName = "tpe"
    """How the next trial is chosen."""
    pruner: PrunerName | None = None
    """How a trial is stopped early; none: by the median, but not with several objectives."""
    num_seeds: int = 1
    """Seeds that each trial trains with."""
    seed: int = 0
    """Seed of the sampler."""


def make_spec(suite: SuiteSpec, attention: str, search: Search) -> TuneSpec:
    """The spec of a study.

    Args:
        suite: Backbone, data, recipe and so on; its variants and seeds do not matter.
        attention: The variant to tune, whose settings are fixed.
        search: What is searched.

    Raises:
        SpecError: If something does not fit.
        UnknownNameError: If a name is unknown.
        PlacementError: If the backbone has no place for the module.
    """
    variant, backbone = Variant.parse(attention), Variant.parse(suite.backbone)
    plugin = plugin_of(attention, suite.imports)
    space = _wanted_space(variant, backbone, suite.recipe, search)
    check_recipe_space(space, suite.recipe)
    of_module = {name: domain for name, domain in space.items() if not name.startswith(RECIPE_PREFIX)}
    default = variant
    if variant.name != NO_ATTENTION:
        variant = _lowered(variant, of_module, backbone)
        fitted = fitted_space(of_module, variant, backbone)
        space = {**space, **fitted}
        if search.against is None:
            default = published_default(variant, fitted, backbone)
    elif of_module:
        raise SpecError(f"{NO_ATTENTION!r} has no settings to search; got {', '.join(of_module)}")
    return TuneSpec(
        run=run_of(suite, str(variant), seed=0, plugin=plugin, data_plugin=data_plugin_of(suite.data, suite.imports)),
        space=space,
        default=search.against or str(default),
        objectives=search.objectives,
        sampler=search.sampler,
        pruner=search.pruner or ("median" if len(search.objectives) == 1 else "none"),
        seeds=tuple(range(search.num_seeds)),
        search_seed=search.seed,
        imports=suite.imports,
    )


def check_spec(spec: TuneSpec) -> None:
    """Load the data and build the default's model once, so that a mistake shows before a trial.

    Raises:
        AttnBenchError: If anything named is not there or does not fit.
    """
    check_unchanged(spec.run.plugin, spec.run.data_plugin)
    check_models(spec.run, dict.fromkeys((spec.default, spec.run.baseline)))


def _wanted_space(variant: Variant, backbone: Variant, recipe: Recipe, search: Search) -> dict[str, Domain]:
    if search.space is not None:
        space = dict(search.space)
        if both := [name for name, _ in variant.settings if name in space]:
            raise SpecError(
                f"a setting is fixed by the variant or searched, not both; got {both[0]} in {str(variant)!r} and in "
                "the space file"
            )
    else:
        fixed = dict(variant.settings)
        space = {name: domain for name, domain in _declared(variant).items() if name not in fixed}
    for name in search.also:
        key, domain = _added(name, variant, backbone, recipe)
        if key in space or key in dict(variant.settings):
            raise SpecError(f"{key} is in the space or fixed already; got it in --also as well")
        space[key] = domain
    if not space:
        raise SpecError(
            f"{variant.name!r} declares no search space that {str(variant)!r} does not fix; declare `search_space` in "
            "its class, give a file with --space, or search the recipe or the places with --also"
        )
    return space


def _lowered(variant: Variant, searched: SearchSpace, backbone: Variant) -> Variant:
    """The variant, with what is not searched lowered to the backbone where the constructor's defaults do not fit."""
    still_open = {name: domain for name, domain in _declared(variant).items() if name not in dict(variant.settings)}
    if not still_open.keys() - searched.keys():
        return variant
    try:
        default = published_default(variant, fitted_space(still_open, variant, backbone), backbone)
    except SpecError:
        return variant  # what does not fit is named when the space is fitted
    unsearched = {name: value for name, value in default.settings if name not in searched}
    return Variant(variant.name, tuple(sorted(unsearched.items())))


def _declared(variant: Variant) -> SearchSpace:
    return {} if variant.name == NO_ATTENTION else declared_space(ATTENTION.get(variant.name).module_class)


def _added(name: Addition, variant: Variant, backbone: Variant, recipe: Recipe) -> tuple[str, Domain]:
    if name == "at":
        places: Sequence[str] = positions(variant, backbone) if variant.name != NO_ATTENTION else ()
        if not places:
            raise SpecError(f"{variant.name!r} has no other places to search with --also at")
        return name, Choices(tuple(places))
    if name == "stages":
        return name, Choices(stage_subsets(backbone))
    value = float(getattr(recipe, name))
    if name == "weight_decay" and value == 0:
        return f"{RECIPE_PREFIX}{name}", Choices((0.0, 1e-5, 1e-4, 1e-3))
    low, high = value / 10, value * (10 if name == "weight_decay" else 3)
    return f"{RECIPE_PREFIX}{name}", Floats(float(f"{low:.3g}"), float(f"{high:.3g}"), log=True)
