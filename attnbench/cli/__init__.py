"""The command line: one file a command, each of which parses, calls and prints."""

from attnbench.cli.app import main, run_program

__all__ = ["main", "run_program"]
