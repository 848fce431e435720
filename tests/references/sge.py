"""SGE from the paper's equations, with loops, in float64."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sge(
    x: Array,
    gate_scale: Array,
    gate_shift: Array,
    *,
    groups: int,
    normalize: bool = True,
    source: str = "official",
) -> Array:
    """y (N, C, H, W) of x (N, C, H, W); gate_scale and gate_shift (G,)."""
    images, channels, height, width = x.shape
    size = channels // groups
    y = np.zeros_like(x)
    for image in range(images):
        for group in range(groups):
            block = x[image, group * size : (group + 1) * size]
            positions = [block[:, row, column] for row in range(height) for column in range(width)]
            mean_feature = sum(positions) / len(positions)
            similarity = [float(mean_feature @ position) for position in positions]
            mean = sum(similarity) / len(similarity)
            spread = 0.0
            if len(similarity) > 1:
                divisor = len(similarity) - 1 if source == "official" else len(similarity)
                spread = math.sqrt(sum((value - mean) ** 2 for value in similarity) / divisor)
            for index, position in enumerate(positions):
                score = (similarity[index] - mean) / (spread + 1e-5) if normalize else similarity[index]
                gate = 1 / (1 + math.exp(-(gate_scale[group] * score + gate_shift[group])))
                row, column = divmod(index, width)
                y[image, group * size : (group + 1) * size, row, column] = position * gate
    return y
