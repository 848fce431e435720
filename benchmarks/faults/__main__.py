"""What commands leave that are stopped at random moments, beside undisturbed ones.

    python -m benchmarks.faults --output results

A suite (in this process and in two workers), a study and the writing of records are stopped by SIGKILL, SIGTERM and
Ctrl-C, sent to the command alone or to its whole group, at moments drawn evenly from the time that they take, and
started again, until they come to their end. Then there must be exactly the records of an undisturbed one, equal to the
last bit but for timings.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from attnbench.environment import capture_environment
from attnbench.record import Environment
from attnbench.spec import Compute
from benchmarks.faults.kinds import Outcome, disturb_study, disturb_suite, disturb_writing

KINDS: dict[str, Callable[[int, random.Random], Outcome]] = {
    "suite": partial(disturb_suite, workers=1),
    "suite-workers": partial(disturb_suite, workers=2),
    "study": disturb_study,
    "writing": disturb_writing,
}
"""What can be disturbed."""

PACKAGES = ("torch", "lightning")


def main(arguments: Sequence[str] | None = None) -> int:
    """Disturb, print, write, and fail if anything is lost, doubled, changed or left behind."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--moments", type=int, default=50, help="random moments at which each is stopped")
    parser.add_argument("--seed", type=int, default=0, help="of the moments; they also depend on the machine's speed")
    parser.add_argument("--what", choices=KINDS, nargs="+", default=list(KINDS))
    parser.add_argument("--output", type=Path, help="folder for faults.json and faults.txt")
    options = parser.parse_args(arguments)
    environment = capture_environment(Compute(device="cpu"))
    command = f"python -m benchmarks.faults --moments {options.moments} --seed {options.seed}"
    command += f" --what {' '.join(options.what)}"
    outcomes: list[Outcome] = []
    for kind in options.what:
        outcomes.append(KINDS[kind](options.moments, random.Random(f"{options.seed} {kind}")))
        if options.output is not None:  # after each, since one takes many minutes
            _write(options.output, command, environment, outcomes)
    _show(command, environment, outcomes, Console())
    return 1 if any(map(is_wrong, outcomes)) else 0


def is_wrong(outcome: Outcome) -> bool:
    """Whether anything is not as it is after an undisturbed command."""
    told = outcome.told
    counts = (outcome.lost, outcome.doubled, outcome.differing, outcome.unreadable, told.left_alive)
    return any(counts) or bool(told.wrong_codes or told.tracebacks)


def _write(folder: Path, command: str, environment: Environment, outcomes: Sequence[Outcome]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    outcomes_made = [{**asdict(outcome), "told": _told(outcome)} for outcome in outcomes]
    content = {"command": command, "environment": asdict(environment), "outcomes": outcomes_made}
    (folder / "faults.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    with (folder / "faults.txt").open("w", encoding="utf-8") as file:
        _show(command, environment, outcomes, Console(file=file, width=120))


def _told(outcome: Outcome) -> dict[str, Any]:
    """What is worth keeping of what the commands did: not the files, which are gone."""
    told = asdict(outcome.told)
    del told["files"]
    return told


def _show(command: str, environment: Environment, outcomes: Sequence[Outcome], console: Console) -> None:
    packages = ", ".join(f"{name} {environment.packages[name]}" for name in PACKAGES)
    console.print(f"{command}\nattnbench {environment.git_revision or environment.attnbench}; {packages}; ", end="")
    console.print(f"Python {environment.python}; {environment.platform}, {environment.processor}", highlight=False)
    table = Table()
    table.add_column("stopped at random moments")
    for outcome in outcomes:
        table.add_column(outcome.what, justify="right")
    told = [outcome.told for outcome in outcomes]
    rows = {
        "moments tried": [outcome.moments for outcome in outcomes],
        "records lost": [outcome.lost for outcome in outcomes],
        "records doubled": [outcome.doubled for outcome in outcomes],
        "differing values": [outcome.differing for outcome in outcomes],
        "unreadable records": [outcome.unreadable for outcome in outcomes],
        "processes left alive": [one.left_alive for one in told],
        "ended with a traceback": [len(one.tracebacks) for one in told],
        "wrong exit codes": [len(one.wrong_codes) for one in told],
    }
    for name, numbers in rows.items():
        table.add_row(name, *map(str, numbers))
    console.print(table)
    for outcome in outcomes:
        listed = ", ".join(f"{name} {number}" for name, number in sorted(outcome.told.moments.items()))
        console.print(f"{outcome.what}: {listed or 'stopped at no moment'}", highlight=False)
        for code in outcome.told.wrong_codes:
            console.print(f"{outcome.what}: exit code {code}", highlight=False)
        for errors in outcome.told.tracebacks:
            console.print(f"{outcome.what}: {errors}", highlight=False, markup=False)


if __name__ == "__main__":
    sys.exit(main())
