"""LCT from the paper's equations, in float64."""

import numpy as np

from tests.references.layers import Array, sigmoid


def lct(x: Array, gate_scale: Array, gate_shift: Array, *, groups: int) -> Array:
    """y (N, C, H, W) of x; the weights (C,)."""
    y = np.empty_like(x)
    size = x.shape[1] // groups
    for image, group in np.ndindex(len(x), groups):
        channels = range(group * size, (group + 1) * size)
        context = [x[image, channel].mean() for channel in channels]
        mean = sum(context) / size
        variance = sum((value - mean) ** 2 for value in context) / size
        for value, channel in zip(context, channels, strict=True):
            score = gate_scale[channel] * (value - mean) / np.sqrt(variance + 1e-5) + gate_shift[channel]
            y[image, channel] = x[image, channel] * sigmoid(score)
    return y
