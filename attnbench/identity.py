"""Which fields of a spec name a run: what its digest is made of."""

from typing import Any

LATER = {"digest": "unless at its default"}
"""Marks a field that did not exist from the start; see `fields_of`."""
NO_RESULT = {"digest": "never"}
"""Marks a field on which no result depends; see `fields_of`."""


def fields_of(part: Any) -> dict[str, object]:
    """A spec's fields as its digest sees them, those of its parts nested.

    A field that a later version adds is left out while it is at its default, or no stored record could be read: it is
    marked as `LATER` in its class. One that is marked as `NO_RESULT` is left out always.
    """
    # Not the dataclass itself: msgspec leaves out fields that it left at their defaults when it made the spec.
    # Nor asdict, which copies every value: a report computes thousands of digests.
    fields = {
        name: getattr(part, name)
        for name, known in part.__dataclass_fields__.items()
        if not known.metadata or (known.metadata == LATER and getattr(part, name) != known.default)
    }
    nested = {name: fields_of(value) for name, value in fields.items() if hasattr(value, "__dataclass_fields__")}
    return fields | nested
