"""SimAM from the paper's equations, with loops, in float64."""

import math

import numpy as np

from tests.references.layers import Array


def simam(x: Array, *, regularization: float) -> Array:
    """y (N, C, H, W) of x."""
    y = np.empty_like(x)
    positions = x.shape[2] * x.shape[3]
    for image, channel in np.ndindex(*x.shape[:2]):
        values = x[image, channel]
        mean = values.sum() / positions
        variance = sum((value - mean) ** 2 for value in values.ravel()) / max(positions - 1, 1)
        for row, column in np.ndindex(*values.shape):
            value = values[row, column]
            inverse_energy = (value - mean) ** 2 / (4 * (variance + regularization)) + 0.5
            y[image, channel, row, column] = value / (1 + math.exp(-inverse_energy))
    return y
