"""What a checkpoint's file says of its weights, beside them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from attnbench.errors import CheckpointError, SpecError, UnknownNameError
from attnbench.spec import PluginFile
from attnbench.spec_io import from_builtins

DESCRIPTION = "attnbench"
"""Key of a checkpoint under which its description stands, in plain dicts, numbers and text."""

T = TypeVar("T")


def described_as(content: Mapping[str, Any]) -> str | None:
    """What a checkpoint says that its weights are of: ``classifier``, ``detector``, or nothing."""
    if DESCRIPTION not in content:
        return None
    description = content[DESCRIPTION]
    # A detector takes images of any size.
    is_classifier = isinstance(description, Mapping) and "image_shape" in description
    return "classifier" if is_classifier else "detector"


def read_description(
    content: Mapping[str, Any], description_class: type[T], *, kind: str, made_by: str, source: Path
) -> T:
    """The description in a checkpoint.

    Args:
        content: What the file holds.
        description_class: Class of the description.
        kind: What is described: ``classifier`` or ``detector``.
        made_by: The command that writes such files, for the message.
        source: The file.

    Raises:
        CheckpointError: If there is none, or it is of something else.
    """
    if DESCRIPTION not in content:
        raise CheckpointError(
            f"{source} does not say what {kind} its weights are of, as the files do that {made_by} writes; "
            f"its keys are {', '.join(map(str, list(content)[:5])) or '∅'}"
        )
    if (other := described_as(content)) != kind:
        raise CheckpointError(f"{source} holds a {other}, where a {kind} is wanted, as {made_by} writes it")
    try:
        return from_builtins(content[DESCRIPTION], description_class, source=str(source))
    except SpecError as error:
        raise CheckpointError(f"this attnbench does not understand what {kind} it is: {error}") from error


def unregistered(error: UnknownNameError, source: Path, *plugins: PluginFile | None) -> CheckpointError:
    """The error of a checkpoint that names what nobody has registered.

    Args:
        error: What was not found.
        source: The checkpoint's file.
        *plugins: Users' files that its run had imported.
    """
    files = dict.fromkeys(plugin.path for plugin in plugins if plugin)
    named = " and ".join(files) or "the file that registers it, if it is your own,"
    return CheckpointError(
        f"{source} needs what is not registered: {error}; no file is imported at a checkpoint's word: name "
        f"{named} with --import"
    )
