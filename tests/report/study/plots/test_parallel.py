"""Lines of the picture of all trials, read from the figure."""

from typing import Any

import numpy as np
import pytest

from attnbench.report.plots.figure import plot_style
from attnbench.report.study.pictures import pictures_of
from attnbench.report.study.plots.parallel import draw_parallel
from attnbench.study import StudySummary
from tests.report.study.studies import DEFAULT, searched, study, trial


def lines(summary: StudySummary) -> list[Any]:
    picture = next(picture for picture in pictures_of(summary) if picture.name == "parallel")
    with plot_style():
        (axes,) = draw_parallel(picture, summary).axes
    return [line for line in axes.lines if len(line.get_ydata()) > 2]


def test_a_trial_is_a_line_through_its_accuracy_and_its_settings() -> None:
    other = {**DEFAULT, "groups": 8, "gate_scale_init": 0.25, "stages": "2,3", "normalize": False}
    low, high = lines(study([trial(0, 80.0), trial(1, 90.0, settings=other)]))
    rate = np.log(0.1 / 0.01) / np.log(0.3 / 0.01)

    assert low.get_ydata() == pytest.approx([0, 1, 0, 1, 0, rate])
    assert high.get_ydata() == pytest.approx([1, 0.5, 0.25, 0.5, 1, rate])
    assert low.get_linestyle() == "--"  # the default
    assert high.get_linestyle() == "-"


def test_the_more_accurate_the_darker_and_above_the_others() -> None:
    summary = searched()
    drawn = [line for line in lines(summary) if line.get_linestyle() == "-"]
    brightness = [sum(line.get_color()[:3]) for line in drawn]

    assert len(drawn) == len(summary.of_state("complete")) - 1
    assert brightness == sorted(brightness, reverse=True)


def test_equal_accuracies_are_drawn() -> None:
    drawn = lines(study([trial(0, 90.0), trial(1, 90.0, settings={**DEFAULT, "groups": 8})]))

    assert [line.get_ydata()[0] for line in drawn] == [0.5, 0.5]
