"""SE from the paper's equations, in float64."""

from tests.references.layers import Array, linear, relu, sigmoid


def se(x: Array, w1: Array, b1: Array | None, w2: Array, b2: Array | None) -> Array:
    """y (N, C, H, W) of x; w1 (C/r, C), w2 (C, C/r)."""
    squeezed = x.reshape(*x.shape[:2], -1).mean(2)
    gate = sigmoid(linear(relu(linear(squeezed, w1, b1)), w2, b2))
    return x * gate[:, :, None, None]
