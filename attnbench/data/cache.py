"""The folder in which made and downloaded data sets are kept."""

import os
from pathlib import Path

import platformdirs

CACHE_VARIABLE = "ATTNBENCH_CACHE"
"""Environment variable that overrides the folder."""


def cache_folder() -> Path:
    """The folder named by ``ATTNBENCH_CACHE``, or else the user's cache folder; it need not exist."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser() if named else Path(platformdirs.user_cache_dir("attnbench"))
