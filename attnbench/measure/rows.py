"""Rows that are timed in turn, and drop out where they fail."""

from collections.abc import Mapping

import numpy as np

from attnbench.errors import DeviceMemoryError, RowError
from attnbench.measure.failure import describe, is_out_of_memory
from attnbench.measure.stopwatch import Step, Stopwatch


class Rows:
    """Steps by label, timed round by round in an order that the round's number draws.

    Args:
        steps: What to time, by label.
        baseline: The label without which nothing can be compared.
        stopwatch: The clock that suits their device.
    """

    def __init__(self, steps: Mapping[str, Step], baseline: str, stopwatch: Stopwatch) -> None:
        self.errors: dict[str, str] = {}
        self._steps = dict(steps)
        self._baseline = baseline
        self._stopwatch = stopwatch
        self._taken: list[str] = []

    @property
    def labels(self) -> tuple[str, ...]:
        """The rows that have not failed, in the order of the steps."""
        return tuple(self._steps)

    def take(self, number: int, repeats: int) -> None:
        """Take one sample of every row; a row that raises drops out, and its error is kept as text.

        Args:
            number: The round's number, which draws the order.
            repeats: Steps in each sample.

        Raises:
            DeviceMemoryError: If a step does not fit into memory.
            RowError: If the baseline fails.
        """
        labels = self.labels
        for index in np.random.default_rng(number).permutation(len(labels)):
            label = labels[index]
            try:
                self._stopwatch.time(self._steps[label], repeats)
            except Exception as error:
                text, is_memory = describe(error), is_out_of_memory(error)
            else:
                self._taken.append(label)
                continue
            # Raised outside the handler, so that no traceback keeps the failed step's tensors in memory.
            if is_memory:
                raise DeviceMemoryError(f"{label} does not fit into memory at this batch size; {text}", row=label)
            if label == self._baseline:
                raise RowError(f"the baseline {label} fails, so that nothing can be compared; {text}", row=label)
            self.errors[label] = text
            del self._steps[label]

    def read(self) -> dict[str, list[float]]:
        """Milliseconds of one step in each sample since the last reading, of the rows that have not failed."""
        taken, self._taken = self._taken, []
        samples_ms: dict[str, list[float]] = {label: [] for label in self._steps}
        for label, ms in zip(taken, self._stopwatch.read_ms(), strict=True):
            if label in samples_ms:
                samples_ms[label].append(ms)
        return samples_ms
