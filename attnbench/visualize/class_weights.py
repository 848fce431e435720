"""The weights of channels for the images of each class, at several depths.

Where classes share their weights a module prepares features for all; where they differ it tells classes apart, as
the paper of SE, https://arxiv.org/abs/1709.01507, shows in its figure 5.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from attnbench.errors import SpecError
from attnbench.printable import printable
from attnbench.report.plots.figure import framed_panels

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = (
    "#0072b2",
    "#d55e00",
    "#009e73",
    "#cc79a7",
    "#56b4e9",
    "#e69f00",
    "#8b6914",
    "#6a3d9a",
    "#b15928",
    "#1b9e9e",
)
MOST_CLASSES = len(_COLOURS)
"""Classes in one plot, which are told apart by their colours."""


def channel_weights_by_class(
    weights: NDArray[np.floating], labels: NDArray[np.integer], *, num_classes: int | None = None
) -> NDArray[np.float64]:
    """Mean value for each channel over the images of each class.

    Args:
        weights: Of each image's channels (N, C), as the bars of `views` have them.
        labels: The class of each image (N,).
        num_classes: Classes in all; none for as many as the highest label needs.

    Returns:
        The means (num_classes, C), of the images that have a value there; NaN where no image of the class has one.

    Raises:
        SpecError: If there is not one label for each image, or a label is not in 0 … num_classes − 1.

    >>> channel_weights_by_class(np.array([[0.2, 0.4], [0.4, 0.8], [1.0, 0.0]]), np.array([1, 1, 0]))
    array([[1. , 0. ],
           [0.3, 0.6]])
    """
    if weights.ndim != 2 or labels.shape != weights.shape[:1] or not len(labels):
        raise SpecError(f"weights (N, C) need a label each (N,); got {weights.shape} and {labels.shape}")
    num_classes = int(labels.max()) + 1 if num_classes is None else num_classes
    if labels.min() < 0 or labels.max() >= num_classes:
        raise SpecError(f"labels must be in 0 … {num_classes - 1}; got {labels.min()} to {labels.max()}")
    is_there = np.isfinite(weights)
    sums, counts = np.zeros((2, num_classes, weights.shape[1]))
    np.add.at(sums, labels, np.where(is_there, weights, 0))
    np.add.at(counts, labels, is_there)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def plot_channel_weights(
    layers: Mapping[str, NDArray[np.floating]],
    classes: Mapping[int, str],
    *,
    title: str = "Channel weights by class",
    caption: Sequence[str] = (),
) -> "Figure":
    """The weights of some classes and the mean of all, a panel for each layer.

    Args:
        layers: What `channel_weights_by_class` says of each layer, by its name; at least one.
        classes: The names of the classes to draw, by their labels; the mean is of all classes.
        title: What it is of.
        caption: Sentences to stand below.

    Raises:
        SpecError: If there is no layer, or there are more than 10 classes to draw.
    """
    if not layers or len(classes) > MOST_CLASSES:
        raise SpecError(
            f"a plot of channel weights takes at least one layer and at most {MOST_CLASSES} classes; "
            f"got {len(layers)} and {len(classes)}"
        )
    from matplotlib.ticker import MaxNLocator

    how = "Mean weight of each channel over the images of a class; black: the mean of all classes that have images."
    figure, panels = framed_panels(
        title=title,
        caption=[how, *caption],
        panels=list(layers),
        num_columns=min(2, len(layers)),
        height=1.5,
        above=0.16 * (1 + len(classes) // 5),
    )
    for axes, weights in zip(panels, layers.values(), strict=True):
        channels = np.arange(weights.shape[1])
        for (label, name), colour in zip(classes.items(), _COLOURS, strict=False):
            axes.plot(channels, weights[label], color=colour, linewidth=0.8, label=printable(name))
        axes.plot(
            channels,
            np.ma.masked_invalid(weights).mean(0).filled(np.nan),  # type: ignore[no-untyped-call, unused-ignore]
            color="#000000",
            linewidth=1.2,
            label="mean",
            zorder=1.5,
        )
        axes.set_xlim(0, max(1, len(channels) - 1))
        axes.set_xlabel("channel", size=8)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(axis="y")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="upper right", bbox_to_anchor=(0.98, 1 - 0.36 / figure.get_figheight()), ncols=6,
        fontsize=7, frameon=False,
    )  # fmt: skip
    return figure
