"""Spaces from and to YAML, with errors that name the setting, what was given and what is allowed.

The forms stand in `attnbench.space`.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attnbench.errors import SpecError
from attnbench.plain_yaml import read_yaml, write_yaml
from attnbench.printable import one_line, shown
from attnbench.registry import did_you_mean
from attnbench.space import Choices, Divisors, Domain, Floats, Integers, SearchSpace
from attnbench.variant import Setting, Variant

_FORMS = "divisors, a list of values, or low and high"
_BOUNDS = ("low", "high")
_NAME = re.compile(r"\w+(\.\w+)*")
_LONGEST_NAME = 200
"""Characters of a setting's name; YAML has no key of more than a thousand on a line."""


def read_space(path: str | Path) -> dict[str, Domain]:
    """Read a space from a YAML file.

    Raises:
        SpecError: If the file cannot be read, is not YAML or does not describe a space.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # the latter of bytes that are no text, or a path that cannot be one
        raise SpecError(f"cannot read the space {path}: {getattr(error, 'strerror', None) or error}") from None
    return space_from_builtins(read_yaml(text, source=str(path)), source=str(path))


def space_from_builtins(data: object, *, source: str) -> dict[str, Domain]:
    """Make a space of nested dictionaries and lists, as `space_to_builtins` gives them.

    Text is read as in a variant, because YAML reads ``1e-3`` as text.

    Args:
        data: What each setting may be, by its name.
        source: Where it is from, for error messages.

    Raises:
        SpecError: If it is of another form, or a domain is not valid.

    >>> space_from_builtins({"groups": "divisors", "normalize": [True, False]}, source="space.yaml")
    {'groups': Divisors(low=1, high=None), 'normalize': Choices(values=(True, False))}
    """
    if not isinstance(data, Mapping):
        raise SpecError(f"{source}: a space must be a mapping of settings to what they may be; got {shown(data)}")
    space: dict[str, Domain] = {}
    for name, written in data.items():
        if not (isinstance(name, str) and len(name) <= _LONGEST_NAME and _NAME.fullmatch(name)):
            allowed = f"a word of at most {_LONGEST_NAME} characters, such as groups or recipe.learning_rate"
            raise SpecError(f"{source}: the name of a setting must be {allowed}; got {shown(name)}")
        try:
            space[name] = _domain(name, written)
        except SpecError as error:
            raise SpecError(f"{source}: {name}: {error}") from None
    return space


def space_to_builtins(space: SearchSpace) -> dict[str, Any]:
    """Nested dictionaries, lists, numbers and text of a space; what is at its default is left out."""
    return {name: _written(domain) for name, domain in space.items()}


def space_to_yaml(space: SearchSpace) -> str:
    """A space as YAML, a setting a line, in its order."""
    lines = (f"{_on_one_line(name)}: {_on_one_line(written)}\n" for name, written in space_to_builtins(space).items())
    return "".join(lines) or "{}\n"


def _on_one_line(value: object) -> str:
    """YAML of a value; block style would give each number of a list a line of its own."""
    return write_yaml([value], is_on_one_line=True).strip()[1:-1]


def _domain(name: str, written: object) -> Domain:
    if written == "divisors":
        return Divisors()
    if isinstance(written, list | tuple):
        return Choices(tuple(_value(value) for value in written))
    if isinstance(written, Mapping) and "divisors" in written:
        _check_keys(written, ["divisors"])
        return _divisors(written["divisors"])
    if isinstance(written, Mapping):
        return _range(written)
    raise SpecError(f"must be {_FORMS}; got {shown(written)}")


def _value(written: object) -> Setting:
    """One choice: a list is of whole numbers, and text is read as in a variant."""
    if isinstance(written, list | tuple) and written and all(type(number) is int for number in written):
        return tuple(written)
    if written is None or isinstance(written, bool | int | float):
        return written
    if isinstance(written, str):
        try:
            ((_, value),) = Variant.parse(f"name:key={written}").settings
        except ValueError:
            pass  # no variant could be written with it
        else:
            return value
    raise SpecError(
        f"a choice must be true, false, none, a number, a word or a list of whole numbers; got {shown(written)}"
    )


def _divisors(written: object) -> Divisors:
    if not isinstance(written, Mapping):
        raise SpecError(f"the bounds of divisors are written {{low: 2, high: 32}}; got {shown(written)}")
    _check_keys(written, _BOUNDS)
    return Divisors(**{key: _number(key, value) for key, value in written.items()})


def _range(written: Mapping[Any, Any]) -> Integers | Floats:
    _check_keys(written, [*_BOUNDS, "log", "grid"])
    if not written.keys() >= set(_BOUNDS):
        raise SpecError(f"a range needs low and high; got {shown(dict(written))}")
    low, high = (_number(key, written[key]) for key in _BOUNDS)
    log, listed = written.get("log", False), written.get("grid", [])
    if not isinstance(log, bool):
        raise SpecError(f"log must be true or false; got {shown(log)}")
    if not isinstance(listed, list | tuple):
        raise SpecError(f"grid must be a list of numbers; got {shown(listed)}")
    grid = tuple(_number("grid", number) for number in listed)
    if not (isinstance(low, int) and isinstance(high, int)):
        return Floats(low, high, grid, log=log)
    if fractions := [number for number in grid if not isinstance(number, int)]:
        raise SpecError(
            f"between whole bounds grid must be of whole numbers; got {fractions[0]}; for fractions write "
            f"low: {low}.0, high: {high}.0"
        )
    return Integers(low, high, tuple(map(int, grid)), log=log)


def _number(key: str, written: object) -> Any:
    """A whole number or a fraction, which the domain holds to what it takes."""
    number = _value(written) if isinstance(written, str) else written
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise SpecError(f"{key} must be a number; got {shown(written)}")
    return number


def _check_keys(written: Mapping[Any, Any], allowed: Iterable[str]) -> None:
    for key in written:
        if key not in allowed:
            raise SpecError(f"unknown field {one_line(str(key))}; {did_you_mean(str(key), allowed)}")


def _written(domain: Domain) -> Any:
    if isinstance(domain, Choices):
        return [list(value) if isinstance(value, tuple) else value for value in domain.values]
    if isinstance(domain, Divisors):
        bounds = {key: getattr(domain, key) for key in _BOUNDS if getattr(domain, key) != getattr(Divisors(), key)}
        return {"divisors": bounds} if bounds else "divisors"
    log = {"log": True} if domain.log else {}
    grid = {"grid": list(domain.grid)} if domain.grid else {}
    return {"low": domain.low, "high": domain.high, **log, **grid}
