"""The sentences around a leaderboard: what it was measured on, and what it does and does not tell."""

from collections.abc import Mapping

from attnbench.report.leaderboard.board import Facts, Leaderboard, Row
from attnbench.report.leaderboard.differences import ALPHA, POWER, Difference
from attnbench.report.leaderboard.letters import share_letter
from attnbench.report.machines import machine_line
from attnbench.report.numbers import duration, listed, plural, signed_points
from attnbench.stats import fewest_seeds

FEW_SEEDS = 5
"""With fewer seeds an interval is wide, and the assumption behind it untested."""
FEW_EPOCHS = 10
"""With fewer epochs a run measures how fast training starts."""


def heading(board: Leaderboard) -> str:
    """Backbone and data."""
    return f"{board.facts.spec.backbone} on {board.facts.spec.data}"


def conditions(facts: Facts) -> list[str]:
    """What a table was measured on, one sentence a line."""
    recipe = facts.spec.recipe
    selected = "epoch best on validation" if recipe.selection == "best" else "last epoch"
    lines = [
        f"{facts.num_train_images:,} training, {facts.num_validation_images:,} validation and "
        f"{facts.num_test_images:,} test images of {'×'.join(map(str, facts.image_shape))}, "
        f"{facts.num_classes:,} classes.",
        f"{plural(recipe.epochs, 'epoch')}, SGD at learning rate {recipe.learning_rate:g} ({recipe.schedule}), "
        f"batch {recipe.batch_size}, weight decay {recipe.weight_decay:g}; the {selected} is tested.",
        f"{plural(len(facts.seeds), 'seed')} ({', '.join(map(str, facts.seeds))}), "
        f"{plural(facts.num_records, 'run')}, {duration(facts.train_s)} of training in all.",
    ]
    if len(facts.machines) == 1:
        return [*lines, f"{machine_line(facts.machines[0])}."]
    lines.append("The records come from different environments, which may differ in speed and in the last bits:")
    return lines + [f"  {plural(machine.num_records, 'run')}: {machine_line(machine)}" for machine in facts.machines]


def conclusions(board: Leaderboard) -> list[str]:
    """What a table tells and what it cannot, one paragraph a string."""
    others = [row for row in board.rows if not row.is_baseline]
    paragraphs = [_repeats(board), _seeds_missing(board), *_differences(board, others), _short_run(board.facts)]
    paragraphs += [replaced_line({row.variant: row.num_replaced for row in board.rows}), *_measures(board)]
    return [paragraph for paragraph in paragraphs if paragraph]


def _repeats(board: Leaderboard) -> str:
    number = board.facts.num_repeats
    if not number:
        return ""
    return (
        f"{plural(number, 'record')} repeat a variant and a seed with the same file under another path, and are left "
        "out; the earliest counts."
    )


def _seeds_missing(board: Leaderboard) -> str:
    seeds = board.facts.seeds
    partial = [f"{row.variant} ({len(row.seeds)} of {len(seeds)})" for row in board.rows if row.seeds != seeds]
    if not partial:
        return ""
    return (
        f"Not every variant has every seed: {listed(partial)}. Means are over the seeds there are, "
        "Δ over those shared with the baseline."
    )


def _differences(board: Leaderboard, others: list[Row]) -> list[str]:
    name = board.facts.spec.baseline
    if board.baseline is None:
        tested = [found for found in board.differences if found.is_over_seeds]
        return [
            f"The baseline {name} has no record here, so no differences to it are given.",
            _letters(board),
            _test_of_letters() if tested else "",
            "± is Student's 95 % interval over seeds.",
        ]
    if not others:
        return []
    pairs = [(row, row.top1_difference) for row in others if row.top1_difference is not None]
    over_seeds = [(row, found) for row, found in pairs if found.is_over_seeds]
    higher = [_with_difference(row, found) for row, found in over_seeds if found.is_shown and found.mean > 0]
    lower = [_with_difference(row, found) for row, found in over_seeds if found.is_shown and found.mean < 0]
    equal = [row.variant for row, found in over_seeds if found.low == found.high == 0]
    unclear = [row.variant for row, found in over_seeds if not found.is_shown and row.variant not in equal]
    alone = [row.variant for row in others if row.top1_difference is None]
    lines = []
    if higher:
        lines.append(f"Shown to be higher than the baseline {name}: {listed(higher)}.")
    if lower:
        lines.append(f"Shown to be lower than the baseline {name}: {listed(lower)}.")
    if unclear:
        lines.append(f"Not shown to differ from the baseline {name}: {listed(unclear)}.")
    if equal:
        lines.append(f"The same answers as the baseline {name} on every image after every seed: {listed(equal)}.")
    if alone:
        lines.append(f"No seed shared with the baseline {name}, so no difference: {listed(alone)}.")
    lines.append(_one_seed(name, pairs))
    lines.append(_what_could_be_shown([found for row, found in over_seeds if row.variant not in equal]))
    lines.append(_how_it_is_tested([found for _, found in pairs]))
    lines.append(_letters(board))
    return lines


def _one_seed(name: str, pairs: list[tuple[Row, Difference]]) -> str:
    single = [(row, found) for row, found in pairs if not found.is_over_seeds]
    if not single:
        return ""
    marked = [_with_difference(row, found) for row, found in single if found.is_shown_for_networks]
    which = (
        f"its network differs from the baseline's on these images (†): {listed(marked)}"
        if marked
        else ("none of the networks is shown to differ from the baseline's on these images")
    )
    return (
        f"One seed shared with the baseline {name}: {listed([row.variant for row, _ in single])}. By McNemar's test "
        f"{which}. What another seed would give is not known, so nothing is said of the modules."
    )  # fmt: skip


def _what_could_be_shown(differences: list[Difference]) -> str:
    """The power of the design; few seeds are said to be few."""
    if not differences:
        return ""
    size = differences[0].family_size
    hopeless = [found for found in differences if not found.can_be_shown]
    if hopeless:
        seeds = listed(sorted({str(len(found.seeds)) for found in hopeless}, key=int))
        which = "no difference" if len(hopeless) == len(differences) else "some differences"
        return (
            f"With {seeds} seeds {which} can be shown in {plural(size, 'comparison')}, however large: that takes "
            f"{fewest_seeds(ALPHA, size)} seeds. A missing star says nothing here; see attnbench plan."
        )
    least = [found.smallest_detectable for found in differences if found.smallest_detectable is not None]
    points = sorted({f"{value:.2f}" for value in (min(least), max(least))}, key=float)
    return (
        f"A true difference to the baseline of {' to '.join(points)} points, by variant, would have been shown with a "
        f"probability of {100 * POWER:.0f} %; a smaller one may be there unseen."
    )


def _how_it_is_tested(differences: list[Difference]) -> str:
    if not differences:
        return ""
    # Those over seeds come first.
    first = max(differences, key=lambda found: found.is_over_seeds)
    comparisons = f"{plural(first.family_size, 'comparison')} with the baseline"
    if first.is_over_seeds:
        test, over = "* passes a permutation test over seeds", "seeds and test images"
    else:
        test, over = "† passes McNemar's test over images", "test images"
    if len({found.is_over_seeds for found in differences}) > 1:
        over += " (of one seed over test images alone)"
    return (
        f"{test} at {100 * ALPHA:.0f} % after Holm's correction for {comparisons}. In brackets a 95 % interval of Δ "
        f"over {over}, of each comparison alone and not corrected. ± is Student's 95 % interval over seeds."
    )


def _letters(board: Leaderboard) -> str:
    compared = [found for found in board.differences if found.is_over_seeds]
    if not compared:
        return ""
    size = compared[0].family_size
    text = f"Variants that share a rank letter are not shown to differ ({plural(size, 'comparison')} of two variants"
    if not any(found.can_be_shown for found in compared):
        return f"{text}, for which {fewest_seeds(ALPHA, size)} seeds are needed)."
    both = [
        row.variant
        for row in board.rows
        if row.top1_difference
        and row.top1_difference.is_shown
        and board.baseline is not None
        and share_letter(row.rank, board.baseline.rank)
    ]
    if not both:
        return f"{text})."
    return f"{text}): among so many {listed(both)} cannot be told from the baseline, though alone beside it they can."


def _test_of_letters() -> str:
    return (
        f"Differences are shown by a permutation test over seeds at {100 * ALPHA:.0f} % after Holm's correction for "
        "all of them."
    )


def _short_run(facts: Facts) -> str:
    epochs = facts.spec.recipe.epochs
    if len(facts.seeds) >= FEW_SEEDS and epochs >= FEW_EPOCHS:
        return ""
    measured = "early convergence" if epochs < FEW_EPOCHS else f"accuracy after {epochs} epochs"
    return (
        f"This is a short run ({plural(len(facts.seeds), 'seed')}, {plural(epochs, 'epoch')}): it measures {measured} "
        "under this recipe. It cannot tell how the variants rank after full training, on other data or on other "
        "backbones."
    )


def replaced_line(num_replaced: Mapping[str, int]) -> str:
    """Which variants keep the backbone's own attention modules; nothing where there are none.

    Args:
        num_replaced: How many of them each variant stands in place of.
    """
    replacing = [variant for variant, number in num_replaced.items() if number]
    keeping = [variant for variant, number in num_replaced.items() if not number]
    if not replacing:
        return ""
    if not keeping:
        return "The backbone's own attention modules are replaced in every variant."
    return f"The backbone's own attention modules are part of {listed(keeping)}, and replaced in the other variants."


def _measures(board: Leaderboard) -> list[str]:
    facts = board.facts
    operators = [name.removeprefix("aten::") for name in facts.uncounted_operators]
    macs = f"leave out: {', '.join(operators)}" if operators else "leave out no operator of these models"
    baseline = board.baseline
    pace = f" The baseline runs {baseline.images_per_s:,.0f} images/s." if baseline else ""
    return [
        f"MACs follow fvcore's default rules, which {macs}.",
        f"images/s is inference at batch {facts.spec.measure.throughput_batch_size}, each pass beside one of the "
        f"baseline: median ratio, quartiles in brackets.{pace}",
    ]


def _with_difference(row: Row, found: Difference) -> str:
    return f"{row.variant} ({signed_points(found.mean)})"
