"""A name with its settings, written ``name:key=value,key=value``.

Attention modules, backbones and data sets are all named this way:
``sge:groups=32``, ``cifar-resnet:depth=20``, ``cluttered-digits:clutter=12``.
A value may be a list of whole numbers: ``sge:stages=3,4``.
"""

import inspect
import math
import types
import typing
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from attnbench.errors import SpecError
from attnbench.printable import one_line, shown
from attnbench.registry import did_you_mean

Scalar: TypeAlias = bool | int | float | str | None
Setting: TypeAlias = Scalar | tuple[int, ...]

_MOST_CHARACTERS = 1_000
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "none": None}


@dataclass(frozen=True)
class Variant:
    """A name and its settings; `str()` gives the canonical text, settings sorted by key."""

    name: str
    settings: tuple[tuple[str, Setting], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Variant":
        """Read ``name`` or ``name:key=value,key=value``.

        Values are read as integer, float, ``true``/``false``/``none``, integers ``3,4``, else text.

        Raises:
            SpecError: If the text is not of that form, or names a key twice.

        >>> Variant.parse("ge:parametric=false,extent=8")
        Variant(name='ge', settings=(('extent', 8), ('parametric', False)))
        >>> str(Variant.parse("ge:stages=3,4,extent=8"))
        'ge:extent=8,stages=3,4'
        """
        name, colon, rest = text.partition(":")
        name = name.strip()
        values: dict[str, str] = {}
        for piece in rest.split(",") if colon else []:
            key, equals, value = (part.strip() for part in piece.partition("="))
            if values and _continues(piece):
                values[next(reversed(values))] += f",{key}"
                continue
            if not (key and equals and value):
                raise SpecError(f"settings are written name:key=value,key=value; got {shown(text)}")
            if key in values:
                raise SpecError(f"the setting {shown(key)} is given twice in {shown(text)}")
            values[key] = value
        if not name:
            raise SpecError(f"a variant is written name or name:key=value; got {shown(text)}")
        return cls(name, tuple(sorted((key, _parse_value(value)) for key, value in values.items())))

    def __str__(self) -> str:
        settings = ",".join(f"{key}={format_setting(value)}" for key, value in self.settings)
        return f"{self.name}:{settings}" if settings else self.name


def split_variants(text: str) -> list[str]:
    """Split a comma-separated list of variants whose settings hold commas themselves.

    >>> split_variants("none,ge:extent=8,parametric=false,sge:stages=3,4,se")
    ['none', 'ge:extent=8,parametric=false', 'sge:stages=3,4', 'se']
    """
    variants: list[str] = []
    for piece in text.split(","):
        is_setting = ("=" in piece and ":" not in piece) or _continues(piece)
        if is_setting and variants and ":" in variants[-1]:
            variants[-1] += f",{piece.strip()}"
        else:
            variants.append(piece.strip())
    return variants


def check_settings(
    constructor: Callable[..., object],
    variant: Variant,
    *,
    reserved: Iterable[str] = (),
    beside: Mapping[str, inspect.Parameter] = types.MappingProxyType({}),
) -> dict[str, Setting]:
    """Hold the settings of a variant to the keyword parameters of what it constructs.

    Args:
        constructor: Class or function that will get the settings as keyword arguments.
        variant: The variant.
        reserved: Parameters that attnbench passes itself and a setting may not name.
        beside: Settings that are allowed as well, by name; see `settings_of`.

    Returns:
        The settings, of the annotated types.

    Raises:
        SpecError: If a setting has an unknown name or a value of the wrong type.
    """
    allowed = {**settings_of(constructor, reserved=reserved), **beside}
    checked: dict[str, Any] = {}
    for key, value in variant.settings:
        if key not in allowed:
            advice = did_you_mean(key, allowed) if allowed else "it takes no settings"
            raise SpecError(f"{shown(variant.name)} has no setting {shown(key)}; {advice}")
        if isinstance(value, str) and not (value.isprintable() and len(value) <= _MOST_CHARACTERS):
            raise SpecError(
                f"{variant.name!r}: {key} must be printable text of at most {_MOST_CHARACTERS} characters; "
                f"got {key}={shown(value)}"
            )
        annotation = allowed[key].annotation
        try:
            checked[key] = msgspec.convert(value, Any if annotation is inspect.Parameter.empty else annotation)
        except msgspec.ValidationError:
            raise SpecError(
                f"{variant.name!r}: {key} must be {_describe_type(annotation)}; "
                f"got {key}={one_line(format_setting(value))}"
            ) from None
    return checked


def settings_of(constructor: Callable[..., object], *, reserved: Iterable[str] = ()) -> Mapping[str, inspect.Parameter]:
    """The keyword-only parameters of a constructor, which are the settings of what it constructs.

    Args:
        constructor: Class or function.
        reserved: Parameters that attnbench passes itself and that are no settings.

    Returns:
        Parameters by name, with their annotations resolved to types.
    """
    hints = typing.get_type_hints(constructor.__init__ if isinstance(constructor, type) else constructor)  # type: ignore[misc]
    return {
        name: parameter.replace(annotation=hints.get(name, inspect.Parameter.empty))
        for name, parameter in inspect.signature(constructor).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and name not in set(reserved)
    }


def format_setting(value: Setting) -> str:
    """A value as it is written in a variant."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def short_names(texts: Iterable[str]) -> dict[str, str]:
    """What variants or detectors are called beside each other: with their settings only where two share a name.

    >>> list(short_names(["retinanet:anchor_size=16", "faster-rcnn:regions=8", "faster-rcnn"]).values())
    ['retinanet', 'faster-rcnn:regions=8', 'faster-rcnn']
    """
    names = {text: Variant.parse(text).name for text in texts}
    numbers = Counter(names.values())
    return {text: name if numbers[name] == 1 else text for text, name in names.items()}


def _continues(piece: str) -> bool:
    # No key and no name is made of digits alone, so these belong to the value before.
    return piece.strip().isdecimal()


def _parse_value(text: str) -> Setting:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if "," in text and all(map(_continues, text.split(","))):
        numbers = [_integer(part) for part in text.split(",")]
        whole = tuple(number for number in numbers if number is not None)
        return whole if len(whole) == len(numbers) else text
    number = _integer(text)
    if number is not None:
        return number
    try:
        fraction = float(text)
    except ValueError:
        return text
    return fraction if math.isfinite(fraction) else text


def _integer(text: str) -> int | None:
    """The whole number that a text is; none where it is none, or more than 64 bits hold, as no setting takes it."""
    try:
        number = int(text)
    except ValueError:
        return None
    return number if -(2**63) <= number < 2**63 else None


def _describe_type(annotation: Any) -> str:
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        return " or ".join(_describe_type(part) for part in typing.get_args(annotation))
    if typing.get_origin(annotation) is typing.Literal:
        return " or ".join(format_setting(value) for value in typing.get_args(annotation))
    words = {
        int: "an integer",
        float: "a number",
        bool: "true or false",
        str: "text",
        type(None): "none",
        tuple[int, ...]: "integers (3,4)",
    }
    return words.get(annotation, str(annotation))
