"""The large selective kernel from the paper's equations, in float64."""

import numpy as np

from tests.references.layers import Array, conv, sigmoid


def lsk(x: Array, state: dict[str, Array]) -> Array:
    """y of x (N, C, H, W); `state` is the module's state dict."""

    def layer(name: str, y: Array, *, padding: int = 0, dilation: int = 1, groups: int = 1) -> Array:
        kernel, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        return conv(y, kernel, bias, padding=padding, dilation=dilation, groups=groups)

    u1 = layer("near", x, padding=2, groups=x.shape[1])
    u2 = layer("far", u1, padding=9, dilation=3, groups=x.shape[1])
    mixed = layer("mix_near", u1), layer("mix_far", u2)
    both = np.concatenate(mixed, 1)
    masks = sigmoid(layer("select", np.stack((both.mean(1), both.max(1)), 1), padding=3))
    selected = np.zeros_like(mixed[0])
    for index, kernel in enumerate(mixed):
        selected += masks[:, index][:, None] * kernel
    return x * layer("restore", selected)
