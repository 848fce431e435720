"""Pictures of a study as PNG files: Optuna's, in the style of the house's plots."""

import textwrap
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.importance import FanovaImportanceEvaluator
from optuna.study import Study
from optuna.trial import TrialState, create_trial

from attnbench.printable import printable
from attnbench.report.plots.figure import WIDTH_INCHES, save_figure
from attnbench.report.study.notes import study_title
from attnbench.report.study.pictures import Picture, pictures_of
from attnbench.report.study.plots.axes import setting_axis
from attnbench.report.study.plots.parallel import draw_parallel
from attnbench.report.study.trials import default_trial, drawn_top1, objective_label, objective_unit
from attnbench.study import StudySummary, TrialSummary
from attnbench.tune_spec import Objective

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEIGHT_INCHES = 4.4
_CAPTION_COLUMNS = 136
_MOST_LETTERS = 60
"""Letters below a horizontal axis before they stand upright."""
_BLUE, _ORANGE = "#0072b2", "#d55e00"


def draw_pictures(study: Study, summary: StudySummary, folder: Path) -> dict[str, Path]:
    """Draw every picture that a study can have into a folder, which is made if need be.

    Args:
        study: The study.
        summary: The same, summarised.
        folder: Where the files go; files of the same names are replaced.

    Returns:
        The files by the names of `attnbench.report.study.pictures.pictures_of`, which says why one is missing.

    Raises:
        MissingDependencyError: If matplotlib is not installed.
        StoreError: If a file cannot be written.
    """
    wanted = [picture for picture in pictures_of(summary) if not picture.why_not]
    drawn = {picture.name: folder / f"{picture.name}.png" for picture in wanted}
    for picture in wanted:
        save_figure(partial(_figure, picture, study, summary), [drawn[picture.name]])
    return drawn


def _figure(picture: Picture, study: Study, summary: StudySummary) -> "Figure":
    """A picture as a figure, in the style that matplotlib is set to."""
    if picture.name == "parallel":
        # Optuna's has the numbers of its axes under the lines and beside the colour bar.
        return draw_parallel(picture, summary)
    draw: Callable[[Picture, Study, StudySummary], Axes]
    if picture.cost is not None:
        draw = _front
    elif picture.settings:
        draw = _contour
    else:
        draw = _history if picture.name == "history" else _importances
    with _optunas_plots():
        return _framed(draw(picture, study, summary), picture, summary)


@contextmanager
def _optunas_plots() -> Iterator[None]:
    """Optuna's plots in the style that is set, without a window, and without a word about being experimental."""
    from matplotlib import pyplot, style

    backend, ggplot, verbosity = pyplot.get_backend(), style.library["ggplot"], optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # it tells of every study that is made
    pyplot.switch_backend("agg")
    style.library["ggplot"] = {}  # the style that each of Optuna's plots switches to
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)
        style.library["ggplot"] = ggplot
        pyplot.switch_backend(backend)


def _framed(axes: "Axes", picture: Picture, summary: StudySummary) -> "Figure":
    """The figure of axes, with its title above and its caption below."""
    from matplotlib import pyplot

    figure = axes.figure
    pyplot.close(figure)  # pyplot forgets it; it can be saved as before
    sentences = (f"{study_title(summary)}.", picture.caption)
    caption = [line for sentence in sentences for line in textwrap.wrap(sentence, _CAPTION_COLUMNS)]
    below, above = 0.2 + 0.145 * len(caption), 0.45
    height = _HEIGHT_INCHES + below + above
    for place in ("left", "center"):
        axes.set_title("", loc=place)
    figure.set_size_inches(WIDTH_INCHES, height)
    figure.set_layout_engine("tight", rect=(0, below / height, 1, 1 - above / height))
    figure.text(0.02, 1 - 0.17 / height, picture.title, weight="bold", size=11, va="top")
    figure.text(0.02, 0.1 / height, printable("\n".join(caption)), size=7, color="#555555", linespacing=1.35)
    return figure


def _history(picture: Picture, study: Study, summary: StudySummary) -> "Axes":
    from matplotlib.ticker import MaxNLocator
    from optuna.visualization.matplotlib import plot_optimization_history

    label = objective_label("accuracy", summary)
    axes = plot_optimization_history(_redrawn(summary, ["accuracy"]), target_name=label)
    axes.get_legend().remove()
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.collections[0].set(color=_BLUE, sizes=[18])
    axes.lines[0].set(color=_ORANGE, alpha=1.0, drawstyle="steps-post", zorder=1)
    _mark_default(axes, summary, lambda own: (own.number, drawn_top1(own, summary)))
    return axes


def _importances(picture: Picture, study: Study, summary: StudySummary) -> "Axes":
    from optuna.visualization.matplotlib import plot_param_importances

    place = summary.spec.objectives.index("accuracy")
    axes = plot_param_importances(
        study,
        # As the summary has it: a forest of the same seed, over the trials as they were drawn.
        FanovaImportanceEvaluator(seed=0),
        target=lambda trial: trial.values[place],
        target_name="accuracy",
    )
    axes.get_legend().remove()
    axes.set(xlabel="share of the accuracy's variation", ylabel="", xlim=(0, 1.08))
    for bar, text in zip(axes.patches, axes.texts, strict=True):
        bar.set(color=_BLUE)
        text.set_text(f" {100 * bar.get_width():.0f} %")
    return axes


def _contour(picture: Picture, study: Study, summary: StudySummary) -> "Axes":
    from optuna.visualization.matplotlib import plot_contour

    label = objective_label("accuracy", summary)
    axes: Any = plot_contour(_redrawn(summary, ["accuracy"]), params=list(picture.settings), target_name=label)
    lines, _, dots, _ = axes.collections
    lines.set(linewidth=0.3, alpha=0.6)
    dots.set(sizes=[14], facecolor="white", edgecolor="#1a1a1a", linewidth=0.8)
    names = [axes.get_xlabel(), axes.get_ylabel()]
    scales = [setting_axis(name, summary) for name in names]
    for axis, scale in zip((axes.xaxis, axes.yaxis), scales, strict=True):
        low, high = axis.get_view_interval()
        ticks = [(position, text) for position, text in scale.shown_ticks() if low <= position <= high]
        axis.set_ticks([position for position, _ in ticks], [printable(text) for _, text in ticks])
        axis.set_ticks([], minor=True)
    if sum(len(label.get_text()) for label in axes.get_xticklabels()) > _MOST_LETTERS:
        axes.tick_params(axis="x", rotation=90)
    _mark_default(
        axes,
        summary,
        lambda own: [scale.position(own.settings[name]) for scale, name in zip(scales, names, strict=True)],
    )
    return axes


def _front(picture: Picture, study: Study, summary: StudySummary) -> "Axes":
    from optuna.visualization.matplotlib import plot_pareto_front

    assert picture.cost is not None
    objectives = summary.spec.objectives
    cost, accuracy = objectives.index(picture.cost), objectives.index("accuracy")
    values = [trial.values[cost] for trial in summary.of_state("complete")]
    prefix, unit = objective_unit(picture.cost, values)
    axes = plot_pareto_front(
        _redrawn(summary, objectives),
        targets=lambda trial: (trial.values[cost] / unit, trial.values[accuracy]),
        target_names=[prefix + objective_label(picture.cost, summary), objective_label("accuracy", summary)],
    )
    axes.get_legend().remove()
    for collection in axes.collections:
        is_front = collection.get_label() == "Best Trial"
        collection.set(sizes=[36 if is_front else 20], color=_ORANGE if is_front else _BLUE, alpha=0.85)
    axes.xaxis.set_major_formatter("{x:,g}" if picture.cost != "parameters" else "{x:,.0f}")
    _mark_default(axes, summary, lambda own: (own.values[cost] / unit, drawn_top1(own, summary)))
    return axes


def _mark_default(axes: "Axes", summary: StudySummary, place: Callable[[TrialSummary], Sequence[float]]) -> None:
    own = default_trial(summary)
    if own is not None and own.state == "complete":
        x, y = place(own)
        axes.plot(x, y, marker="*", markersize=12, color="#000000", markeredgecolor="white", linestyle="", zorder=5)


def _redrawn(summary: StudySummary, objectives: Sequence[Objective]) -> Study:
    """The complete trials under their numbers, with settings that Optuna draws in the right order and scale.

    It sorts choices by their letters, so that 16 groups come before 2, leaves out those that no trial has, and knows
    no axis of ratios for them. So every setting becomes a number: its position on an axis.
    """
    study = optuna.create_study(
        directions=["maximize" if objective == "accuracy" else "minimize" for objective in objectives]
    )
    complete = {trial.number: trial for trial in summary.of_state("complete")}
    scales = {name: setting_axis(name, summary) for name in summary.spec.space}
    distributions: dict[str, BaseDistribution] = {
        name: FloatDistribution(scale.low, scale.high, log=scale.is_logarithmic) for name, scale in scales.items()
    }
    for number in range(max(complete) + 1):
        if number not in complete:
            study.add_trial(create_trial(state=TrialState.FAIL))
            continue
        trial = complete[number]
        study.add_trial(
            create_trial(
                values=[_drawn_value(trial, objective, summary) for objective in objectives],
                params={name: scale.position(trial.settings[name]) for name, scale in scales.items()},
                distributions=distributions,
            )
        )
    return study


def _drawn_value(trial: TrialSummary, objective: Objective, summary: StudySummary) -> float:
    if objective == "accuracy":
        return drawn_top1(trial, summary)
    return trial.values[summary.spec.objectives.index(objective)]
