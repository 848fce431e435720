"""SK from the paper's equations, in float64."""

import numpy as np

from tests.references.layers import Array, batch_norm, conv, relu


def sk(
    x: Array,
    state: dict[str, Array],
    *,
    stride: int,
    groups: int | tuple[int, int],
    training: bool,
    dilations: tuple[int, int] = (1, 2),
) -> Array:
    """y of x (N, C, H, W); `state` is the module's state dict, `groups` of both branches or of each."""
    branch_groups = groups if isinstance(groups, tuple) else (groups, groups)

    def norm(prefix: str, y: Array) -> Array:
        names = ("weight", "bias", "running_mean", "running_var")
        return relu(batch_norm(y, *(state[f"{prefix}.{name}"] for name in names), training=training))

    branches = [
        norm(
            f"branches.{index}.1",
            conv(
                x,
                state[f"branches.{index}.0.weight"],
                stride=stride,
                padding=dilation,
                dilation=dilation,
                groups=branch_groups[index],
            ),
        )
        for index, dilation in enumerate(dilations)
    ]
    pooled = (branches[0] + branches[1]).mean((2, 3), keepdims=True)
    z = norm("fuse.1", conv(pooled, state["fuse.0.weight"]))
    logits = conv(z, state["select.weight"])
    channels = branches[0].shape[1]
    scores = np.exp(logits[:, :channels]), np.exp(logits[:, channels:])
    return sum(score / (scores[0] + scores[1]) * branch for score, branch in zip(scores, branches, strict=True))
