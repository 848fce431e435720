"""From a sampler's proposal to the run of a trial."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TypeAlias

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from attnbench.attention.registration import attention_placing
from attnbench.models import NO_ATTENTION
from attnbench.models.fitting import default_stages, defaults_of, with_settings
from attnbench.space import Choices, Divisors, Domain, Floats, Integers, SearchSpace
from attnbench.spec import Recipe, RunSpec
from attnbench.tune_spec import RECIPE_PREFIX, TuneSpec
from attnbench.variant import Scalar, Setting, Variant, format_setting

Proposal: TypeAlias = Mapping[str, Setting]
"""A value for each searched setting."""

_DIGITS = 3


def distribution_of(domain: Domain) -> BaseDistribution:
    """Optuna's word for a domain."""
    assert not isinstance(domain, Divisors), "a space is resolved to the backbone before it is searched"
    if isinstance(domain, Choices):
        return CategoricalDistribution([stored(value) for value in domain.values])
    of_kind = IntDistribution if isinstance(domain, Integers) else FloatDistribution
    return of_kind(domain.low, domain.high, log=domain.log)  # type: ignore[arg-type]


def propose(trial: optuna.trial.Trial, space: SearchSpace) -> dict[str, Setting]:
    """What the study's sampler proposes, as values of the space; numbers at three significant digits."""
    return {name: _proposed(trial, name, domain) for name, domain in space.items()}


def applied(run: RunSpec, proposal: Proposal) -> RunSpec:
    """The run of a trial: the proposal's settings in the variant, its fields in the recipe.

    Raises:
        SpecError: If the recipe does not take a value.
    """
    of_module = {name: value for name, value in proposal.items() if not name.startswith(RECIPE_PREFIX)}
    variant = Variant.parse(run.attention)
    attention = with_settings(variant, of_module, Variant.parse(run.backbone)) if of_module else variant
    recipe = replace(run.recipe, **recipe_fields(proposal))  # type: ignore[arg-type]
    return replace(run, attention=str(attention), recipe=recipe)


def recipe_fields(proposal: Proposal) -> dict[str, Setting]:
    """The fields of the recipe in a proposal, by their own names."""
    return {
        name.removeprefix(RECIPE_PREFIX): value for name, value in proposal.items() if name.startswith(RECIPE_PREFIX)
    }


def default_proposal(spec: TuneSpec) -> dict[str, Setting] | None:
    """The published default under the recipe as it is, as a point of the space; none where it lies outside."""
    tuned, default = Variant.parse(spec.run.attention), Variant.parse(spec.default)
    if default.name != tuned.name:
        return None
    known = {f"{RECIPE_PREFIX}{field.name}": getattr(spec.run.recipe, field.name) for field in fields(Recipe)}
    if default.name != NO_ATTENTION:
        known |= {
            "at": attention_placing(default).at,
            "stages": default_stages(default, Variant.parse(spec.run.backbone)),
            **defaults_of(default.name),
            **dict(default.settings),
        }
    inside = all(name in known and _lies_in(domain, known[name]) for name, domain in spec.space.items())
    return {name: known[name] for name in spec.space} if inside else None


def as_tried(drawn: Setting, domain: Domain) -> Setting:
    """A value as it is trained: what a person can write down and train again."""
    if not isinstance(domain, Floats) or not isinstance(drawn, float):
        return drawn
    return min(max(float(f"{drawn:.{_DIGITS}g}"), domain.low), domain.high)


def stored(value: Setting) -> Scalar:
    """A value as Optuna stores it: lists as text."""
    return format_setting(value) if isinstance(value, tuple) else value


def _proposed(trial: optuna.trial.Trial, name: str, domain: Domain) -> Setting:
    distribution = distribution_of(domain)
    if isinstance(domain, Choices):
        assert isinstance(distribution, CategoricalDistribution)
        chosen = trial.suggest_categorical(name, distribution.choices)
        return next(value for value in domain.values if stored(value) == chosen)
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(name, distribution.low, distribution.high, log=distribution.log)
    assert isinstance(distribution, FloatDistribution)
    return as_tried(trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log), domain)


def _lies_in(domain: Domain, value: Setting) -> bool:
    if isinstance(domain, Choices):
        return value in domain.values
    assert isinstance(domain, Integers | Floats)
    return isinstance(value, int | float) and domain.low <= value <= domain.high
