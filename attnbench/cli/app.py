"""The `attnbench` command: its subcommands, and how errors end."""

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

import attnbench
from attnbench.cli.ablate import ablate
from attnbench.cli.check import check
from attnbench.cli.convert import convert
from attnbench.cli.data import data
from attnbench.cli.detect import detect
from attnbench.cli.efficiency import efficiency
from attnbench.cli.evaluate import evaluate
from attnbench.cli.export import export
from attnbench.cli.leaderboard import leaderboard
from attnbench.cli.list import list_names
from attnbench.cli.plan import plan
from attnbench.cli.report import report
from attnbench.cli.train import train
from attnbench.cli.tune import tune
from attnbench.cli.visualize import visualize
from attnbench.errors import AttnBenchError

app = App(
    name="attnbench",
    help="Compare attention modules in convolutional networks: accuracy, parameters, MACs and speed.",
    version=attnbench.__version__,
)
app.command(leaderboard)
app.command(ablate)
app.command(tune)
app.command(efficiency)
app.command(plan)
app.command(train)
app.command(evaluate)
app.command(visualize)
app.command(detect)
app.command(convert)
app.command(check)
app.command(data)
app.command(report)
app.command(export)
app.command(list_names, name="list")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words of the command line without the program's name; by default the process's.

    Returns:
        The exit code: 0 if all went well, 1 if a run failed, 2 if something asked for is not valid, 130 after Ctrl-C.
    """
    try:
        status = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        print(f"error: {_one_line(str(error))}", file=sys.stderr)
        return 2
    except AttnBenchError as error:
        print(f"error: {_one_line(str(error))}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return int(status or 0)


def _one_line(message: str) -> str:
    return " ".join(message.split())
