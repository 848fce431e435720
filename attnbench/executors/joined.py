"""Runs in processes that torchrun or srun has started: all of them do one run after the other."""

from dataclasses import replace

from attnbench.errors import SpecError
from attnbench.executors.choice import Choice
from attnbench.joining import joined_start


def choice_of_joined(choice: Choice) -> Choice:
    """What is left of a choice where this process has joined others: itself. Elsewhere the choice as it is.

    Raises:
        SpecError: If something else was chosen.
    """
    start = joined_start()
    if start is None:
        return choice
    alone = replace(choice, workers=1)
    if choice.workers not in (None, 1) or alone != Choice(workers=1):
        given = {"executor": choice.kind, "workers": choice.workers, "run-timeout": choice.run_timeout_s}
        raise SpecError(
            f"{start.by} has started {start.number} processes, which all do one run after the other; got "
            f"{', '.join(f'--{name} {value}' for name, value in given.items() if value is not None)}, allowed: "
            "--executor local, --workers 1"
        )
    return alone
