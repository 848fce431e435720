"""CBAM from the paper's equations, in float64."""

import numpy as np

from tests.references.layers import Array, batch_norm, conv, linear, relu, sigmoid


def channel_gate(x: Array, w1: Array, b1: Array | None, w2: Array, b2: Array | None) -> Array:
    """x scaled a channel."""
    flat = x.reshape(*x.shape[:2], -1)
    branches = [linear(relu(linear(pooled, w1, b1)), w2, b2) for pooled in (flat.mean(2), flat.max(2))]
    return x * sigmoid(branches[0] + branches[1])[:, :, None, None]


def spatial_gate(x: Array, kernel: Array, norm: tuple[Array, ...] | None, *, training: bool) -> Array:
    """x scaled a position; kernel (1, 2, k, k), maximum first."""
    pooled = np.stack((x.max(1), x.mean(1)), 1)
    scores = conv(pooled, kernel, padding=kernel.shape[2] // 2)
    if norm is not None:
        scores = batch_norm(scores, *norm, training=training)
    return x * sigmoid(scores)
