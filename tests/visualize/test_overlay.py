"""Maps over images equal pixels computed by hand."""

import sys

import numpy as np
import pytest
from matplotlib import colormaps
from numpy.typing import NDArray

from attnbench.errors import MissingDependencyError, SpecError
from attnbench.visualize import bars, colour_bar, overlaid

GREY = np.full((1, 4, 3), 100, np.uint8)


def colour(place: float, name: str = "viridis") -> NDArray[np.float64]:
    return 255 * np.array(colormaps[name](float(place))[:3])


def test_a_map_is_enlarged_between_the_centres_of_its_positions_and_mixed_with_the_image() -> None:
    picture = np.array(overlaid(GREY, np.array([[1.0, 3.0]]), low=1, high=3, opacity=0.25))
    # Two positions over four pixels: 0, 1/4, 3/4 and 1 of the way.
    expected = [0.75 * 100 + 0.25 * colour(place) for place in (0, 0.25, 0.75, 1)]
    np.testing.assert_array_equal(picture, np.round([expected]))


def test_what_lies_beyond_the_limits_has_their_colours() -> None:
    picture = np.array(overlaid(GREY[:, :2], np.array([[-5.0, 9.0]]), low=0, high=1, opacity=1, colours="magma"))
    np.testing.assert_array_equal(picture, np.round([[colour(0.0, "magma"), colour(1.0, "magma")]]))


def test_nothing_lies_over_the_image_where_there_is_no_number() -> None:
    picture = np.array(overlaid(GREY, np.array([[np.nan, 3.0]]), low=1, high=3, opacity=1))
    # Two pixels belong to each position; none of the number's colour is mixed with what is not known.
    np.testing.assert_array_equal(picture, np.round([[[100] * 3, [100] * 3, colour(1.0), colour(1.0)]]))
    infinite = np.array(overlaid(GREY, np.array([[np.inf, -np.inf]]), low=1, high=3))
    np.testing.assert_array_equal(infinite, GREY)


def test_a_constant_map_has_one_colour() -> None:
    picture = np.array(overlaid(GREY, np.array([[2.0, 2.0]]), low=2, high=2, opacity=1))
    np.testing.assert_array_equal(picture, np.broadcast_to(np.round(colour(0.0)), (1, 4, 3)))


def test_a_larger_picture_shows_the_images_pixels_as_squares_and_the_map_finer() -> None:
    pixels = np.array([[[0, 0, 0], [200, 200, 200]]], np.uint8)
    values = np.array([[0.0, 1.0]])
    clear = np.array(overlaid(pixels, values, low=0, high=1, scale=2, opacity=0))
    np.testing.assert_array_equal(clear, pixels.repeat(2, 0).repeat(2, 1))
    full = np.array(overlaid(pixels, values, low=0, high=1, scale=2, opacity=1))
    np.testing.assert_array_equal(full, np.round([[colour(place) for place in (0, 0.25, 0.75, 1)]] * 2))


def test_the_colour_bar_goes_from_the_lowest_to_the_highest() -> None:
    picture = np.array(colour_bar(-1.5, 20, width=101, height=5))
    expected = np.round([colour(place / 100) for place in range(101)])
    np.testing.assert_array_equal(picture[:5], np.broadcast_to(expected, (5, 101, 3)))
    below = (picture[5:] < 128).all(-1).any(0)
    assert below[:25].any()  # the lower limit
    assert below[-25:].any()  # the higher one
    assert not below[30:-30].any()


def test_bars_stand_on_0() -> None:
    blue = (0, 114, 178)
    picture = np.array(bars(np.array([1.0, -1.0, 0.5, np.nan]), low=-1, high=1, width=40, height=101))
    heights = [np.flatnonzero((picture[:, x] == blue).all(-1)) for x in (4, 14, 24, 34)]
    assert [(rows.min(), rows.max()) for rows in heights[:3]] == [(0, 50), (50, 100), (25, 50)]
    assert heights[3].size == 0


def test_more_bars_than_pixels_are_means_of_neighbours() -> None:
    picture = np.array(bars(np.array([0.0, 1.0] * 50), low=0, high=1, width=50, height=101))
    assert ((picture[50:] == (0, 114, 178)).all(-1)).all()
    assert not ((picture[:50] == (0, 114, 178)).all(-1)).any()


def test_what_cannot_be_drawn_is_one_sentence() -> None:
    with pytest.raises(SpecError, match="colours must be one of viridis, magma, inferno, plasma, cividis; got 'jet'"):
        overlaid(GREY, np.zeros((1, 1)), low=0, high=1, colours="jet")  # type: ignore[arg-type]
    with pytest.raises(SpecError, match=r"opacity must be in 0 … 1; got 1\.5"):
        overlaid(GREY, np.zeros((1, 1)), low=0, high=1, opacity=1.5)
    with pytest.raises(SpecError, match="high must not be below low; got low=1, high=0"):
        overlaid(GREY, np.zeros((1, 1)), low=1, high=0)


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingDependencyError, match=r"pip install attnbench\[visualize\]"):
        overlaid(GREY, np.zeros((1, 1)), low=0, high=1)
