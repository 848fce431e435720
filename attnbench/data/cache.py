"""The folder in which made and downloaded data sets are kept."""

import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

CACHE_VARIABLE = "ATTNBENCH_CACHE"
"""Environment variable that overrides the folder."""


def cache_folder() -> Path:
    """The folder named by ``ATTNBENCH_CACHE``, or else the user's cache folder; it need not exist."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("attnbench"))


def cached_arrays(file: Path, names: Iterable[str]) -> dict[str, NDArray[Any]] | None:
    """Arrays that `numpy.savez` has written, or none where the file is missing, damaged or of something else.

    Args:
        file: The file.
        names: Names of the arrays, all of which must be there.
    """
    try:
        with open(file, "rb") as opened:
            with zipfile.ZipFile(opened) as archive:
                num_bytes = sum(member.file_size for member in archive.infolist())
            # It compresses nothing, so that what is larger unpacked than packed would only fill the memory.
            if num_bytes > file.stat().st_size:
                return None
            # Opened here, since np.load leaves a damaged file open. Objects, which may bring code, are not read.
            with np.load(opened, allow_pickle=False) as stored:
                return {name: stored[name] for name in names}
    except Exception:  # a file that is torn or of something else may raise anything
        return None
