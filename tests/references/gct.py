"""GCT from the paper's equations, in float64."""

import numpy as np

from tests.references.layers import Array


def gct(x: Array, embedding_weight: Array, gate_scale: Array, gate_shift: Array, *, norm: str) -> Array:
    """y (N, C, H, W) of x; the weights (C,)."""
    y = np.empty_like(x)
    channels = x.shape[1]
    for image in range(len(x)):
        if norm == "l2":
            sizes = [np.sqrt((x[image, channel] ** 2).sum() + 1e-5) for channel in range(channels)]
        else:
            sizes = [np.abs(x[image, channel]).sum() for channel in range(channels)]
        embedded = [embedding_weight[channel] * sizes[channel] for channel in range(channels)]
        if norm == "l2":
            spread = np.sqrt(sum(value**2 for value in embedded) / channels + 1e-5)
        else:
            spread = sum(abs(value) for value in embedded) / channels + 1e-5
        for channel in range(channels):
            gate = 1 + np.tanh(gate_scale[channel] * embedded[channel] / spread + gate_shift[channel])
            y[image, channel] = gate * x[image, channel]
    return y
