"""`python -m attnbench` is `attnbench`."""

import sys

from attnbench.cli import run_program

if __name__ == "__main__":
    sys.exit(run_program())
