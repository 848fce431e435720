"""Layers written with loops and plain sums, in float64, for the references of the modules."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def sigmoid(x: Array) -> Array:
    return 1 / (1 + np.exp(-x))


def relu(x: Array) -> Array:
    return np.where(x > 0, x, 0.0)


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """(N, in) → (N, out)."""
    y = np.array([[float(row @ sample) for row in weight] for sample in x])
    return y if bias is None else y + bias


def batch_norm(x: Array, weight: Array, bias: Array, mean: Array, variance: Array, *, training: bool) -> Array:
    """(N, C, ...); statistics of the batch in training, else the given ones."""
    y = np.empty_like(x)
    for channel in range(x.shape[1]):
        values = x[:, channel]
        centre = values.mean() if training else mean[channel]
        spread = ((values - centre) ** 2).mean() if training else variance[channel]
        y[:, channel] = (values - centre) / np.sqrt(spread + 1e-5) * weight[channel] + bias[channel]
    return y


def conv(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Array:
    """(N, in, H, W) → (N, out, H', W')."""
    images, _, height, width = x.shape
    outputs, inputs, kernel_height, kernel_width = weight.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    out_height = (height + 2 * padding - dilation * (kernel_height - 1) - 1) // stride + 1
    out_width = (width + 2 * padding - dilation * (kernel_width - 1) - 1) // stride + 1
    y = np.zeros((images, outputs, out_height, out_width))
    for output in range(outputs):
        first = output // (outputs // groups) * inputs
        for row in range(out_height):
            for column in range(out_width):
                window = padded[
                    :,
                    first : first + inputs,
                    row * stride : row * stride + dilation * (kernel_height - 1) + 1 : dilation,
                    column * stride : column * stride + dilation * (kernel_width - 1) + 1 : dilation,
                ]
                y[:, output, row, column] = (window * weight[output]).sum((1, 2, 3))
        if bias is not None:
            y[:, output] += bias[output]
    return y
