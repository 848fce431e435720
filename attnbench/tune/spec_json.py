"""A study's spec as JSON, in which form it lies beside the trials."""

from typing import Any, get_type_hints

import msgspec

from attnbench.errors import SpecError
from attnbench.space_io import space_from_builtins, space_to_builtins
from attnbench.tune_spec import TuneSpec


def to_json(spec: TuneSpec) -> str:
    """A spec as JSON."""
    builtins = msgspec.to_builtins({name: getattr(spec, name) for name in spec.__dataclass_fields__ if name != "space"})
    return msgspec.json.encode({**builtins, "space": space_to_builtins(spec.space)}).decode()


def from_json(text: str, *, source: str) -> TuneSpec:
    """Read a spec.

    Raises:
        SpecError: If it is damaged, or of a version that this one cannot read.
    """
    try:
        builtins: dict[str, Any] = msgspec.json.decode(text)
        hints = {name: hint for name, hint in get_type_hints(TuneSpec).items() if name != "space"}
        known = {name: msgspec.convert(builtins[name], hint) for name, hint in hints.items()}
        return TuneSpec(space=space_from_builtins(builtins["space"], source=source), **known)
    except (msgspec.MsgspecError, KeyError, TypeError) as error:
        raise SpecError(f"{source} holds no spec that this version can read: {error}") from error
