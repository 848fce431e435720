"""What `attnbench tune` prints at its end."""

import io
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from rich.console import Console

from attnbench.report.study import FinalComparison, compare_finals, render_study
from attnbench.report.study.comparison import Optimism
from attnbench.spec import Recipe
from attnbench.stats import t_interval
from attnbench.study import Final, StudySummary
from tests.diverged_records import diverged_in_place_of
from tests.report.study.studies import DEFAULT, RECIPE, contender, final, searched, study, trial, tune_spec

SEEDS = tuple(range(1000, 1010))


def finals(gain: float, seeds: Sequence[int] = SEEDS, *, number: int = 5, recipe: Recipe = RECIPE) -> list[Final]:
    same = [final(contender("default with the winner's recipe", recipe=recipe), 90.1, seeds)]
    winner = contender("winner", "sge:groups=16,stages=2,3", number=number, recipe=recipe)
    return [
        final(contender("default"), 90.0, seeds),
        *(same if recipe != RECIPE else []),
        final(winner, 90.0 + gain, seeds, parameters=272_100, macs=41_060_000),
    ]


def shown(
    summary: StudySummary, comparison: FinalComparison | None = None, *, width: int = 80, encoding: str = "utf-8"
) -> str:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    render_study(summary, comparison, Console(file=pipe, width=width))
    pipe.seek(0)
    return pipe.read()


def prose(text: str) -> str:
    return " ".join(text.split())


def test_parts_come_in_order_and_the_final_comparison_last() -> None:
    summary = searched()
    text = shown(summary, compare_finals(finals(0.5), summary))
    titles = [
        "Study sge-fashion-mnist",
        "What was searched",
        "The best trials",
        "1 trial failed",
        "The final comparison",
    ]
    places = [text.index(title) for title in titles]

    assert places == sorted(places)
    assert "The best of 37 trials had 90.62 % on validation" in prose(text)[-230:]


def test_says_how_it_was_searched_and_what_became_of_the_trials() -> None:
    text = prose(shown(searched()))

    assert "sge in cifar-resnet:depth=20 on fashion-mnist 6 epochs, SGD at learning rate 0.1 (cosine)" in text
    assert "Of these learning_rate is searched." in text
    assert "Highest validation top-1 (%); tpe sampler (seed 0), median pruner, 1 seed a trial (0)" in text
    assert "40 trials: 30 complete (1 taken over from equal settings), 8 pruned, 2 failed; 40 min of trials" in text
    assert "kept in sqlite:///studies/sge-fashion-mnist/study.db" in text


def test_the_space_is_a_table_with_both_importances() -> None:
    lines = [prose(line) for line in shown(searched(), width=120).splitlines()]

    assert "setting may be trial 5 trial 0 fANOVA PED-ANOVA" in lines
    assert "groups 1 | 2 | 4 | 8 | 16 | 32 | 64 16 64 62 % 30 %" in lines
    assert "recipe.learning_rate 0.01 … 0.3 (log) 0.0264 0.1 30 % 55 %" in lines


def test_the_best_five_trials_and_the_default_are_there_without_trials_of_equal_settings() -> None:
    trials = [
        trial(0, 80.0),
        *(trial(number, 90.0 + number, settings={**DEFAULT, "groups": 2}) for number in range(1, 8)),
    ]
    summary = study([*trials, trial(8, 97.0, settings={**DEFAULT, "groups": 2}, same_as=7)])
    best = shown(summary).split("The best trials")[1].split("\n\n")[0].splitlines()[2:]

    assert [line.split()[0] for line in best if line[0].isdigit()] == ["7", "6", "5", "4", "3", "0"]
    assert next(prose(line) for line in best if "(default)" in line).startswith("0 (default) 80.00")


def test_equal_reasons_are_counted_and_few_are_shown() -> None:
    failed = [trial(number, state="failed", reason=f"reason {min(number, 9)}") for number in range(12)]
    text = prose(shown(study(failed)))

    assert text.index("3 trials failed: reason 9") < text.index("1 trial failed: reason 0")
    assert "5 trials failed for other reasons." in text


def test_says_what_is_shown_and_how_much_was_selection() -> None:
    summary = study([trial(0, 90.3), trial(1), trial(5, 91.3, settings={**DEFAULT, "groups": 16})])
    text = prose(shown(summary, compare_finals(finals(0.5), summary)))

    assert "Shown to be higher than the default sge: sge:groups=16,stages=2,3 (+0." in text
    last = text[text.index("The best of 3 trials") :]
    assert last.startswith(
        "The best of 3 trials had 91.30 % on validation; the same settings on 10 fresh seeds have 90.5"
    )
    assert last.endswith("points less, which was selection, or the luck of its seed (± 0.25 would have been the seed).")


def test_a_trial_within_the_interval_or_below_it_is_not_called_selection() -> None:
    for accuracy, words in ((90.5, "which a change of seed alone would explain (± 0.25)."), (88.0, "points more.")):
        summary = study([trial(0, 85.0), trial(5, accuracy, settings={**DEFAULT, "groups": 16})])
        text = prose(shown(summary, compare_finals(finals(0.5), summary)))
        assert text.endswith(words)
        assert "was selection" not in text


def test_without_selection_a_trial_lies_within_the_interval_as_often_as_it_says() -> None:
    drawn = np.random.default_rng(0).normal(90.0, 0.3, size=(2000, 11))
    within = [
        abs(found.points) <= (found.half_width or 0)
        for trial_percent, *fresh in drawn
        for found in [
            Optimism(trial=0, trial_percent=trial_percent, fresh_percent=t_interval(fresh), num_trial_seeds=1)
        ]
    ]
    assert 0.935 < np.mean(within) < 0.965


def test_one_fresh_seed_does_not_tell_what_was_selection() -> None:
    summary = study([trial(0, 90.0), trial(5, 95.0, settings={**DEFAULT, "groups": 16})])
    text = prose(shown(summary, compare_finals(finals(0.5, SEEDS[:1]), summary)))

    assert text.endswith("one seed does not tell how much of the difference was selection.")
    assert "so nothing is said of the modules" in text


def test_too_few_seeds_are_said_to_be_few_with_the_number_needed() -> None:
    summary = searched()
    text = prose(shown(summary, compare_finals(finals(5.0, SEEDS[:3]), summary)))

    assert "Not shown to differ from the default sge: sge:groups=16,stages=2,3." in text
    assert "With 3 seeds no difference can be shown in 1 comparison, however large: that takes 6 seeds." in text


def test_what_the_recipe_gains_is_told_apart_from_what_the_settings_gain() -> None:
    summary = searched()
    recipe = replace(RECIPE, learning_rate=0.2)
    text = prose(shown(summary, compare_finals(finals(0.5, recipe=recipe), summary)))

    assert "Δ same recipe" in text
    assert (
        "Shown to be higher than the default under the same recipe sge with learning_rate 0.2: "
        "sge:groups=16,stages=2,3 with learning_rate 0.2 (+0." in text
    )


def test_a_winner_that_is_the_default_is_said_to_be_it() -> None:
    summary = study([trial(0, 91.0), trial(1, 90.0, settings={**DEFAULT, "groups": 16})])
    text = prose(shown(summary, compare_finals(finals(0.0)[:1], summary)))

    assert "The best trial is the default's own: the search found no settings that look better" in text
    assert "Shown to be" not in text


def test_an_unfinished_study_says_how_to_finish_it() -> None:
    text = prose(shown(searched(name="my study")))

    assert "validation accuracies of trials that the search itself picked" in text
    assert text.endswith(
        "The same command with --final-seeds 10 trains it and the default again on fresh seeds, and tests both."
    )


def test_a_comparison_without_any_record_says_so() -> None:
    summary = searched()
    missing = [Final(contender=it.contender, records=()) for it in finals(0.5)]
    text = prose(shown(summary, compare_finals(missing, summary)))

    assert "No run of it has a record." in text
    assert "Without a record, and so not compared: sge; sge:groups=16,stages=2,3." in text
    text = prose(shown(summary, compare_finals(finals(0.5)[1:], summary)))
    assert "The default sge has no record, so no differences to it are given." in text


def test_seeds_that_diverged_are_named() -> None:
    summary = searched()
    default, winner, *others = finals(0.5)
    kept, lost = winner.records[:-2], tuple(map(diverged_in_place_of, winner.records[-2:]))
    winner = Final(contender=winner.contender, records=kept, diverged=lost)
    nothing = Final(contender=default.contender, records=(), diverged=tuple(map(diverged_in_place_of, default.records)))
    text = prose(shown(summary, compare_finals([default, winner, *others], summary)))
    of_default = prose(shown(summary, compare_finals([nothing, winner, *others], summary)))

    at = "step 57 (epoch 2 of 6)"
    seeds = f"seeds 1008 and 1009 diverged at {at} and {at}"
    assert f"sge:groups=16,stages=2,3 {seeds} and are not in the table." in text
    assert "A variant without its seeds that diverged looks better than it is." in text
    assert "sge seeds 1000, 1001, 1002," in of_default
    assert f"at {at}, {at}" in of_default
    assert "The default sge has no record" in of_default
    assert "Without a record" not in of_default
    alone = prose(shown(summary, compare_finals([nothing], summary)))
    assert "diverged" in alone
    assert "in the table" not in alone
    assert "No run of it has a record." in alone


@pytest.mark.parametrize("trials", [[], [trial(0), trial(1, state="failed", reason="no memory")]])
def test_without_a_complete_trial_there_is_no_winner(trials: list) -> None:
    text = prose(shown(study(trials)))

    assert "No trial is complete, so there is no winner" in text
    assert "is no result" not in text
    assert "The best trials" not in text


def test_several_objectives_show_the_front_and_every_value() -> None:
    summary = searched(200, ("accuracy", "latency", "macs"))
    text = shown(summary, width=120)
    rows = text.split("The Pareto front")[1].split("\n\n")[0]

    assert "Highest validation top-1 (%), lowest latency (× none) and MACs; tpe sampler" in prose(text)
    assert prose(rows.splitlines()[1]) == "trial validation top-1 (%) latency (× none) MMACs settings"
    assert f"the 12 most accurate of {len(summary.best)} trials" in rows
    assert prose(rows.splitlines()[2]).startswith(f"{summary.best[0]} ")
    assert "(default)" in rows


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_nothing_is_cut_off(width: int) -> None:
    summary = searched()
    recipe = replace(RECIPE, learning_rate=0.2)
    text = shown(summary, compare_finals(finals(0.5, recipe=recipe), summary), width=width)

    assert max(map(len, text.splitlines())) <= width
    for figure in ("272,100", "41.06", "(0.80–1.00)", "± 0.0", "0.002", "(+100)"):
        assert figure in text


def test_text_from_trials_is_neither_markup_nor_control_characters() -> None:
    text = shown(study([trial(0, state="failed", reason="[red]<script>alert(1)</script>\x1b[31m")]))

    assert "[red]<script>alert(1)</script>\\x1b[31m" in text
    assert "\x1b" not in text


def test_an_ascii_pipe_gets_ascii() -> None:
    summary = searched()
    text = shown(summary, compare_finals(finals(0.5), summary), encoding="ascii")

    assert "0.01 .. 0.3 (log)" in text
    assert "diff default" in text


def test_several_seeds_a_trial_are_named() -> None:
    summary = study([trial(0, 90.0)], tune_spec(seeds=(0, 1, 2)))

    assert "3 seeds a trial (0, 1, 2)" in prose(shown(summary))
    assert "A trial's accuracy is that of the mean of 3 seeds" in prose(shown(summary))
