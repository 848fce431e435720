import subprocess
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from attnbench.efficiency_spec import Conditions
from attnbench.errors import AttnBenchError, MissingDependencyError, SpecError, StoreError
from attnbench.report.plots.figure import check_plot
from attnbench.report.plots.pareto import Cost, ParetoPoints, pareto_points
from attnbench.report.plots.pareto_marks import leader, styles_of
from attnbench.report.plots.pareto_plot import draw_plot, save_plot
from tests.efficiency_records import make_counts, make_row, make_timing
from tests.records import make_record

SHORT = ("none", "sge", "se", "sk", "bam", "cbam", "ge")
MANY = (*SHORT, "eca", "simam", "srm", "gct", "fca", "lct", "coordatt", "triplet", "lka", "lsk", "gc", "ema", "sa")
LONG = ("none", "ge:extent=8,parametric=false", "se:reduction=8,stages=3,4", "fca:frequencies=16,stages=2,3,4", "bam")
GPU = Conditions(batch_size=8, device="cuda", threads=4, precision="bfloat16")


def points_of(
    names: tuple[str, ...] = SHORT, *, cost: Cost = "inference", num_seeds: int = 3, spread: float = 0.2, **fields: Any
) -> ParetoPoints:
    """Points with noise like that of real ones."""
    generator = np.random.default_rng(0)
    rows, runs = [], []
    for name in names:
        ms, top1 = generator.uniform(10, 15), generator.normal(85, 0.4)
        timing = make_timing("inference", (ms * np.exp(0.01 * generator.normal(size=20))).tolist())
        counts = make_counts(parameters=int(generator.integers(25_557_000, 25_560_000)))
        rows.append(make_row(name, timing, counts=counts, **{"conditions": GPU, "device": "Example GPU", **fields}))
        percents = top1 + spread * generator.normal(size=num_seeds)
        runs += [
            make_record(name, seed, percent, backbone="resnet50") for seed, percent in enumerate(percents.tolist())
        ]
    return pareto_points(rows, runs, cost=cost)


def exact(*pairs: tuple[float, float]) -> ParetoPoints:
    """Points of one seed at given milliseconds and percentages."""
    rows = [make_row(f"v{number}", make_timing("inference", [ms] * 3)) for number, (ms, _) in enumerate(pairs)]
    runs = [make_record(f"v{number}", 0, percent, backbone="resnet50") for number, (_, percent) in enumerate(pairs)]
    return pareto_points(rows, runs, cost="inference")


def drawn(points: ParetoPoints) -> tuple[Figure, Axes]:
    figure = draw_plot(points)
    figure.canvas.draw()
    return figure, figure.axes[0]


@pytest.mark.parametrize(("suffix", "start"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")])
def test_equal_points_give_equal_files_of_the_kind_that_the_suffix_says(
    tmp_path: Path, suffix: str, start: bytes
) -> None:
    first, again = tmp_path / f"first{suffix}", tmp_path / "new folder" / f"again{suffix}"
    save_plot(points_of(), first)
    save_plot(points_of(), again)
    assert first.read_bytes().startswith(start)
    assert first.read_bytes() == again.read_bytes()
    assert b"<dc:date>" not in first.read_bytes()
    save_plot(points_of(SHORT[:3]), first)
    assert first.read_bytes() != again.read_bytes()


def test_a_users_settings_of_matplotlib_are_neither_used_nor_changed(tmp_path: Path) -> None:
    save_plot(points_of(), tmp_path / "plain.svg")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "svg.hashsalt": "other"}):
        before = dict(matplotlib.rcParams)
        save_plot(points_of(), tmp_path / "set.svg")
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "plain.svg").read_bytes() == (tmp_path / "set.svg").read_bytes()


def test_pyplot_and_its_global_state_are_not_needed_nor_is_matplotlib_before_a_plot(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\n"
        "import attnbench.report, attnbench.report.plots.pareto_plot\n"
        "assert 'matplotlib' not in sys.modules\n"
        "from tests.report.plots.test_pareto_plot import points_of\n"
        f"attnbench.report.plots.pareto_plot.save_plot(points_of(), pathlib.Path({str(tmp_path / 'plot.png')!r}))\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_refuses_another_suffix_before_anything_is_drawn(tmp_path: Path) -> None:
    for name in ("plot.jpg", "plot", "png"):
        with pytest.raises(SpecError, match=rf"ends in \.png, \.svg or \.pdf; got '.*{name}'"):
            save_plot(points_of(), tmp_path / name)
    check_plot(tmp_path / "plot.SVG")
    assert list(tmp_path.iterdir()) == []


def test_says_what_to_install_where_matplotlib_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(
        MissingDependencyError, match=r"a plot needs matplotlib: pip install attnbench\[plot\]"
    ) as raised:
        save_plot(points_of(), tmp_path / "plot.png")
    assert isinstance(raised.value, AttnBenchError)
    assert isinstance(raised.value, ImportError)


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"cannot write .*plot\.png"):
        save_plot(points_of(), tmp_path / "file" / "plot.png")


def test_bars_are_quartiles_and_intervals() -> None:
    points = points_of()
    _, axes = drawn(points)
    for point, container in zip(points.points, axes.containers, strict=True):
        horizontal, vertical = (bar.get_segments()[0] for bar in container.lines[2])
        mean, half_width = point.percent.mean, point.percent.half_width
        assert half_width is not None
        assert point.quartiles is not None
        assert horizontal.tolist() == pytest.approx(np.array([(point.quartiles[0], mean), (point.quartiles[1], mean)]))
        assert vertical.tolist() == pytest.approx(
            np.array([(point.cost, mean - half_width), (point.cost, mean + half_width)])
        )


def test_what_is_counted_or_has_one_seed_has_no_bar() -> None:
    _, axes = drawn(points_of(cost="params"))
    assert [len(container.lines[2]) for container in axes.containers] == [1] * len(SHORT)
    _, axes = drawn(points_of(cost="params", num_seeds=1))
    assert [len(container.lines[2]) for container in axes.containers] == [0] * len(SHORT)


def test_the_front_is_a_step_line_with_filled_markers() -> None:
    _, axes = drawn(exact((10.0, 80.0), (11.0, 79.0), (12.0, 82.0), (13.0, 81.9)))
    front, *markers = (line for line in axes.lines if line.get_marker() not in ("_", "|"))
    assert front.get_drawstyle() == "steps-post"
    assert front.get_xydata().tolist() == [[10.0, 80.0], [12.0, 82.0], [axes.get_xlim()[1], 82.0]]
    assert [tuple(marker.get_xydata()[0]) for marker in markers] == [
        pytest.approx(point) for point in ((10.0, 80.0), (11.0, 79.0), (12.0, 82.0), (13.0, 81.9))
    ]
    filled = [to_hex(marker.get_markerfacecolor()) == to_hex(marker.get_markeredgecolor()) for marker in markers]
    assert filled == [True, False, True, False]


def test_points_differ_in_colour_and_shape() -> None:
    points = exact(*[(10.0, 80.0)] * 42).points
    assert len(set(styles_of(points))) == 42
    assert styles_of(points[::-1]) == styles_of(points)[::-1]
    _, axes = drawn(points_of())
    stars = [line for line in axes.lines if line.get_marker() == "*"]
    assert [line.get_xdata()[0] for line in stars] == [point.cost for point in points_of().points if point.is_baseline]


@pytest.mark.parametrize("names", [SHORT, MANY, LONG])
@pytest.mark.parametrize("cost", ["inference", "params"])
def test_labels_name_every_point_and_hide_none(names: tuple[str, ...], cost: Cost) -> None:
    points = points_of(names, cost=cost)
    figure, axes = drawn(points)
    assert [text.get_text().replace("\n", "") for text in axes.texts] == [
        f"{point.variant} (baseline)" if point.is_baseline else point.variant for point in points.points
    ]
    renderer = figure.canvas.get_renderer()
    boxes = [super(type(text), text).get_window_extent(renderer) for text in axes.texts]
    anchors = axes.transData.transform([text.xy for text in axes.texts])
    frame = axes.get_window_extent(renderer)
    assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
    assert not any(box.contains(*anchor) for box in boxes for anchor in anchors)
    assert all(frame.contains(*corner) for box in boxes for corner in box.corners())


def test_a_long_name_is_folded_at_its_settings() -> None:
    _, axes = drawn(points_of(LONG))
    texts = {text.get_text() for text in axes.texts}
    assert {"ge:extent=8,\nparametric=false", "se:reduction=8,\nstages=3,4", "bam"} <= texts


def test_a_far_label_is_joined_to_its_point_and_a_close_one_is_not() -> None:
    _, axes = drawn(exact((10.0, 80.0), (20.0, 90.0)))
    assert [text.arrow_patch for text in axes.texts] == [None, None]
    _, axes = drawn(exact(*[(10.0, 80.0)] * 5, (20.0, 90.0)))
    assert [text.arrow_patch is not None for text in axes.texts] == [True] * 5 + [False]


def test_what_is_far_is_joined_though_nothing_else_is_near() -> None:
    anchors = np.array([(0.0, 0.0), (500.0, 0.0)])
    assert leader(0, anchors, (25.0, 0.0), (40.0, 10.0), "red") is None  # 5 away
    joined = leader(0, anchors, (0.0, 17.0), (40.0, 10.0), "red")  # 12 away
    assert joined is not None
    assert joined["relpos"] == (0.5, 0.0)  # from the middle of the lower edge
    near_another = np.array([(0.0, 0.0), (0.0, 17.0)])
    assert leader(0, near_another, (0.0, 8.5), (4.0, 4.0), "red") is not None


def test_names_are_never_markup(tmp_path: Path) -> None:
    names = ("none", "a:k=$x_{1}$", "b:k=$\\frac$", "c:k=\x1b[31m")
    points = points_of(names)
    save_plot(points, tmp_path / "plot.png")
    with matplotlib.rc_context({"text.parse_math": False}):
        _, axes = drawn(points)
    assert {text.get_text() for text in axes.texts} == {
        "none (baseline)",
        "a:k=$x_{1}$",
        "b:k=$\\frac$",
        "c:k=\\x1b[31m",
    }


def test_words_around_the_plot() -> None:
    figure, axes = drawn(points_of())
    title, caption = (text.get_text() for text in figure.texts)
    assert title == "resnet50 on fashion-mnist"
    assert axes.get_xlabel() == "forward pass of 8 images (ms), median"
    assert axes.get_ylabel() == "top-1 accuracy (%), mean over 3 seeds"
    assert caption.startswith("Cost: Example GPU, 1 thread, batch 8, bfloat16, eager, NCHW, images of 3×224×224; bars")


def test_words_stand_within_the_figure_and_apart() -> None:
    figure, axes = drawn(points_of(MANY, processor="x" * 40))
    renderer = figure.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in (*figure.texts, axes.xaxis.label, axes.yaxis.label)]
    assert all(figure.bbox.contains(*corner) for box in boxes for corner in box.corners())
    assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
    assert not any(box.overlaps(axes.bbox) for box in boxes)


def test_bars_of_few_seeds_are_cut_so_that_points_stay_apart() -> None:
    points = points_of(num_seeds=2, spread=1.0)
    figure, axes = drawn(points)
    means = [point.percent.mean for point in points.points]
    low, high = axes.get_ylim()
    assert (max(means) - min(means)) / (high - low) > 0.2
    assert max(point.percent.half_width or 0.0 for point in points.points) > high - low
    assert "bars that reach the edge go on beyond it" in figure.texts[1].get_text()
    points = points_of(spread=0.05)
    figure, axes = drawn(points)
    low, high = axes.get_ylim()
    for point in points.points:
        assert low < point.percent.mean - (point.percent.half_width or 0.0)
        assert high > point.percent.mean + (point.percent.half_width or 0.0)
    assert "beyond it" not in figure.texts[1].get_text()


def test_a_wide_range_of_costs_is_logarithmic_with_plain_numbers() -> None:
    _, axes = drawn(exact((1.0, 80.0), (7.9, 81.0)))
    assert axes.get_xscale() == "linear"
    _, axes = drawn(exact((1.0, 80.0), (8.1, 81.0)))
    assert axes.get_xscale() == "log"
    ticks = [(tick, text.get_text()) for tick, text in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)]
    assert [text for tick, text in ticks if 0.9 < tick < 9] == ["1", "2", "5"]


def test_close_costs_are_written_out(tmp_path: Path) -> None:
    """Not as what they are more than a number in the corner."""
    save_plot(exact((1000.0, 80.0), (1000.01, 81.0)), tmp_path / "plot.svg")
    text = (tmp_path / "plot.svg").read_text()
    assert "<!-- 1000.00" in text
    assert "+1e3" not in text


@pytest.mark.parametrize("pairs", [[(10.0, 80.0)], [(10.0, 80.0), (10.0, 80.0)], [(10.0, 0.0), (12.0, 0.0)]])
def test_a_plot_of_one_point_or_of_equal_ones_has_room_around_it(pairs: list[tuple[float, float]]) -> None:
    _, axes = drawn(exact(*pairs))
    for cost, percent in pairs:
        assert axes.get_xlim()[0] < cost < axes.get_xlim()[1]
        assert axes.get_ylim()[0] < percent < axes.get_ylim()[1]


def test_several_points_on_one_place_are_all_on_the_front() -> None:
    _, axes = drawn(exact((10.0, 80.0), (10.0, 80.0), (11.0, 79.0)))
    markers = [line for line in axes.lines if line.get_marker() not in ("_", "|")][1:]
    assert [to_hex(line.get_markerfacecolor()) != "#ffffff" for line in markers] == [True, True, False]


def test_a_point_may_be_replaced_in_the_result() -> None:
    """The result is data: a caller may rename what is drawn."""
    points = points_of(SHORT[:2])
    renamed = replace(points, points=tuple(replace(point, variant="x") for point in points.points))
    _, axes = drawn(renamed)
    assert {text.get_text() for text in axes.texts} == {"x", "x (baseline)"}
