"""One registry for everything that is chosen by name: attention modules, backbones, data sets."""

import difflib
import re
from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from attnbench.errors import DuplicateNameError, PluginError, RegistryError, UnknownNameError
from attnbench.printable import shown

T = TypeVar("T")

# A name must survive in "name:key=value,key=value" and in a comma-separated list, where digits are list values.
_NAME = re.compile(r"(?![0-9]+$)[a-z0-9][a-z0-9_.-]*")


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """The end of an error message that names what is close to `name`, or else all there is.

    Args:
        name: What was typed.
        names: What is allowed.

    Returns:
        ``"did you mean 'x'?"`` where something is close, else ``"allowed: a, b, c"``.
    """
    allowed = sorted(names)
    close = difflib.get_close_matches(name, allowed, n=3)
    if close:
        return "did you mean " + " or ".join(repr(match) for match in close) + "?"
    return "allowed: " + ", ".join(allowed)


class Registry(Generic[T]):
    """Names and the objects they stand for.

    Objects come from `register`, and from the entry points that installed
    packages declare; an entry point is imported when its name is first asked
    for, and that import must register the name.
    """

    def __init__(self, kind: str, *, entry_point_group: str | None = None) -> None:
        """Make an empty registry.

        Args:
            kind: What is registered, in words, for error messages: ``"attention module"``.
            entry_point_group: Group in which installed packages may declare further objects.
        """
        self.kind = kind
        self.entry_point_group = entry_point_group
        self._objects: dict[str, T] = {}

    def register(self, name: str, value: T) -> None:
        """Give `value` the name `name`.

        Raises:
            RegistryError: If the name has characters other than ``a-z 0-9 _ . -``, or digits alone.
            DuplicateNameError: If the name is taken.
        """
        if not _NAME.fullmatch(name):
            raise RegistryError(
                f"a name ({self.kind}) is made of a-z, 0-9, '_', '.' and '-', not of digits alone; got {name!r}"
            )
        if name in self._objects:
            raise DuplicateNameError(
                f"the {self.kind} {name!r} is already registered as {self._objects[name]!r}; choose another name"
            )
        self._objects[name] = value

    def names(self) -> list[str]:
        """Every registered name, sorted, those of installed packages included."""
        return sorted({*self._objects, *self._entry_points()})

    def registered(self) -> list[T]:
        """What is registered by now; installed packages that were not asked for are not imported for it."""
        return list(self._objects.values())

    def get(self, name: str) -> T:
        """The object that is registered as `name`.

        Raises:
            UnknownNameError: If there is none; the message names what is close.
            PluginError: If an installed package declares the name and fails to provide it.
        """
        if name not in self._objects and name in self._entry_points():
            self._load_entry_point(name)
        if name not in self._objects:
            raise UnknownNameError(f"unknown {self.kind} {shown(name)}; {did_you_mean(name, self.names())}")
        return self._objects[name]

    def _entry_points(self) -> set[str]:
        if self.entry_point_group is None:
            return set()
        return {point.name for point in entry_points(group=self.entry_point_group)}

    def _load_entry_point(self, name: str) -> None:
        assert self.entry_point_group is not None
        (point, *_) = entry_points(group=self.entry_point_group, name=name)
        try:
            point.load()
        except Exception as error:
            raise PluginError(
                f"the {self.kind} {name!r} is declared by {point.value!r}, which cannot be imported: {error}"
            ) from error
        if name not in self._objects:
            raise PluginError(f"{point.value!r} declares the {self.kind} {name!r}, but its import does not register it")
