"""BAM from the paper's equations, with the authors' norms, in float64."""

from typing import Any

from tests.references.layers import Array, batch_norm, conv, relu, sigmoid


def bam(x: Array, state: dict[str, Array], *, dilation: int, combine: str, training: bool) -> Array:
    """y (N, C, H, W) of x; `state` is the module's state dict."""

    def layer(branch: str, index: int, y: Array, **geometry: Any) -> Array:
        return conv(y, state[f"{branch}.{index}.weight"], state[f"{branch}.{index}.bias"], **geometry)

    def norm(branch: str, index: int, y: Array) -> Array:
        names = ("weight", "bias", "running_mean", "running_var")
        return relu(batch_norm(y, *(state[f"{branch}.{index}.{name}"] for name in names), training=training))

    channel = layer("channel_branch", 0, x.mean((2, 3), keepdims=True))
    channel = layer("channel_branch", 3, norm("channel_branch", 1, channel))
    spatial = norm("spatial_branch", 1, layer("spatial_branch", 0, x))
    for index in (3, 6):
        convolved = layer("spatial_branch", index, spatial, padding=dilation, dilation=dilation)
        spatial = norm("spatial_branch", index + 1, convolved)
    spatial = layer("spatial_branch", 9, spatial)
    logits = channel + spatial if combine == "sum" else channel * spatial
    return x + x * sigmoid(logits)
