"""A study's spec as JSON, in which form it lies beside the trials."""

from typing import Any, get_type_hints

import msgspec

from attnbench.errors import SpecError
from attnbench.printable import one_line
from attnbench.space_io import space_from_builtins, space_to_builtins
from attnbench.spec import RunSpec
from attnbench.spec_io import from_builtins
from attnbench.store import JSON_DAMAGE
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
    hints = get_type_hints(TuneSpec)
    try:
        builtins = msgspec.json.decode(text, type=dict[str, Any])
        if unknown := [name for name in builtins if name not in hints]:
            raise SpecError(
                f"{source} has a field that this version does not know: {one_line(unknown[0])}; a newer attnbench may"
            )
        run = from_builtins(builtins.pop("run"), RunSpec, source=source)
        space = space_from_builtins(builtins.pop("space"), source=source)
        # What is missing is at its default: an older version did not have it yet.
        others = {name: msgspec.convert(value, hints[name]) for name, value in builtins.items()}
        return TuneSpec(run=run, space=space, **others)
    except KeyError as error:
        raise SpecError(f"{source} holds no spec that this version can read: it has no {error}") from None
    except (*JSON_DAMAGE, UnicodeEncodeError, TypeError) as error:
        raise SpecError(f"{source} holds no spec that this version can read: {one_line(str(error))}") from error
