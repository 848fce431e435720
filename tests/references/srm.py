"""SRM from the paper's equations, in float64."""

import math

import numpy as np

from tests.references.layers import Array, batch_norm, sigmoid


def srm(x: Array, weights: Array, norm: tuple[Array, ...], *, source: str, training: bool) -> Array:
    """y (N, C, H, W) of x; weights (C, 2) of mean and deviation."""
    scores = np.empty((*x.shape[:2], 1, 1))
    positions = x.shape[2] * x.shape[3]
    for image, channel in np.ndindex(*x.shape[:2]):
        values = x[image, channel].ravel()
        mean = sum(values) / positions
        squares = sum((value - mean) ** 2 for value in values)
        if source == "official":
            deviation = math.sqrt((squares / (positions - 1) if positions > 1 else 0.0) + 1e-5)
        else:
            deviation = math.sqrt(squares / positions)
        scores[image, channel] = weights[channel, 0] * mean + weights[channel, 1] * deviation
    return x * sigmoid(batch_norm(scores, *norm, training=training))
