"""Which settings of an attention module fit a backbone: what tuning and ablations may propose."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import get_args

from attnbench.attention.contract.words import one_line
from attnbench.attention.declared_space import typical_values
from attnbench.attention.registration import (
    ATTENTION,
    DEFAULT_TARGET,
    PLACING_SETTINGS,
    RESERVED,
    Placing,
    Position,
    attention_placing,
    attention_settings,
)
from attnbench.errors import SpecError
from attnbench.models.meeting import Meeting, meetings, meetings_if_any, num_stages, refusal_of, refusal_of_all
from attnbench.space import (
    Choices,
    Divisors,
    Domain,
    Integers,
    SearchSpace,
    common_divisors,
    describe,
    finite_values,
)
from attnbench.variant import Setting, Variant, settings_of

_MOST_STAGES = 5


def positions(attention: Variant, backbone: Variant) -> tuple[Position, ...]:
    """The values of `at` that a variant can have in a backbone, in its own `stages`; none for `conv` modules."""
    if ATTENTION.get(attention.name).placement == "conv":
        return ()
    stages = attention_placing(attention).stages
    return tuple(at for at in get_args(Position) if meetings_if_any(backbone, Placing(at=at, stages=stages)))


def stage_subsets(backbone: Variant) -> tuple[tuple[int, ...], ...]:
    """Every choice of at least one stage, the smallest first.

    Raises:
        SpecError: If the backbone has too many stages to name every choice.
    """
    number = num_stages(backbone)
    if number > _MOST_STAGES:
        raise SpecError(
            f"{backbone} has {number} stages, and {2**number - 1} choices of them; name those to search with stages: "
            "[[1], [1, 2]] in a space file"
        )
    stages = range(1, number + 1)
    return tuple(chosen for size in stages for chosen in itertools.combinations(stages, size))


def fitted_space(space: SearchSpace, attention: Variant, backbone: Variant) -> dict[str, Domain]:
    """A space without the values that cannot be built in a backbone.

    `Divisors` become the choices that divide every channel count, at every place that the space itself searches.
    Choices that the module refuses there whatever its other settings are left out, and so are positions and stages
    where it cannot stand. What is left may still be refused together: CBAM needs one of its two gates.

    Args:
        space: Settings of the module, `at` and `stages` among them.
        attention: The variant, whose settings are fixed.
        backbone: The backbone.

    Raises:
        SpecError: If a setting is unknown or of another type, or nothing is left of it.
        PlacementError: If the backbone has no place for the module.
    """
    entry, fixed = attention_settings(attention)
    _check_types(space, attention)
    met_at = _searched_places(space, attention, backbone)
    channels = tuple(count for met in met_at.values() for meeting in met for count in meeting.channels)
    resolved: dict[str, Domain] = {
        name: common_divisors(domain, channels) if isinstance(domain, Divisors) else domain
        for name, domain in space.items()
    }
    trials = {name: _trial_values(domain) for name, domain in resolved.items() if name not in PLACING_SETTINGS}
    refusals = {place: refusal_of_all(entry, fixed, trials, met) for place, met in met_at.items()}
    left = [place for place, refusal in refusals.items() if refusal is None]
    if not left:
        searched = f" with any {', '.join(trials)} of the space" if trials else ""
        refusal = next(filter(None, refusals.values()))
        raise SpecError(f"{attention} does not fit {backbone}{searched}: {_why(refusal)}")
    for index, name in enumerate(_placing_names(space)):
        standing = {place[index] for place in left}
        resolved[name] = Choices(tuple(value for value in _trial_values(space[name]) if value in standing))
    everywhere = tuple(dict.fromkeys(itertools.chain.from_iterable(met_at[place] for place in left)))
    # Where no settings fit all places together, those that fit one of them are left.
    tried = [everywhere] if refusal_of_all(entry, fixed, trials, everywhere) is None else [met_at[at] for at in left]
    for name, values in trials.items():
        if isinstance(resolved[name], Choices):
            others = {other: those for other, those in trials.items() if other != name}
            fits = (
                any(refusal_of_all(entry, {**fixed, name: value}, others, met) is None for met in tried)
                for value in values
            )
            resolved[name] = Choices(tuple(itertools.compress(values, fits)))
    return resolved


def published_default(attention: Variant, space: SearchSpace, backbone: Variant) -> Variant:
    """The module with its constructor's defaults, as near to them as the backbone's channel counts allow.

    A default that does not fit gives way to the largest searched number below it, else to the smallest; a word or
    none to the first value.

    Args:
        attention: The variant, whose settings are kept.
        space: What `fitted_space` gave.
        backbone: The backbone.

    Raises:
        SpecError: If the defaults do not fit, and no setting of the space is to blame.
    """
    entry, fixed = attention_settings(attention)
    met = meetings(backbone, attention_placing(attention))
    refusal = refusal_of(entry, fixed, met)
    if refusal is None:
        return attention
    defaults = defaults_of(attention.name)
    nearest = {
        name: _nearest(defaults.get(name), domain.values)
        for name, domain in space.items()
        if isinstance(domain, Choices)
        and name in defaults.keys() - fixed.keys()
        and defaults[name] not in domain.values
    }
    if not nearest or refusal_of(entry, {**fixed, **nearest}, met) is not None:
        raise SpecError(f"name a variant that fits {backbone}, to compare with; {attention} does not: {_why(refusal)}")
    return with_settings(attention, nearest)


def defaults_of(name: str) -> dict[str, Setting]:
    """The settings of a module and their defaults.

    Raises:
        UnknownNameError: If no such module is registered.
    """
    entry = ATTENTION.get(name)
    parameters = settings_of(entry.module_class, reserved=RESERVED[entry.placement])
    return {key: parameter.default for key, parameter in parameters.items() if parameter.default is not parameter.empty}


def with_settings(attention: Variant, settings: Mapping[str, Setting], backbone: Variant | None = None) -> Variant:
    """A variant with further settings; those at the constructor's default, or at the placement's, are left out.

    Args:
        attention: The variant.
        settings: What is set, `at` and `stages` among it.
        backbone: Where it stands, to know which stages are all; without it `stages` stays where it is given.
    """
    placing = {"at": DEFAULT_TARGET[ATTENTION.get(attention.name).placement], "stages": None}
    defaults = {**placing, **defaults_of(attention.name)}
    merged = {**dict(attention.settings), **settings}
    kept = {key: value for key, value in merged.items() if key not in settings or defaults.get(key, ...) != value}
    if backbone is not None and kept.get("stages") == default_stages(Variant(attention.name, _sorted(kept)), backbone):
        del kept["stages"]
    return Variant(attention.name, _sorted(kept))


def default_stages(attention: Variant, backbone: Variant) -> tuple[int, ...]:
    """The stages that have a variant's modules where it does not say which."""
    number = num_stages(backbone)
    return tuple(range(1, number if attention_placing(attention).at == "stage" else number + 1))


def _sorted(settings: Mapping[str, Setting]) -> tuple[tuple[str, Setting], ...]:
    return tuple(sorted(settings.items()))


def _why(refusal: Exception) -> str:
    """A refusal in words; of a user's own error its type too."""
    return str(refusal) if isinstance(refusal, SpecError) else one_line(refusal)


def _check_types(space: SearchSpace, attention: Variant) -> None:
    for name, domain in space.items():
        if name in PLACING_SETTINGS and isinstance(domain, Divisors):
            raise SpecError(f"{name} must be a list of values; got {describe(domain)}")
        for value in typical_values(domain):
            attention_settings(Variant(attention.name, ((name, value),)))


def _placing_names(space: SearchSpace) -> list[str]:
    return [name for name in PLACING_SETTINGS if name in space]


def _searched_places(
    space: SearchSpace, attention: Variant, backbone: Variant
) -> dict[tuple[Setting, ...], tuple[Meeting, ...]]:
    """What the modules meet, for the values of `at` and `stages` that have a place.

    Raises:
        SpecError: If a position or a stage is unknown.
        PlacementError: If none has a place.
    """
    names = _placing_names(space)
    searched: dict[tuple[Setting, ...], tuple[Meeting, ...]] = {}
    for values in itertools.product(*(_trial_values(space[name]) for name in names)):
        placing = attention_placing(with_settings(attention, dict(zip(names, values, strict=True))))
        # A stage by itself, because of stages there are far fewer than choices of them.
        parts = [placing] if placing.stages is None else [replace(placing, stages=(stage,)) for stage in placing.stages]
        met = dict.fromkeys(meeting for part in parts for meeting in meetings_if_any(backbone, part))
        if met:
            searched[values] = tuple(met)
    return searched or {(): meetings(backbone, placing)}  # which raises the error that says why


def _trial_values(domain: Domain) -> tuple[Setting, ...]:
    """Values to try others with: all, or where they are too many some, even and odd."""
    if isinstance(domain, Choices):
        return domain.values
    assert not isinstance(domain, Divisors)
    try:
        return finite_values("", domain)
    except SpecError:
        inner = (domain.low + 1, domain.high - 1) if isinstance(domain, Integers) else ()
        return (domain.low, *inner, domain.high)


def _nearest(default: Setting, values: tuple[Setting, ...]) -> Setting:
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if not isinstance(default, int | float) or len(numbers) < len(values):
        return values[0]
    below = [number for number in numbers if number <= default]
    return max(below) if below else min(numbers)
