"""ECA from the paper's equations, with loops, in float64."""

import numpy as np

from tests.references.layers import Array, sigmoid


def eca(x: Array, kernel: Array) -> Array:
    """y (N, C, H, W) of x; kernel (k,)."""
    images, channels = x.shape[:2]
    y = np.empty_like(x)
    reach = len(kernel) // 2
    for image in range(images):
        means = [x[image, channel].mean() for channel in range(channels)]
        for channel in range(channels):
            score = 0.0
            for offset in range(-reach, reach + 1):
                if 0 <= channel + offset < channels:
                    score += kernel[offset + reach] * means[channel + offset]
            y[image, channel] = x[image, channel] * sigmoid(np.asarray(score))
    return y
