"""GCNet's context block from the paper's equations, in float64."""

import numpy as np

from tests.references.layers import Array, linear, relu, sigmoid


def gc(x: Array, state: dict[str, Array], *, fusion: str, epsilon: float = 1e-5) -> Array:
    """y of x (N, C, H, W); `state` is the module's state dict, `epsilon` the layer norm's."""
    context = np.array([_context(image.reshape(len(image), -1), state) for image in x])
    y = x
    if fusion != "add":
        y = y * sigmoid(_transform(context, state, "mul", epsilon))[:, :, None, None]
    if fusion != "mul":
        y = y + _transform(context, state, "add", epsilon)[:, :, None, None]
    return y


def _context(positions: Array, state: dict[str, Array]) -> Array:
    """Sum of the columns of (C, H·W), weighted by the softmax of their scores."""
    bias = state.get("score.bias", np.zeros(1))
    scores = [np.exp(state["score.weight"][0, :, 0, 0] @ position + bias[0]) for position in positions.T]
    return sum(score / sum(scores) * position for score, position in zip(scores, positions.T, strict=True))


def _transform(context: Array, state: dict[str, Array], prefix: str, epsilon: float) -> Array:
    hidden = linear(context, state[f"{prefix}.0.weight"], state.get(f"{prefix}.0.bias"))
    for image, values in enumerate(hidden):
        spread = np.sqrt(((values - values.mean()) ** 2).mean() + epsilon)
        hidden[image] = (values - values.mean()) / spread * state[f"{prefix}.1.weight"] + state[f"{prefix}.1.bias"]
    return linear(relu(hidden), state[f"{prefix}.3.weight"], state.get(f"{prefix}.3.bias"))
