"""Shuffle attention from the paper's equations, channel by channel, in float64."""

import numpy as np

from tests.references.layers import Array, sigmoid


def sa(x: Array, state: dict[str, Array], *, groups: int) -> Array:
    """y of x (N, C, H, W); `state` is the module's state dict."""
    channels = x.shape[1]
    half = channels // (2 * groups)
    y = np.empty_like(x)
    for image, channel in np.ndindex(len(x), channels):
        values = x[image, channel]
        within = channel % (2 * half)
        index = within % half
        if within < half:
            score = state["channel_scale"][index] * values.mean() + state["channel_shift"][index]
        else:
            normalized = (values - values.mean()) / np.sqrt(((values - values.mean()) ** 2).mean() + 1e-5)
            normalized = normalized * state["norm.weight"][index] + state["norm.bias"][index]
            score = state["spatial_scale"][index] * normalized + state["spatial_shift"][index]
        # Channels of the first half of all go to the even places, those of the second to the odd.
        place = 2 * channel if channel < channels // 2 else 2 * (channel - channels // 2) + 1
        y[image, place] = values * sigmoid(score)
    return y
