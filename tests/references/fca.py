"""FCA from the paper's equations, with loops, in float64."""

import math

import numpy as np

from tests.references.layers import Array, linear, relu, sigmoid


def average_to_grid(x: Array, points: int) -> Array:
    """Means over the windows from ⌊iH/P⌋ to ⌈(i+1)H/P⌉ of each side."""
    height, width = x.shape[2:]
    y = np.empty((*x.shape[:2], points, points))
    for row, column in np.ndindex(points, points):
        rows = slice(row * height // points, -(-(row + 1) * height // points))
        columns = slice(column * width // points, -(-(column + 1) * width // points))
        y[:, :, row, column] = x[:, :, rows, columns].mean((2, 3))
    return y


def coefficient(values: Array, u: int, v: int) -> float:
    """One coefficient of the orthonormal discrete cosine transform of values (P, P)."""
    points = len(values)
    total = 0.0
    for i, j in np.ndindex(points, points):
        wave = math.cos(math.pi * u * (i + 0.5) / points) * math.cos(math.pi * v * (j + 0.5) / points)
        total += values[i, j] * wave
    return total / points * (math.sqrt(2) if u else 1) * (math.sqrt(2) if v else 1)


def fca(x: Array, pairs: list[tuple[int, int]], w1: Array, w2: Array, *, points: int) -> Array:
    """y (N, C, H, W) of x; `pairs` are the parts' frequencies (u, v)."""
    pooled = average_to_grid(x, points)
    size = x.shape[1] // len(pairs)
    z = np.empty(x.shape[:2])
    for image, channel in np.ndindex(*z.shape):
        z[image, channel] = coefficient(pooled[image, channel], *pairs[channel // size])
    return x * sigmoid(linear(relu(linear(z, w1, None)), w2, None))[:, :, None, None]
