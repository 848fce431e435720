"""Pictures of studies: what stands in the files' figures, and that nothing outside is changed."""

import warnings
from pathlib import Path
from typing import Any

import matplotlib
import optuna
import pytest
from matplotlib import pyplot, style
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState, create_trial

from attnbench.report.plots.figure import plot_style
from attnbench.report.study.pictures import pictures_of
from attnbench.space import Choices
from attnbench.study import StudySummary
from attnbench.tune import pictures
from attnbench.tune.pictures import draw_pictures
from tests.report.study.studies import DEFAULT, drawn_settings, searched, study, trial, tune_spec

PNG = b"\x89PNG\r\n\x1a\n"


def stored(summary: StudySummary) -> optuna.study.Study:
    """The study as Optuna has it."""
    made = optuna.create_study(
        directions=["maximize" if objective == "accuracy" else "minimize" for objective in summary.spec.objectives]
    )
    for found in summary.trials:
        distributions = {
            name: CategoricalDistribution(
                [value if not isinstance(value, tuple) else ",".join(map(str, value)) for value in domain.values]
            )
            if isinstance(domain, Choices)
            else FloatDistribution(domain.low, domain.high, log=domain.log)  # type: ignore[union-attr]
            for name, domain in summary.spec.space.items()
            if name in found.settings
        }
        state = TrialState.COMPLETE if found.state == "complete" else TrialState.FAIL
        params: dict[str, Any] = dict(found.settings)
        values = list(found.values) or None
        made.add_trial(create_trial(state=state, values=values, params=params, distributions=distributions))
    return made


def axes_of(summary: StudySummary, name: str) -> Any:
    """The axes of a picture, before they are a file."""
    picture = next(picture for picture in pictures_of(summary) if picture.name == name)
    with plot_style():
        figure = pictures._figure(picture, stored(summary), summary)
        figure.canvas.draw()
    return figure.axes[0]


def labels(axis: Any) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    summary = searched(200, ("accuracy", "latency", "macs"))
    return draw_pictures(stored(summary), summary, tmp_path_factory.mktemp("pictures") / "new")


def test_every_picture_of_a_large_study_is_a_file(drawn: dict[str, Path]) -> None:
    assert list(drawn) == [
        "front-latency", "front-macs", "history", "importances", "contour-groups-gate_scale_init", "parallel",
    ]  # fmt: skip
    assert [file.name for file in drawn.values()] == [f"{name}.png" for name in drawn]
    assert all(file.read_bytes().startswith(PNG) for file in drawn.values())


@pytest.mark.parametrize(
    "summary",
    [
        study([]),
        study([trial(0, state="failed", reason="<script>")]),
        study([trial(0, 90.0)]),
    ],
)
def test_too_few_trials_draw_nothing(summary: StudySummary, tmp_path: Path) -> None:
    assert draw_pictures(stored(summary), summary, tmp_path) == {}
    assert not list(tmp_path.iterdir())


def test_equal_values_leave_out_what_has_no_variation(tmp_path: Path) -> None:
    summary = study([trial(number, 90.0, settings=drawn_settings(number)) for number in range(12)])

    assert list(draw_pictures(stored(summary), summary, tmp_path)) == ["history", "parallel"]


def test_groups_stand_in_numeric_order_and_lists_as_text() -> None:
    axes = axes_of(searched(), "contour-groups-gate_scale_init")
    assert (axes.get_ylabel(), axes.get_yscale()) == ("groups", "log")
    assert labels(axes.yaxis) == ["1", "2", "4", "8", "16", "32", "64"]

    space = {"stages": Choices(((1,), (10,), (2, 3))), "normalize": Choices((True, False))}
    settings = [{"stages": text, "normalize": is_on} for text in ("1", "10", "2,3") for is_on in (True, False)] * 2
    trials = [trial(number, 90.0 + number % 7, settings=chosen) for number, chosen in enumerate(settings)]
    axes = axes_of(study(trials, tune_spec(space=space)), "contour-stages-normalize")
    assert {axes.get_xlabel(): labels(axes.xaxis), axes.get_ylabel(): labels(axes.yaxis)} == {
        "normalize": ["true", "false"],
        "stages": ["1", "10", "2,3"],
    }


def test_choices_that_no_trial_has_leave_the_others_at_their_places() -> None:
    space = {"at": Choices(("a", "b", "c", "d")), "normalize": Choices((True, False))}
    settings = [{"at": at, "normalize": is_on} for at in ("a", "d") for is_on in (True, False)] * 3
    trials = [trial(number, 90.0 + number % 7, settings=chosen) for number, chosen in enumerate(settings)]
    axes = axes_of(study(trials, tune_spec(space=space)), "contour-at-normalize")

    assert labels(axes.xaxis) == ["a", "b", "c", "d"]
    assert set(axes.collections[2].get_offsets()[:, 0]) == {0.0, 3.0}


def test_dark_is_accurate_and_the_star_is_the_default() -> None:
    summary = searched()
    axes = axes_of(summary, "contour-groups-gate_scale_init")
    plane = axes.collections[1]
    (star,) = axes.lines

    assert sum(plane.to_rgba(90.6)[:3]) < sum(plane.to_rgba(89.3)[:3])
    assert (star.get_xdata().item(), star.get_ydata().item()) == (DEFAULT["gate_scale_init"], DEFAULT["groups"])
    assert axes.collections[2].get_offsets().shape[0] == len(summary.of_state("complete"))


def test_history_keeps_the_numbers_of_trials_and_names_the_objective() -> None:
    summary = searched()
    axes = axes_of(summary, "history")
    dots = axes.collections[0].get_offsets()

    assert [tuple(dot) for dot in dots.data] == [(it.number, it.values[0]) for it in summary.of_state("complete")]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("trial", "validation top-1 (%)")
    assert axes.lines[0].get_ydata()[-1] == max(it.values[0] for it in summary.of_state("complete"))


def test_importances_are_those_of_the_studys_accuracy() -> None:
    summary = searched(40, ("latency", "accuracy"))
    made = stored(summary)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        expected = optuna.importance.get_param_importances(
            made, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0), target=lambda it: it.values[1]
        )
    axes = axes_of(summary, "importances")

    assert sorted(bar.get_width() for bar in axes.patches) == pytest.approx(sorted(expected.values()))
    assert set(labels(axes.yaxis)) == set(expected)


def test_a_front_shows_all_trials_in_a_unit_with_the_front_of_all_objectives_marked() -> None:
    summary = searched(40, ("accuracy", "latency", "macs"))
    axes = axes_of(summary, "front-macs")
    others, front = (collection.get_offsets().data.tolist() for collection in axes.collections)

    assert (axes.get_xlabel(), axes.get_ylabel()) == ("MMACs", "validation top-1 (%)")
    wanted = [(it.values[2] / 1e6, it.values[0]) for it in summary.of_state("complete") if it.number in summary.best]
    assert {tuple(dot) for dot in front} == set(wanted)
    assert len(others) + len(front) == len(summary.of_state("complete"))


def test_nothing_outside_is_changed(tmp_path: Path) -> None:
    summary = searched(20)
    before = dict(matplotlib.rcParams), dict(style.library["ggplot"]), pyplot.get_backend(), pyplot.get_fignums()
    verbosity = optuna.logging.get_verbosity()
    draw_pictures(stored(summary), summary, tmp_path)

    assert (
        dict(matplotlib.rcParams),
        dict(style.library["ggplot"]),
        pyplot.get_backend(),
        pyplot.get_fignums(),
    ) == before
    assert optuna.logging.get_verbosity() == verbosity


def test_equal_studies_give_equal_files(tmp_path: Path) -> None:
    summary = searched(20)
    one, other = (draw_pictures(stored(summary), summary, tmp_path / name) for name in "ab")

    assert [file.read_bytes() for file in one.values()] == [file.read_bytes() for file in other.values()]
