"""Programs that are to have the attnbench of this checkout, whatever is installed."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[1]


def source_environment(**further: str) -> dict[str, str]:
    """Variables of such a program: this process's, and further ones."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **further}
