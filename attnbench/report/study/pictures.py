"""Which pictures a study can have: what each shows, in words, and why some are not drawn."""

from collections.abc import Iterator
from dataclasses import dataclass

from attnbench.report.numbers import listed, plural
from attnbench.report.study.trials import (
    accuracy_floor,
    best_trials,
    default_trial,
    objective_label,
    settings_text,
    validation_top1,
)
from attnbench.space import Floats, Integers
from attnbench.study import FEWEST_FOR_IMPORTANCE, StudySummary, TrialSummary
from attnbench.tune_spec import Objective


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One picture of a study."""

    name: str
    """Of its file, without the suffix."""
    title: str
    """What is shown."""
    words: str = ""
    """What is seen, for those who do not see it."""
    caption: str = ""
    """How it is to be read."""
    why_not: str = ""
    """Why it is not drawn; empty where it is."""
    settings: tuple[str, ...] = ()
    """The two settings of a contour picture."""
    cost: Objective | None = None
    """What accuracy stands against, in a picture of the Pareto front."""


def pictures_of(summary: StudySummary) -> tuple[Picture, ...]:
    """All pictures of a study, those that cannot be drawn among them, with the reason."""
    complete = summary.of_state("complete")
    costs = [objective for objective in summary.spec.objectives if objective != "accuracy"]
    return (
        *(_front(cost, summary, complete) for cost in costs),
        _history(summary, complete),
        _importances(summary, complete),
        *(_contour(pair, summary, complete) for pair in _pairs(summary)),
        _parallel(summary, complete),
    )


def _history(summary: StudySummary, complete: list[TrialSummary]) -> Picture:
    title = "Validation accuracy, trial by trial"
    if len(complete) < 2:
        return Picture(name="history", title=title, why_not=_too_few(complete, 2))
    values = [validation_top1(trial, summary) for trial in complete]
    best = max(complete, key=lambda trial: validation_top1(trial, summary))
    return Picture(
        name="history",
        title=title,
        words=f"{plural(len(complete), 'trial')} from {min(values):.2f} to {max(values):.2f} % on validation, as dots "
        f"in the order in which they began, and a line of the best so far, which rises last at trial {best.number}.",
        caption=f"The line is the best so far.{_star(summary)}{_floored(summary)}{_unseen(summary)}",
    )


def _importances(summary: StudySummary, complete: list[TrialSummary]) -> Picture:
    title = "Importance of each setting, by fANOVA"
    found = next((it for it in summary.importances if it.method == "fANOVA"), None)
    if found is None:
        return Picture(
            name="importances", title=title, why_not=_no_variation(summary, complete) or "It was not estimated."
        )
    shares = [f"{name} {100 * share:.0f} %" for name, share in found.shares.items()]
    return Picture(
        name="importances",
        title=title,
        words=f"Bars of how much of the accuracy's variation each setting explains: {listed(shares)}.",
        caption=f"Estimated from {plural(len(complete), 'trial')}; PED-ANOVA, in the table, may rank them differently.",
    )


def _contour(pair: tuple[str, str], summary: StudySummary, complete: list[TrialSummary]) -> Picture:
    name, title = f"contour-{'-'.join(pair)}", f"Validation accuracy over {pair[0]} and {pair[1]}"
    constant = [one for one in pair if len({trial.settings.get(one) for trial in complete}) < 2]
    why_not = _no_variation(summary, complete)
    if not why_not and constant:
        why_not = f"All complete trials have the same {listed(constant)}."
    if why_not:
        return Picture(name=name, title=title, why_not=why_not)
    best = best_trials(summary)[0]
    return Picture(
        name=name,
        title=title,
        settings=pair,
        words=f"A coloured plane, the darker the more accurate, with {plural(len(complete), 'trial')} as dots. The "
        f"most accurate is trial {best.number}: {settings_text(best, summary, only=pair)}.",
        caption="Dots are trials. Colours between them are interpolated, whatever the other settings were and however "
        f"much accuracy varies with the seed.{_star(summary)}{_floored(summary)}",
    )


def _parallel(summary: StudySummary, complete: list[TrialSummary]) -> Picture:
    title = "Settings of every trial"
    if len(complete) < 2:
        return Picture(name="parallel", title=title, why_not=_too_few(complete, 2))
    best = best_trials(summary)[0]
    dashed = " The dashed line is the default's own trial." if _star(summary) else ""
    return Picture(
        name="parallel",
        title=title,
        words=f"{plural(len(complete), 'trial')} as lines through an axis for accuracy and one for each setting, the "
        f"darker the more accurate. The most accurate is trial {best.number}: {settings_text(best, summary)}.",
        caption=f"A line a trial, the darker the more accurate on validation.{dashed}{_floored(summary)}"
        f"{_unseen(summary)}",
    )


def _front(cost: Objective, summary: StudySummary, complete: list[TrialSummary]) -> Picture:
    label = objective_label(cost, summary)
    name, title = f"front-{cost}", f"Validation accuracy against {label}"
    if len(complete) < 2:
        return Picture(name=name, title=title, why_not=_too_few(complete, 2))
    costs = {trial.values[summary.spec.objectives.index(cost)] for trial in complete}
    if len(costs) == 1:
        return Picture(name=name, title=title, why_not="All trials cost the same.")
    front = best_trials(summary)
    others = len(summary.spec.objectives) - 2
    caption = "Orange: the Pareto front, which no other trial beats in one objective without losing in another."
    if others:
        caption += f" It is that of all {others + 2} objectives, so an orange dot may look beaten here."
    return Picture(
        name=name,
        title=title,
        cost=cost,
        words=f"{plural(len(complete), 'trial')} as dots, {len(front)} of them on the Pareto front, from "
        f"{validation_top1(front[-1], summary):.2f} to {validation_top1(front[0], summary):.2f} % on validation.",
        caption=caption + _star(summary) + _floored(summary),
    )


def _pairs(summary: StudySummary) -> Iterator[tuple[str, str]]:
    """Groups beside each number that a gate begins with; without groups the two settings that matter most."""
    space = summary.spec.space
    starts = [
        name for name, domain in space.items() if name.endswith("_init") and isinstance(domain, Floats | Integers)
    ]
    if "groups" in space and starts:
        yield from (("groups", name) for name in starts)
        return
    ranked = list(summary.importances[0].shares) if summary.importances else list(space)
    if len(ranked) > 1:
        yield ranked[0], ranked[1]


def _no_variation(summary: StudySummary, complete: list[TrialSummary]) -> str:
    if len(complete) < FEWEST_FOR_IMPORTANCE:
        return _too_few(complete, FEWEST_FOR_IMPORTANCE)
    if len({validation_top1(trial, summary) for trial in complete}) == 1:
        return "All complete trials have the same accuracy."
    return ""


def _too_few(complete: list[TrialSummary], fewest: int) -> str:
    return (
        f"It takes {plural(fewest, 'complete trial')}; there {'is' if len(complete) == 1 else 'are'} {len(complete)}."
    )


def _star(summary: StudySummary) -> str:
    own = default_trial(summary)
    return " The star is the default's own trial." if own is not None and own.state == "complete" else ""


def _floored(summary: StudySummary) -> str:
    floor = accuracy_floor(summary)
    number = sum(validation_top1(trial, summary) < floor for trial in summary.of_state("complete"))
    are = "is" if number == 1 else "are"
    return f" {plural(number, 'trial')} below {floor:.2f} % {are} drawn at that." if number else ""


def _unseen(summary: StudySummary) -> str:
    counts = [(len(summary.of_state("pruned")), "pruned"), (len(summary.of_state("failed")), "failed")]
    words = [f"{number} {state}" for number, state in counts if number]
    return f" Trials without a value are not shown: {listed(words)}." if words else ""
