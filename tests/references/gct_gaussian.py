"""The Gaussian context transformer from the paper's equations, in float64."""

import math

import numpy as np

from tests.references.layers import Array


def gct_gaussian(x: Array, *, deviation: float) -> Array:
    """y of x (N, C, H, W)."""
    y = np.empty_like(x)
    for image, maps in enumerate(x):
        context = [values.mean() for values in maps]
        mean = sum(context) / len(context)
        spread = math.sqrt(sum((value - mean) ** 2 for value in context) / len(context))
        for channel, value in enumerate(context):
            score = (value - mean) / (spread + 1e-5)
            y[image, channel] = maps[channel] * math.exp(-(score**2) / (2 * deviation**2))
    return y
