"""Files that a user names for results."""

from pathlib import Path

from attnbench.errors import SpecError, StoreError


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


def make_output_folder(folder: Path, *, option: str) -> None:
    """Make a folder for results, with those that it lies in, unless it is there.

    Args:
        folder: The folder.
        option: Its name, for the message.

    Raises:
        SpecError: If something else has its name.
        StoreError: If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise SpecError(f"{option} must be a folder, or the name of a new one; got {option}={str(folder)!r}") from None
    except OSError as error:
        raise StoreError(f"cannot make the folder {folder}: {error.strerror or error}") from error
