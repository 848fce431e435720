"""The `attnbench` command: its subcommands, and how errors end."""

import atexit
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial

from cyclopts import App, CycloptsError

import attnbench
from attnbench.cli.termination import termination_as_interrupt
from attnbench.ending import end_at_once, flushed, is_read, silence
from attnbench.errors import AttnBenchError, SpecError
from attnbench.exit_codes import INTERRUPTED, TERMINATED
from attnbench.printable import printable
from attnbench.starting import QUIET, Start, this_start

COMMANDS = {
    "leaderboard": "Train and measure several attention modules under one recipe, and print a table that ranks them.",
    "ablate": "Change one setting of an attention module, all else equal, and print what that does to accuracy and "
    "cost.",
    "tune": "Search the settings that a module exposes, and compare the winner with the published default.",
    "efficiency": "Count and time what attention modules cost, and print a table that ranks them.",
    "plan": "Tell from stored records how many seeds a difference takes and what they cost; nothing is trained.",
    "train": "Train and measure one attention module, and store its record.",
    "evaluate": "Test the weights of a checkpoint; nothing is trained.",
    "visualize": "Draw what trained classifiers look at: Grad-CAM of all side by side, and the maps of each attention "
    "module.",
    "detect": "Draw what a trained detector finds in images: boxes with class and score, and masks where it gives "
    "them.",
    "convert": "Write a checkpoint's weights as a plain state dict under attnbench's names.",
    "check": "Hold an attention module to the contract of the plug-in point, and say what passes and what fails.",
    "data": "Write an embedded detection data set as a folder, or check one of your own.",
    "report": "Show the leaderboards, detection and efficiency tables of the records in a store; nothing is trained or "
    "measured.",
    "export": "Write the records of stores as Parquet files, one row a run.",
    "list": "List the attention modules, backbones, detectors, data sets and presets, with their settings.",
}
"""Each subcommand and what it does. Its function has its name and stands in the file of that name."""

_TRAINING = ("leaderboard", "ablate", "train")
"""Those that several processes, which torchrun or srun has started, do together."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words of the command line without the program's name; by default the process's.

    Returns:
        The exit code: 0 if all went well, 1 if a run failed or whoever read the output had enough, 2 if something
        asked for is not valid, 130 after Ctrl-C, 143 after SIGTERM.
    """
    words = sys.argv[1:] if arguments is None else arguments
    start = this_start()
    command = partial(_told, partial(_run, words, start))
    with termination_as_interrupt() as terminated:
        if start is None:
            status = command()
        else:
            os.environ.update({name: value for name, value in QUIET.items() if name not in os.environ})
            from attnbench.joining import as_rank

            status = _told(partial(as_rank, start, command))
    return TERMINATED if terminated and status == INTERRUPTED else status


def run_program() -> int:
    """What the program `attnbench` calls: `main`, after which nothing interrupts Python's end any more.

    That takes a second, in which Ctrl-C would give a traceback and another exit code.
    """
    status = 0
    # The first that is registered is the last to be called.
    atexit.register(lambda: _end_as_interrupted(status))
    try:
        status = flushed(main())
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
    return status


def _end_as_interrupted(status: int) -> None:
    # Where Ctrl-C came in code that is made from text, such as a dataclass, Python ends itself by SIGINT all the same.
    if status in (INTERRUPTED, TERMINATED):
        end_at_once(status)


def _run(words: Sequence[str], start: Start | None) -> int:
    name = words[0] if words else ""
    if start and name in COMMANDS and name not in _TRAINING:
        raise SpecError(
            f"attnbench {name} is done by one process; got {start.number} that {start.by} has started, allowed for "
            f"them: {', '.join(_TRAINING)}"
        )
    status = make_app(words)(words, exit_on_error=False, print_error=False, result_action="return_value")
    return int(status or 0)


def _told(command: Callable[[], int]) -> int:
    """Do something, and tell of the error in which it ends."""
    try:
        return command()
    except BrokenPipeError:
        if is_read(sys.stdout):  # it was another pipe
            raise
        silence()
        return 1
    except (CycloptsError, AttnBenchError) as error:
        print(f"error: {_one_line(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def make_app(words: Sequence[str] = ()) -> App:
    """The command line, of which only the subcommand that is wanted is imported.

    Args:
        words: The words of the command line.
    """
    app = App(
        name="attnbench",
        help="Compare attention modules in convolutional networks: accuracy, parameters, MACs and speed.",
        version=attnbench.__version__,
        suppress_keyboard_interrupt=False,  # it would end here with 130 and no word, after SIGTERM, too
    )
    for name, what in COMMANDS.items():
        # What is said here of the one that is wanted would stand in place of all that its function says.
        is_wanted = name in words[:1]
        function = "list_names" if name == "list" else name  # but `list` is Python's own
        app.command(f"attnbench.cli.{name}:{function}", name=name, help=None if is_wanted else what)
    return app


def _one_line(message: str) -> str:
    return printable(" ".join(message.split()))
