"""A histogram of numbers that come bit by bit, whose range need not be known beforehand.

Its range is −R … R, with R the lowest power of two above every |x| so far. Where R grows, neighbouring bins become
one, whose edges were edges before: so the counts are those that the last range would have had from the start, in
whatever order the numbers came. A bin is at most 4 / 4096, a thousandth, of the highest |x| wide.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 4096
"""Bins of the whole range; a multiple of 4."""
_LOWEST_EXPONENT = -64
"""Smaller numbers are all in the bins around 0."""


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """Counts in bins of equal width, from the first bin with a value to the last."""

    low: float
    """Lower edge of the first bin."""
    high: float
    """Upper edge of the last bin, which no value reaches."""
    counts: tuple[int, ...]
    """Values in each bin; empty where there are none."""

    @property
    def bin_width(self) -> float:
        """How far a value may lie from where the histogram has it."""
        return (self.high - self.low) / max(len(self.counts), 1)


def quantile(histogram: Histogram, share: float) -> float:
    """The value below which a share of the values lies, with an error below the width of a bin.

    Args:
        histogram: At least one value.
        share: In 0 … 1.

    >>> quantile(Histogram(low=0.0, high=4.0, counts=(1, 0, 0, 1)), 0.75)
    3.5
    """
    below = np.concatenate([[0], np.cumsum(histogram.counts)])
    wanted = share * below[-1]
    place = max(int(np.searchsorted(below, wanted)) - 1, 0)
    inside = (wanted - below[place]) / histogram.counts[place]
    return histogram.low + histogram.bin_width * (place + float(inside))


class RunningHistogram:
    """Counts of all numbers so far, in a memory that does not grow."""

    def __init__(self) -> None:
        self._exponent = _LOWEST_EXPONENT
        self._counts = np.zeros(NUM_BINS, np.int64)

    def update(self, values: NDArray[np.float64]) -> None:
        """Count more numbers; those that are not finite are left out.

        Args:
            values: Of any shape.
        """
        finite = values[np.isfinite(values)]
        if not finite.size:
            return
        # |x| = m · 2^e with m < 1, so that |x| < 2^e.
        for _ in range(math.frexp(float(np.abs(finite).max()))[1] - self._exponent):
            self._double()
        places = np.floor(finite / self._bin_width).astype(np.int64) + NUM_BINS // 2
        self._counts += np.bincount(places, minlength=NUM_BINS)

    def histogram(self) -> Histogram:
        """What was counted so far."""
        occupied = np.flatnonzero(self._counts)
        if not occupied.size:
            return Histogram(low=0.0, high=0.0, counts=())
        first, last = int(occupied[0]), int(occupied[-1]) + 1
        low, high = ((edge - NUM_BINS // 2) * self._bin_width for edge in (first, last))
        return Histogram(low=low, high=high, counts=tuple(self._counts[first:last].tolist()))

    @property
    def _bin_width(self) -> float:
        return math.ldexp(2.0 / NUM_BINS, self._exponent)

    def _double(self) -> None:
        """Twice the range in the same number of bins."""
        pairs = self._counts.reshape(-1, 2).sum(1)
        quarter = NUM_BINS // 4
        self._counts = np.pad(pairs, quarter)
        self._exponent += 1
