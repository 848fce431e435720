"""Large kernel attention from the paper's equations, in float64."""

from tests.references.layers import Array, conv


def lka(x: Array, state: dict[str, Array], *, dilation: int) -> Array:
    """y of x (N, C, H, W); `state` is the module's state dict."""
    channels = x.shape[1]
    near, far = state["near.weight"], state["far.weight"]
    y = conv(x, near, state["near.bias"], padding=near.shape[2] // 2, groups=channels)
    y = conv(y, far, state["far.bias"], padding=dilation * (far.shape[2] // 2), dilation=dilation, groups=channels)
    return x * conv(y, state["mix.weight"], state["mix.bias"])
