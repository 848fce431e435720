"""Reads and writes YAML of mappings, lists, text and numbers alone, and reads no more than a person would write.

YAML reads much that is not meant: ``2030-01-01`` as a date, ``010`` as eight, ``1:30`` as ninety. All of these stay
text here, so that a folder may have a date's name and a number that could be read in two ways is refused.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

from attnbench.errors import SpecError
from attnbench.printable import one_line, shown

_MOST_VALUES = 100_000
"""How many values a text may stand for, those of aliases counted wherever they are named."""

_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")


class _Loader(yaml.SafeLoader):
    """YAML's safe loader, with whole numbers as they are written and without dates; no key may be there twice."""

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        """A mapping as it is written.

        Raises:
            ComposerError: If a key is there twice.
        """
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        written: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in written:
                    raise yaml.composer.ComposerError(
                        None, None, f"the key {shown(key.value)} is there twice", key.start_mark
                    )
                written.add(key.value)
        return node


_READ_ANEW = {"tag:yaml.org,2002:int", "tag:yaml.org,2002:timestamp"}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _READ_ANEW]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(rf"{_INTEGER.pattern}$"), list("-+0123456789"))


def read_yaml(text: str, *, source: str) -> Any:
    """What a YAML text holds: mappings, lists, text, numbers, booleans and none.

    Args:
        text: The YAML text.
        source: Where it is from, for error messages.

    Raises:
        SpecError: If it is not YAML, names a key twice, or stands for more values than a person would write.
    """
    try:
        data = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise SpecError(f"{source} is not valid YAML: {one_line(str(error))}") from None
    except RecursionError:
        raise SpecError(f"{source} is not valid YAML here: its brackets nest too deep") from None
    except (ValueError, TypeError, LookupError, AttributeError) as error:  # of a tag whose value does not fit it
        raise SpecError(f"{source} is not valid YAML: a value does not fit its tag: {one_line(str(error))}") from None
    _check_size(data, source)
    return data


class _Dumper(yaml.SafeDumper):
    """YAML's safe dumper, with what is not printable by its code: U+0085 as it is would be read as a line's end."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Text, in the quotes in which there are codes where it needs them."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')

    def write_double_quoted(self, text: str, split: bool = True) -> None:
        """Write all but ASCII by its code."""
        self.allow_unicode = False
        super().write_double_quoted(text, split)
        self.allow_unicode = True


_Dumper.add_representer(str, _Dumper.represent_text)


def write_yaml(data: object, *, is_on_one_line: bool = False) -> str:
    """YAML from which `read_yaml` reads equal data, keys in their order.

    Args:
        data: A mapping or list of mappings, lists, text, numbers, booleans and none.
        is_on_one_line: Whether all of it stands on one line, in brackets and braces.
    """
    width = math.inf if is_on_one_line else 100
    text: str = yaml.dump(
        data, Dumper=_Dumper, default_flow_style=is_on_one_line, sort_keys=False, allow_unicode=True, width=width
    )
    return text


def _check_size(data: object, source: str) -> None:
    """Refuse aliases that multiply without end: a few lines can stand for more values than any memory holds."""
    left, number = [data], 0
    while left:
        value = left.pop()
        number += 1
        if number > _MOST_VALUES:
            raise SpecError(f"{source} stands for more than {_MOST_VALUES:,} values; are its aliases meant?")
        if isinstance(value, Mapping):
            left += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set | frozenset):
            left += value
