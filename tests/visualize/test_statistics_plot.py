"""The figure of statistics shows the numbers."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attnbench.errors import SpecError
from attnbench.report.plots.figure import save_figure
from attnbench.visualize import GateStatistics, LayerStatistics, TensorStatistics, plot_statistics
from attnbench.visualize.agreement import Agreement
from attnbench.visualize.histogram import Histogram
from attnbench.visualize.moments import Moments

MOMENTS = Moments(count=100, mean=0.5, sd=0.1, skewness=0.0, kurtosis=0.0)
GATE = GateStatistics(
    closed_share=0.25,
    open_share=0.5,
    dead_units=(1,),
    agreement=Agreement(num_units=3, mean_correlation=0.75, distinct_units=2.0),
)


def tensor(
    name: str, histogram: Histogram, gate: GateStatistics | None = None, *, num_units: int = 4
) -> TensorStatistics:
    return TensorStatistics(
        name=name, moments=MOMENTS, by_unit=(MOMENTS,) * num_units, spread=0.1, num_not_finite=0, histogram=histogram,
        gate=gate,
    )  # fmt: skip


def layer(name: str, *tensors: TensorStatistics) -> LayerStatistics:
    return LayerStatistics(layer=name, num_images=1000, tensors=tensors)


def flat(low: float, high: float) -> Histogram:
    return Histogram(low=low, high=high, counts=(1,) * 1000)


def sge(name: str, *, scale: float = 1.0) -> LayerStatistics:
    return layer(
        name,
        tensor("similarity", flat(-scale, 3 * scale)),
        tensor("gate", flat(0.25, 0.75), GATE),
        tensor("normalized", flat(-2, 2)),
    )


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def panels(figure: Figure) -> list[Axes]:
    """What stands inside the frame: distributions column by column, then the small panels."""
    return list(figure.axes[0].child_axes)


def test_before_normalisation_comes_before_after_and_the_gate_is_last() -> None:
    figure = plot_statistics([sge("layer1.0.se"), sge("layer2.0.se")])
    frame = texts(figure)
    assert frame == [
        "layer1.0.se", "layer2.0.se", "similarity", "normalized", "gate", "closed, open", "dead", "|r|", "distinct"
    ]  # fmt: skip
    assert [len(axes.patches) for axes in panels(figure)] == [1] * 6 + [4, 2, 2, 2]


def test_layers_share_an_axis_where_they_are_about_as_wide() -> None:
    drawn = panels(plot_statistics([sge("a"), sge("b", scale=100)]))
    similarity, normalized, gate = drawn[0:2], drawn[2:4], drawn[4:6]
    # From the 1st to the 99th percentile of −1 … 3 and −100 … 300.
    assert [axes.get_xlim() for axes in similarity] == [pytest.approx((-0.96, 2.96)), pytest.approx((-96, 296))]
    assert [label.get_text() for label in similarity[0].get_xticklabels()] == ["−0.96", "2.96"]
    assert [axes.get_xlim() for axes in normalized] == [pytest.approx((-1.96, 1.96))] * 2
    assert [axes.get_xlim() for axes in gate] == [(0, 1)] * 2


def test_a_distribution_is_as_high_as_its_histogram() -> None:
    # A quarter of the values below 0, three quarters above.
    histogram = Histogram(low=-2.0, high=2.0, counts=(1,) * 500 + (3,) * 500)
    drawn = panels(plot_statistics([layer("a", tensor("normalized", histogram))]))
    assert len(drawn) == 1  # no gate, no small panels
    heights, edges, _ = drawn[0].patches[0].get_data()
    assert edges[0] == pytest.approx(-1.92)  # below it lie 20 of 2000
    np.testing.assert_allclose(heights[edges[1:] <= 0], 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(heights[edges[:-1] >= 0], 1, rtol=1e-6)


def test_small_panels_show_the_gates_numbers() -> None:
    closed_open, dead, correlation, distinct = panels(plot_statistics([sge("a")]))[-4:]
    for axes, lengths in (
        (closed_open, [0.25, 0.5]),
        (dead, [0.25]),
        (correlation, [0.75]),
        (distinct, [0.5]),
    ):
        assert [bar.get_width() for bar in axes.patches] == lengths


def test_what_is_not_known_is_a_dash() -> None:
    nothing = GateStatistics(closed_share=None, open_share=None, dead_units=(), agreement=None)
    figure = plot_statistics([layer("a", tensor("ratio", Histogram(low=0, high=0, counts=()), nothing))])
    drawn = panels(figure)
    assert [[text.get_text() for text in axes.texts] for axes in drawn] == [["–", "–"], [], ["–"], ["–"]]


def test_several_gates_of_a_layer_are_explained() -> None:
    one = layer("a", tensor("channel_gate", flat(0, 1), GATE), tensor("spatial_gate", flat(0, 1), GATE))
    captions = [[text.get_text() for text in plot_statistics(layers).texts][-1] for layers in ([one], [sge("a")])]
    assert ["gates stand below one another" in caption.replace("\n", " ") for caption in captions] == [True, False]
    assert "1,000 images" in captions[0]


def test_many_layers_of_long_names_and_a_constant_gate_are_drawn_to_a_file(tmp_path: Path) -> None:
    constant = Histogram(low=0.73, high=0.7305, counts=(7,))
    layers = [layer(f"stages.{place}.blocks.0.attention.module", tensor("gate", constant, GATE)) for place in range(20)]
    save_figure(lambda: plot_statistics(layers), [tmp_path / "statistics.png"])
    assert (tmp_path / "statistics.png").stat().st_size > 10_000
    assert texts(plot_statistics(layers))[12] == "stages.12.blo…ntion.module"


def test_no_layer_is_one_sentence() -> None:
    with pytest.raises(SpecError, match="at least one layer; got none"):
        plot_statistics([])
