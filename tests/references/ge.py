"""Gather-excite from the paper's equations, with loops, in float64."""

import numpy as np

from tests.references.layers import Array, sigmoid


def gather_means(x: Array, extent: int, *, zeros_outside: bool = False) -> Array:
    """Mean over windows of 2e − 1 around each e-th position, of what is inside the map or with zeros around it."""
    height, width = x.shape[2:]
    rows, columns = range(0, height, extent), range(0, width, extent)
    y = np.empty((*x.shape[:2], len(rows), len(columns)))
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            window = x[
                :,
                :,
                max(row - extent + 1, 0) : row + extent,
                max(column - extent + 1, 0) : column + extent,
            ]
            number = (2 * extent - 1) ** 2 if zeros_outside else window[0, 0].size
            y[:, :, i, j] = window.sum((2, 3)) / number
    return y


def excite(x: Array, gathered: Array, extent: int) -> Array:
    """x gated by the gathered value whose window each position belongs to."""
    y = np.empty_like(x)
    for row in range(x.shape[2]):
        for column in range(x.shape[3]):
            y[:, :, row, column] = x[:, :, row, column] * sigmoid(gathered[:, :, row // extent, column // extent])
    return y
