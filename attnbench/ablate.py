"""Which variants an ablation of a module compares in a backbone: one setting changed, all else equal."""

import itertools
from collections.abc import Iterable
from dataclasses import replace

from attnbench.attention import ATTENTION
from attnbench.attention.declared_space import declared_space
from attnbench.attention.registration import attention_placing, attention_settings
from attnbench.errors import PlacementError, SpecError
from attnbench.models import NO_ATTENTION
from attnbench.models.fitting import (
    default_stages,
    defaults_of,
    fitted_space,
    positions,
    published_default,
    with_settings,
)
from attnbench.models.meeting import num_stages
from attnbench.plugins import import_plugins
from attnbench.report.ablation.design import Design, Kind, Point, label
from attnbench.space import Choices, SearchSpace, finite_values
from attnbench.spec import SuiteSpec
from attnbench.variant import Setting, Variant

_WANTED: dict[Kind, str] = {
    "groups": "setting groups",
    "init": "setting that ends in _init",
    "normalization": "setting normalize of true and false",
    "placement": "setting at",
    "stages": "setting stages",
}
"""What a module needs for an ablation, in words."""


_SETTINGS: dict[Kind, tuple[str, ...]] = {"groups": ("groups",), "normalization": ("normalize",)}
"""Settings by which an ablation knows a module that has them without declaring them."""


def design_ablation(kind: Kind, attention: str, suite: SuiteSpec) -> Design:
    """The variants of an ablation.

    Args:
        kind: What is changed.
        attention: The variant whose settings are changed. Where it does not fit the backbone, settings that it does
            not name are lowered to what fits.
        suite: The backbone, and the users' files that register further modules.

    Raises:
        SpecError: If the module has no such setting, or does not fit the backbone.
        UnknownNameError: If there is no such module or backbone.
        PlacementError: If the backbone has no place for the module.
    """
    import_plugins(suite.imports)
    given, backbone = Variant.parse(attention), Variant.parse(suite.backbone)
    settings = _changed_settings(kind, given.name)
    reference = _reference(given, backbone)
    wanted = [_point(reference, settings, values, backbone) for values in _values(kind, settings, reference, backbone)]
    own = _point(reference, settings, _values_of(reference, settings, backbone), backbone)
    if own not in wanted:
        wanted.insert(0, own)
    points = tuple(point for point in wanted if _fits(Variant.parse(point.variant), backbone))
    default = _published(reference, settings, backbone)
    design = Design(
        kind=kind,
        settings=settings,
        points=points,
        reference=own.variant,
        default=default.variant if default in points else None,
        published=_values_of(_without(reference, *settings), settings, backbone),
    )
    gone = [label(design, point) for point in wanted if point not in points]
    return replace(design, left_out=tuple(f"{text} is left out: it does not fit {backbone}." for text in gone))


def ablation_suite(design: Design, suite: SuiteSpec) -> SuiteSpec:
    """The grid of an ablation's runs: a suite with its variants, beside the baseline."""
    return replace(suite, attention=tuple(point.variant for point in design.points))


def _changed_settings(kind: Kind, name: str) -> tuple[str, ...]:
    """The settings that an ablation changes, or an error that names the modules that have them."""
    if name == NO_ATTENTION:
        raise SpecError(f"an ablation changes settings of an attention module; got {NO_ATTENTION!r}, which has none")
    ATTENTION.get(name)
    found = _settings_by_kind(name)[kind]
    if not found:
        if any(setting in defaults_of(name) for setting in _SETTINGS.get(kind, ())):
            raise SpecError(
                f"{name} has the setting {_SETTINGS[kind][0]} and does not declare what it may be; declare "
                "search_space in its class"
            )
        having = [other for other in ATTENTION.names() if _settings_by_kind(other)[kind]]
        raise SpecError(
            f"{name} has no {_WANTED[kind]} for the ablation {kind!r}; modules that have one: {', '.join(having)}"
        )
    return found


def _settings_by_kind(name: str) -> dict[Kind, tuple[str, ...]]:
    space = _space_of(name)
    normalize = space.get("normalize")
    has_both = isinstance(normalize, Choices) and set(normalize.values) == {True, False}
    return {
        "groups": ("groups",) if "groups" in space else (),
        "init": tuple(setting for setting in space if setting.endswith("_init")),
        "normalization": ("normalize",) if has_both else (),
        "placement": () if ATTENTION.get(name).placement == "conv" else ("at",),
        "stages": ("at", "stages"),
    }


def _space_of(name: str) -> SearchSpace:
    return declared_space(ATTENTION.get(name).module_class)


def _reference(given: Variant, backbone: Variant) -> Variant:
    """The variant that is given, without what is at its default, lowered to the backbone where it leaves that open."""
    _, typed = attention_settings(given)
    placing = {name: value for name, value in given.settings if name not in typed}
    reference = with_settings(Variant(given.name), {**typed, **placing}, backbone)
    if _fits(reference, backbone):
        return reference
    still_open = {name: domain for name, domain in _space_of(given.name).items() if name not in typed}
    return published_default(reference, fitted_space(still_open, reference, backbone), backbone)


def _values(
    kind: Kind, settings: tuple[str, ...], reference: Variant, backbone: Variant
) -> Iterable[tuple[Setting, ...]]:
    """The values that an ablation tries, in its order."""
    if kind == "placement":
        return [(at,) for at in positions(reference, backbone)]
    if kind == "stages":
        return _stages(reference, backbone)
    space = _space_of(reference.name)
    fitted = fitted_space({name: space[name] for name in settings}, reference, backbone)
    return itertools.product(*(finite_values(name, fitted[name]) for name in settings))


def _stages(reference: Variant, backbone: Variant) -> list[tuple[Setting, ...]]:
    """Every run of stages where the module stands by itself; and once after each stage, which is before the next."""
    own, last = attention_placing(reference).at, num_stages(backbone)
    sizes = range(1, last + 1)
    runs = [tuple(range(first, first + size)) for size in sizes for first in range(1, last - size + 2)]
    takes_stages = "stage" in positions(_without(reference, "stages"), backbone)
    after = [("stage", (stage,)) for stage in range(1, last + 1)] if own != "stage" and takes_stages else []
    return [*((own, run) for run in runs), *after]


def _point(reference: Variant, settings: tuple[str, ...], values: tuple[Setting, ...], backbone: Variant) -> Point:
    changed = with_settings(reference, dict(zip(settings, values, strict=True)), backbone)
    return Point(variant=str(changed), values=values)


def _without(variant: Variant, *names: str) -> Variant:
    return Variant(variant.name, tuple((key, value) for key, value in variant.settings if key not in names))


def _values_of(variant: Variant, settings: Iterable[str], backbone: Variant) -> tuple[Setting, ...]:
    """What some settings of a variant are, at their defaults or not."""
    placing = attention_placing(variant)
    places = {"at": placing.at, "stages": placing.stages or default_stages(variant, backbone)}
    values = {**defaults_of(variant.name), **dict(variant.settings), **places}
    return tuple(values[name] for name in settings)


def _published(reference: Variant, settings: tuple[str, ...], backbone: Variant) -> Point | None:
    """The module's published settings, lowered to what the backbone allows; none where that cannot be."""
    bare, space = _without(reference, *settings), _space_of(reference.name)
    try:
        fitted = fitted_space({name: space[name] for name in settings if name in space}, bare, backbone)
        lowered = published_default(bare, fitted, backbone)
    except (SpecError, PlacementError):
        return None
    return _point(reference, settings, _values_of(lowered, settings, backbone), backbone)


def _fits(variant: Variant, backbone: Variant) -> bool:
    try:
        return published_default(variant, {}, backbone) == variant
    except (SpecError, PlacementError):
        return False
