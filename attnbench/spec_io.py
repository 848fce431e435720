"""Specs from and to YAML, with errors that name the field, what was given and what is allowed."""

import dataclasses
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec

from attnbench.detection_spec import DetectionRun, DetectionSuite
from attnbench.errors import SpecError
from attnbench.plain_yaml import read_yaml, write_yaml
from attnbench.printable import one_line, shown
from attnbench.registry import did_you_mean
from attnbench.spec import RunSpec, SuiteSpec
from attnbench.spec_rules import said_of_field

T = TypeVar("T")

Spec: TypeAlias = RunSpec | SuiteSpec | DetectionRun | DetectionSuite
"""What is run."""


def from_yaml(text: str, spec_type: type[T], *, source: str) -> T:
    """Read a spec from YAML.

    Args:
        text: The YAML text.
        spec_type: The class of the spec, such as `SuiteSpec`.
        source: Where the text is from, for error messages.

    Raises:
        SpecError: If the text is not YAML or does not describe a valid spec.
    """
    return from_builtins(read_yaml(text, source=source), spec_type, source=source)


def from_builtins(data: object, spec_type: type[T], *, source: str) -> T:
    """Make a spec of nested dictionaries, as `to_builtins` gives them.

    Numbers may be written as text, because YAML reads ``1e-3`` as text.

    Raises:
        SpecError: If a field is unknown, missing, of the wrong type or out of range.
    """
    _check_fields(data, spec_type, path="", source=source)
    try:
        return msgspec.convert(data, spec_type, strict=False)
    except UnicodeEncodeError as error:
        raise SpecError(f"{source}: text must be what UTF-8 can hold; got {shown(error.object)}") from None
    except msgspec.ValidationError as error:
        message, path = said_of_field(error)
        got = _look_up(data, path)
        given = "" if isinstance(error.__cause__, SpecError) or got is None else f"; got {shown(got)}"
        raise SpecError(f"{source}: {path + ': ' if path else ''}{_lower(message)}{given}") from None


def to_builtins(spec: Spec) -> dict[str, Any]:
    """Nested dictionaries, tuples, numbers and text of a spec, every field included."""
    return dataclasses.asdict(spec)


def to_yaml(spec: Spec) -> str:
    """A spec as YAML, fields in the order of the dataclass."""
    return write_yaml(_lists(to_builtins(spec)))


def _lists(value: Any) -> Any:
    """Tuples as lists, which plain YAML knows."""
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value


def _check_fields(data: object, spec_type: type, *, path: str, source: str) -> None:
    if not isinstance(data, Mapping):
        raise SpecError(f"{source}: {path.rstrip('.') or 'the spec'} must be a mapping of fields; got {shown(data)}")
    fields = typing.get_type_hints(spec_type)
    for name, value in data.items():
        if name not in fields:
            raise SpecError(
                f"{source}: unknown field {path}{one_line(str(name))} (a newer attnbench may know it); "
                f"{did_you_mean(str(name), fields)}"
            )
        hint = fields[name]
        if typing.get_origin(hint) is typing.Literal and value not in typing.get_args(hint):
            allowed = ", ".join(map(str, typing.get_args(hint)))
            raise SpecError(f"{source}: {path}{name} must be one of {allowed}; got {shown(value)}")
        options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
        for option in options:
            if dataclasses.is_dataclass(option) and isinstance(option, type) and value is not None:
                _check_fields(value, option, path=f"{path}{name}.", source=source)


def _look_up(data: Any, path: str) -> Any:
    for key in filter(None, path.split(".")):
        if not isinstance(data, Mapping) or key not in data:
            return None
        data = data[key]
    return data


def _lower(message: str) -> str:
    return message[:1].lower() + message[1:]
