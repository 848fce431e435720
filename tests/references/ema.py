"""Efficient multi-scale attention from the paper's equations, group by group, in float64."""

import numpy as np

from tests.references.layers import Array, conv, sigmoid


def ema(x: Array, state: dict[str, Array], *, groups: int) -> Array:
    """y of x (N, C, H, W); `state` is the module's state dict."""
    y = np.empty_like(x)
    size = x.shape[1] // groups
    for image, group in np.ndindex(len(x), groups):
        channels = slice(group * size, (group + 1) * size)
        y[image, channels] = _gated(x[image, channels], state)
    return y


def _gated(x: Array, state: dict[str, Array]) -> Array:
    """One group (C/G, H, W)."""
    height = x.shape[1]
    strips = np.concatenate((x.mean(2), x.mean(1)), 1)[None, :, :, None]
    gates = sigmoid(conv(strips, state["strips.weight"], state["strips.bias"]))[0, :, :, 0]
    narrow = x * gates[:, :height, None] * gates[:, None, height:]
    for channel, values in enumerate(narrow):
        spread = np.sqrt(((values - values.mean()) ** 2).mean() + 1e-5)
        narrow[channel] = (values - values.mean()) / spread * state["norm.weight"][channel] + state["norm.bias"][
            channel
        ]
    local = conv(x[None], state["local.weight"], state["local.bias"], padding=1)[0]
    scores = np.zeros(x.shape[1:])
    for row, column in np.ndindex(*x.shape[1:]):
        scores[row, column] = _softmax(narrow) @ local[:, row, column] + _softmax(local) @ narrow[:, row, column]
    return x * sigmoid(scores)


def _softmax(x: Array) -> Array:
    """Of the channels' means."""
    powers = np.array([np.exp(values.mean()) for values in x])
    return powers / powers.sum()
