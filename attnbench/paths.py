"""Files that a user names for results."""

from pathlib import Path

from attnbench.errors import SpecError


def check_output_file(file: Path, *, option: str) -> None:
    """Refuse, before hours of work, a file that cannot be written after them.

    Args:
        file: An old file, or a new one in a folder that exists.
        option: Its name, for the message.

    Raises:
        SpecError: If it is a folder, a device or a pipe, or its folder does not exist.
    """
    if (file.exists() and not file.is_file()) or not file.parent.is_dir():
        raise SpecError(f"{option} must be a file in a folder that exists; got {option}={str(file)!r}")
