"""What to draw of one attention module: maps over positions, and bars over channels.

Captions keep to letters of Pillow's own font, which has no Greek.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from attnbench.errors import SpecError
from attnbench.visualize.capture import Captured
from attnbench.visualize.units import SECOND_BRANCH, shown_by_unit

PERCENTILES = (1.0, 99.0)
"""Where the colours of a map begin and end: a few extreme values shall not make all others look alike."""
STEADY_WITHIN, STEADY_SHARE = 0.01, 0.99
"""A ratio hardly varies over positions where this share of its values is so near to its channel's median."""


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """Numbers of one module to draw, for each image of the batch."""

    name: str
    """What is shown, in a few words."""
    kind: Literal["map", "bars"]
    """A map over positions, or a bar for each channel."""
    values: NDArray[np.float32]
    """Of a map (N, H, W), in the module's resolution; of bars (N, K). NaN where there is no value."""
    low: float
    """Where the colours or the bars begin; the same for all images."""
    high: float
    """Where they end; not below `low`."""
    caption: str
    """What exactly is shown, and the limits."""


def views(captured: Captured, *, most_groups: int = 4) -> list[View]:
    """What there is to draw of a module.

    SGE: for some groups the magnitude before and after, the gate, and the similarity raw and normalised. SK: the
    second branch's weights. Another module that shows tensors: each as a map, the mean over its channels, or as bars
    where it has a single position, or both where it has the input's shape; tensors of a shape other than (N, K, H, W)
    and (N, K) are left out. A module that shows none: what it leaves of each position, and the ratio of output to
    input. One that changes the shape and shows none: the magnitude of its output.

    Args:
        captured: A forward pass of the module.
        most_groups: How many of SGE's groups are shown.

    Raises:
        SpecError: If the module's output is no feature map, or `most_groups` is not positive.
    """
    if most_groups < 1:
        raise SpecError(f"most_groups must be at least 1; got most_groups={most_groups}")
    if captured.output.dim() != 4:
        raise SpecError(
            f"{captured.name or 'the model'} must give a feature map (N, C, H, W) to be drawn; "
            f"got {tuple(captured.output.shape)}"
        )
    if _is_sge(captured):
        return list(_views_of_groups(captured, most_groups))
    return [*_views_of_shown(captured)] or [*_views_without_help(captured)]


def map_view(name: str, values: torch.Tensor, caption: str) -> View:
    """A map whose colours go from the 1st to the 99th percentile.

    Args:
        name: What is shown.
        values: (N, H, W).
        caption: The same, exactly; the limits are added.
    """
    shown = _array(values)
    low, high = _limits(shown)
    return View(
        name=name, kind="map", values=shown, low=low, high=high, caption=f"{caption}; {_colour_words(low, high)}"
    )


def bars_view(name: str, values: torch.Tensor, caption: str) -> View:
    """Bars that begin at 0, and go to 1 where no value lies beyond.

    Args:
        name: What is shown.
        values: (N, K).
        caption: The same, exactly; the limits are added.
    """
    shown = _array(values)
    finite = shown[np.isfinite(shown)]
    low, high = min(0.0, float(finite.min(initial=0.0))), max(0.0, float(finite.max(initial=0.0)))
    if low == 0 and high <= 1:
        high = 1.0
    words = f"{caption}; bars from {low:.3g} to {high:.3g}"
    return View(name=name, kind="bars", values=shown, low=low, high=high, caption=words)


def _is_sge(captured: Captured) -> bool:
    """Whether the module shows what SGE does: similarity and gate of groups of its channels."""
    similarity, gate = captured.shown.get("similarity"), captured.shown.get("gate")
    if similarity is None or gate is None or similarity.dim() != 4 or similarity.shape != gate.shape:
        return False
    return captured.output.shape == captured.input.shape and captured.input.shape[1] % gate.shape[1] == 0


def _views_of_groups(captured: Captured, most_groups: int) -> Iterator[View]:
    gate = captured.shown["gate"].float()
    num_groups = gate.shape[1]
    size = captured.input.shape[1] // num_groups
    deviations = gate.transpose(0, 1).flatten(1).std(1, correction=0)
    most = torch.sort(deviations, descending=True, stable=True).indices[:most_groups].tolist()
    for group in most:
        own = f"group {group} of 0 … {num_groups - 1}"
        reason = "because its gate varies" if len(most) == 1 else f"as one of {len(most)} whose gates vary"
        deviation = f"with a standard deviation of {deviations[group]:.2g}"
        why = f"drawn {reason} most over images and positions, {deviation}"
        pair = [
            _array(values[:, group * size : (group + 1) * size].float().abs().mean(1))
            for values in (captured.input, captured.output)
        ]
        low, high = _limits(*pair)
        for when, what, values in zip(("before", "after"), ("input", "output"), pair, strict=True):
            words = f"{own}: mean |{what}| over its {size} channels; {why}; {_colour_words(low, high)} before and after"
            yield View(name=f"group {group}: {when}", kind="map", values=values, low=low, high=high, caption=words)
        for name, words in (
            ("gate", "the gate, sigmoid(a)"),
            ("similarity", "the similarity c of each position to its mean feature"),
            ("normalized", "the similarity normalised over positions"),
        ):
            if name in captured.shown:
                yield map_view(f"group {group}: {name}", captured.shown[name][:, group], f"{own}: {words}; {why}")


def _views_of_shown(captured: Captured) -> Iterator[View]:
    for name, tensor in shown_by_unit(captured).items():
        own, channels = f"{name}, as {captured.name or 'the model'} shows it", tensor.shape[1]
        if name == SECOND_BRANCH:
            own = "share of the second branch, which has the larger kernel, or with source=official the groups"
        if tensor.shape[2:].numel() == 1:
            yield bars_view(name, tensor.flatten(1), f"{own}: a value for each of {channels} channels")
            continue
        mean = f"the mean over its {channels} channels" if channels > 1 else "a value for each position"
        yield map_view(name, tensor.float().mean(1), f"{own}: {mean}")
        if channels > 1 and tensor.shape == captured.input.shape:
            words = f"{own}: the mean over positions for each of {channels} channels"
            yield bars_view(f"{name} by channel", tensor.float().mean((2, 3)), words)


def _views_without_help(captured: Captured) -> Iterator[View]:
    name = captured.name or "the model"
    if captured.input.shape != captured.output.shape:
        words = (
            f"mean |output| over channels: {name} shows no tensors, and changes the shape, so that there is no ratio"
        )
        yield map_view("output", captured.output.float().abs().mean(1), words)
        return
    words = f"what {name} leaves of each position, the sum of |output| over channels by that of |input|"
    yield map_view("strength", captured.strength, words)
    ratio = captured.ratio.float()
    ratio = torch.where(ratio.isfinite(), ratio, torch.nan)
    medians = ratio.flatten(2).nanmedian(2).values
    near = (ratio - medians[:, :, None, None]).abs() <= STEADY_WITHIN * medians.abs()[:, :, None, None]
    if near.sum() >= STEADY_SHARE * ratio.isfinite().sum():
        words = "output / input, which hardly varies over positions: their median, for each channel"
        yield bars_view("ratio", medians, words)
    else:
        # Of the mean nothing would be left where a module adds to values near 0.
        yield map_view("ratio", ratio.nanmedian(1).values, "output / input, the median over channels")


def _array(values: torch.Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = values.float().cpu().numpy()
    return array


def _limits(*arrays: NDArray[np.float32]) -> tuple[float, float]:
    """The percentiles of all finite values; 0 and 0 where there are none."""
    values = np.concatenate([array[np.isfinite(array)] for array in arrays])
    if not values.size:
        return 0.0, 0.0
    low, high = np.percentile(values.astype(np.float64), PERCENTILES)
    return float(low), float(high)


def _colour_words(low: float, high: float) -> str:
    return f"colours from {low:.3g} to {high:.3g}, the 1st to the 99th percentile"
