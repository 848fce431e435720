"""Triplet attention from the paper's equations, by rotating the map, in float64."""

import numpy as np

from tests.references.layers import Array, batch_norm, conv, sigmoid

ROTATIONS = ((0, 2, 1, 3), (0, 3, 2, 1), (0, 1, 2, 3))
"""Of (N, C, H, W), so that first height, then width, then the channels are pooled; each is its own inverse."""


def triplet(x: Array, state: dict[str, Array], *, spatial: bool, training: bool) -> Array:
    """y of x (N, C, H, W); `state` is the module's state dict."""
    branches = []
    for index, rotation in enumerate(ROTATIONS if spatial else ROTATIONS[:2]):
        rotated = x.transpose(rotation)
        pooled = np.stack((rotated.max(1), rotated.mean(1)), 1)
        kernel = state[f"gates.{index}.conv.weight"]
        norm = (state[f"gates.{index}.norm.{name}"] for name in ("weight", "bias", "running_mean", "running_var"))
        gate = sigmoid(batch_norm(conv(pooled, kernel, padding=kernel.shape[2] // 2), *norm, training=training))
        branches.append((rotated * gate).transpose(rotation))
    return sum(branches) / len(branches)
