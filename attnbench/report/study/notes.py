"""The sentences of a study's report: what was searched, what failed, and what the final comparison tells."""

from collections import Counter

from attnbench.report.diverged import diverged_notes
from attnbench.report.leaderboard.compared import one_seed_line, outcome_lines, power_line, testing_line
from attnbench.report.numbers import duration, half_width, listed, plural
from attnbench.report.study.comparison import FinalComparison, FinalRow
from attnbench.report.study.trials import default_trial, objective_label
from attnbench.study import FEWEST_FOR_IMPORTANCE, StudySummary
from attnbench.tune_spec import RECIPE_PREFIX

_ROLE = "default"
_MOST_REASONS = 5
_STATES = {"failed": "failed", "pruned": "was pruned", "running": "is running", "waiting": "is waiting"}


def study_title(summary: StudySummary) -> str:
    """What is searched, where."""
    return (
        f"Study {summary.name}: {summary.spec.run.attention} in {summary.spec.run.backbone} on {summary.spec.run.data}"
    )


def study_lines(summary: StudySummary) -> list[str]:
    """How trials train, how the next is chosen, and how many there are, a sentence a line."""
    return [_recipe_line(summary), _search_line(summary), _trials_line(summary)]


def search_notes(summary: StudySummary) -> list[str]:
    """What the tables of settings and trials do and do not tell, a paragraph each."""
    lines = (_importance_line(summary), _default_line(summary), _validation_line(summary), _latency_line(summary))
    return [line for line in lines if line]


def failures(summary: StudySummary) -> list[str]:
    """Why trials failed, the most frequent reason first, equal reasons counted."""
    reasons = Counter(trial.reason or "no reason is known" for trial in summary.of_state("failed"))
    lines = [f"{plural(number, 'trial')} failed: {reason}" for reason, number in reasons.most_common(_MOST_REASONS)]
    others = sum(number for _, number in reasons.most_common()[_MOST_REASONS:])
    return [*lines, f"{plural(others, 'trial')} failed for other reasons."] if others else lines


def unfinished_line(summary: StudySummary) -> str:
    """What is said in place of a final comparison."""
    if not summary.best:
        return "No trial is complete, so there is no winner to compare with the default."
    return (
        "Not done yet. All accuracies here are validation accuracies of trials that the search itself picked, which "
        "says little of the winner. The same command with --final-seeds 10 trains it and the default again on fresh "
        "seeds, and tests both."
    )


def comparison_lines(comparison: FinalComparison, summary: StudySummary) -> list[str]:
    """What the final comparison shows and what it does not, a paragraph each; the optimism comes last."""
    default = comparison.default
    to_default = [found.row.top1_difference for found in comparison.rows if found.row.top1_difference]
    same_recipe = [found.to_same_recipe for found in comparison.rows if found.to_same_recipe]
    own_recipe = "Δ same recipe is to the default under the contender's own recipe, corrected as a family of its own."
    lines = [
        *_gaps(comparison),
        testing_line(to_default, role=_ROLE),
        own_recipe if same_recipe else "",
        *outcome_lines(to_default, role=_ROLE, name=default),
        *_same_recipe_lines(comparison),
        one_seed_line(to_default, role=_ROLE, name=default),
        power_line(to_default, role=_ROLE),
        *(optimism_line(row, summary) for row in comparison.rows if row.optimism),
    ]
    return [line for line in lines if line]


def optimism_line(row: FinalRow, summary: StudySummary) -> str:
    """How much of a trial's validation accuracy its settings keep on fresh seeds."""
    optimism = row.optimism
    assert optimism is not None
    fresh = optimism.fresh_percent
    best_of = f"The best of {plural(_num_compared(summary), 'trial')}"
    if row.contender.role == "winner":
        trial = best_of
    elif row.contender.role == "default":
        is_best = optimism.trial in summary.best and len(summary.best) == 1
        trial = f"{best_of}, the default's own," if is_best else f"The default's own trial {optimism.trial}"
    else:
        trial = f"Trial {optimism.trial} of the Pareto front"
    facts = (
        f"{trial} had {optimism.trial_percent:.2f} % on validation; the same settings on "
        f"{plural(fresh.num_samples, 'fresh seed')} have {fresh.mean:.2f} {half_width(fresh)} % there"
    )
    half = optimism.half_width
    if half is None:
        return f"{facts}, and one seed does not tell how much of the difference was selection."
    points = f"{abs(optimism.points):.2f} points {'less' if optimism.points > 0 else 'more'}"
    if abs(optimism.points) <= half:
        return f"{facts}: {points}, which a change of seed alone would explain (± {half:.2f})."
    if optimism.points < 0:
        return f"{facts}: {points}."
    return f"{facts}: {points}, which was selection, or the luck of its seed (± {half:.2f} would have been the seed)."


def _recipe_line(summary: StudySummary) -> str:
    recipe = summary.spec.run.recipe
    selected = "epoch best on validation" if recipe.selection == "best" else "last epoch"
    searched = [name.removeprefix(RECIPE_PREFIX) for name in summary.spec.space if name.startswith(RECIPE_PREFIX)]
    but = f" Of these {listed(searched)} {'is' if len(searched) == 1 else 'are'} searched." if searched else ""
    return (
        f"{plural(recipe.epochs, 'epoch')}, SGD at learning rate {recipe.learning_rate:g} ({recipe.schedule}), "
        f"batch {recipe.batch_size}, weight decay {recipe.weight_decay:g}; the {selected} counts.{but}"
    )


def _search_line(summary: StudySummary) -> str:
    spec = summary.spec
    costs = [objective_label(objective, summary) for objective in spec.objectives if objective != "accuracy"]
    goals = f"Highest {objective_label('accuracy', summary)}{f', lowest {listed(costs)}' if costs else ''}"
    pruner = "no pruner" if spec.pruner == "none" else f"{spec.pruner} pruner"
    return (
        f"{goals}; {spec.sampler} sampler (seed {spec.search_seed}), {pruner}, "
        f"{plural(len(spec.seeds), 'seed')} a trial ({', '.join(map(str, spec.seeds))}); the default is {spec.default}."
    )


def _trials_line(summary: StudySummary) -> str:
    counts = {state: len(summary.of_state(state)) for state in ("complete", "pruned", "failed", "running", "waiting")}
    taken = sum(trial.same_as is not None for trial in summary.of_state("complete"))
    words = [
        f"{number} {state}" for state, number in counts.items() if number or state in ("complete", "pruned", "failed")
    ]
    if taken:
        words[0] += f" ({taken} taken over from equal settings)"
    seconds = sum(trial.seconds or 0.0 for trial in summary.trials)
    return (
        f"{plural(len(summary.trials), 'trial')}: {', '.join(words)}; {duration(seconds)} of trials in all; "
        f"kept in {summary.storage}"
    )


def _importance_line(summary: StudySummary) -> str:
    if not summary.importances:
        complete = len(summary.of_state("complete"))
        why = "All complete trials have one accuracy"
        if complete < FEWEST_FOR_IMPORTANCE:
            why = f"{plural(complete, 'complete trial')}, where it takes {FEWEST_FOR_IMPORTANCE}"
        return f"{why}: how much each setting matters is not estimated."
    methods = listed([importance.method for importance in summary.importances])
    return (
        f"{methods} are estimates from {plural(len(summary.of_state('complete')), 'trial')} of which part of the "
        "accuracy's variation a setting explains; they ask different questions and may rank settings differently."
    )


def _default_line(summary: StudySummary) -> str:
    own = default_trial(summary)
    if own is None:
        return "The default itself was not tried by the search."
    if own.state != "complete":
        return f"The default's own trial {own.number} has no value: it {_STATES[own.state]}."
    return ""


def _validation_line(summary: StudySummary) -> str:
    if not summary.of_state("complete"):
        return ""
    seeds = len(summary.spec.seeds)
    mean = "one seed" if seeds == 1 else f"the mean of {seeds} seeds"
    return (
        f"A trial's accuracy is that of {mean}, on the split that the search looks at: the best of many is the "
        "luckiest too, so this is no result."
    )


def _latency_line(summary: StudySummary) -> str:
    if "latency" not in summary.spec.objectives:
        return ""
    return (
        f"A trial's latency is one median of {summary.spec.run.measure.throughput_rounds} passes beside the "
        "baseline's, while other trials may have trained on the machine: small differences are noise, and a front may "
        "rest on them. attnbench efficiency measures with intervals."
    )


def _num_compared(summary: StudySummary) -> int:
    """Trials among which the best was the best: those that were trained, to the end or until they were pruned."""
    trained = [trial for trial in summary.of_state("complete") if trial.same_as is None]
    return len(trained) + len(summary.of_state("pruned"))


def _gaps(comparison: FinalComparison) -> list[str]:
    lines = diverged_notes(comparison.diverged)
    if not comparison.rows:  # and so no table
        lines = [f"{seeds.sentence({})}." for seeds in comparison.diverged]
        lines.append("No run of it has a record.")
    elif not any(row.label == comparison.default for row in comparison.rows):
        lines.append(f"The default {comparison.default} has no record, so no differences to it are given.")
    if comparison.without_records:
        lines.append(f"Without a record, and so not compared: {listed(list(comparison.without_records))}.")
    if comparison.is_default_best:
        lines.append(
            "The best trial is the default's own: the search found no settings that look better, and there is nothing "
            "to compare."
        )
    seeds = sorted({seed for row in comparison.rows for seed in row.row.seeds})
    partial = [
        f"{row.label} ({len(row.row.seeds)} of {len(seeds)})"
        for row in comparison.rows
        if len(row.row.seeds) < len(seeds)
    ]
    if partial:
        lines.append(f"Not every contender has every seed: {listed(partial)}. Differences are over the seeds shared.")
    return lines


def _same_recipe_lines(comparison: FinalComparison) -> list[str]:
    found = [row.to_same_recipe for row in comparison.rows if row.to_same_recipe]
    others = dict.fromkeys(difference.other for difference in found)
    return [
        line
        for other in others
        for line in outcome_lines(
            [difference for difference in found if difference.other == other],
            role="default under the same recipe",
            name=other,
        )
    ]
