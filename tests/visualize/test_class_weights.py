"""The channel weights of each class are means worked out by hand."""

import numpy as np
import pytest

from attnbench.errors import SpecError
from attnbench.visualize import channel_weights_by_class, plot_channel_weights

WEIGHTS = np.array([[0.2, 0.4], [0.4, 0.8], [1.0, 0.0]], np.float32)


def test_means_of_each_class() -> None:
    found = channel_weights_by_class(WEIGHTS, np.array([2, 2, 0]))
    np.testing.assert_allclose(found, [[1.0, 0.0], [np.nan, np.nan], [0.3, 0.6]], rtol=1e-6)
    assert channel_weights_by_class(WEIGHTS, np.array([0, 0, 0]), num_classes=3).shape == (3, 2)


def test_an_image_without_a_value_leaves_its_class_the_others() -> None:
    weights = np.array([[np.nan, 0.2], [0.5, np.nan], [0.3, np.nan]])
    found = channel_weights_by_class(weights, np.array([0, 0, 1]))
    np.testing.assert_allclose(found, [[0.5, 0.2], [0.3, np.nan]])


def test_what_does_not_fit_is_one_sentence() -> None:
    with pytest.raises(SpecError, match=r"need a label each \(N,\); got \(3, 2\) and \(2,\)"):
        channel_weights_by_class(WEIGHTS, np.array([0, 1]))
    with pytest.raises(SpecError, match="labels must be in 0 … 1; got 0 to 2"):
        channel_weights_by_class(WEIGHTS, np.array([0, 1, 2]), num_classes=2)


def test_lines_of_classes_and_the_mean_of_all() -> None:
    weights = np.array([[0.1, 0.2, 0.3], [0.3, 0.4, 0.5], [np.nan] * 3])
    figure = plot_channel_weights({"layer1": weights, "layer2": 2 * weights}, {1: "cat"})
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["layer1", "layer2"]
    for axes, scale in zip(figure.axes, (1, 2), strict=True):
        cat, mean = axes.lines
        np.testing.assert_allclose(cat.get_ydata(), scale * weights[1])
        np.testing.assert_allclose(mean.get_ydata(), scale * np.array([0.2, 0.3, 0.4]))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["cat", "mean"]


def test_a_channel_without_a_value_has_no_mean() -> None:
    figure = plot_channel_weights({"layer1": np.array([[0.25, np.nan], [0.75, np.nan]])}, {})
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_ydata(), [0.5, np.nan])


def test_too_much_to_draw_is_one_sentence() -> None:
    with pytest.raises(SpecError, match="at least one layer and at most 10 classes; got 1 and 11"):
        plot_channel_weights({"a": WEIGHTS}, {label: str(label) for label in range(11)})
    with pytest.raises(SpecError, match="got 0 and 1"):
        plot_channel_weights({}, {0: "cat"})
