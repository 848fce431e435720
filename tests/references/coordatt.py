"""Coordinate attention from the paper's equations, in float64."""

import numpy as np

from tests.references.layers import Array, batch_norm, conv, sigmoid


def coordatt(x: Array, state: dict[str, Array], *, training: bool) -> Array:
    """y of x (N, C, H, W); `state` is the module's state dict."""
    images, channels, height, width = x.shape
    strips = np.empty((images, channels, height + width, 1))
    for row in range(height):
        strips[:, :, row, 0] = x[:, :, row].sum(2) / width
    for column in range(width):
        strips[:, :, height + column, 0] = x[:, :, :, column].sum(2) / height
    norm = (state[f"norm.{name}"] for name in ("weight", "bias", "running_mean", "running_var"))
    hidden = batch_norm(conv(strips, state["squeeze.weight"], state["squeeze.bias"]), *norm, training=training)
    hidden = hidden * np.clip(hidden + 3, 0, 6) / 6
    row_gate = sigmoid(conv(hidden[:, :, :height], state["rows.weight"], state["rows.bias"]))
    column_gate = sigmoid(conv(hidden[:, :, height:], state["columns.weight"], state["columns.bias"]))
    return np.einsum("ncij,nci,ncj->ncij", x, row_gate[..., 0], column_gate[..., 0])
