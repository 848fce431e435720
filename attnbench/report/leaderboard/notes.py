"""The sentences around a leaderboard: what it was measured on, and what it does and does not tell."""

from collections.abc import Mapping

from attnbench.report.diverged import diverged_notes
from attnbench.report.leaderboard.board import Facts, Leaderboard
from attnbench.report.leaderboard.compared import one_seed_line, outcome_lines, power_line, testing_line
from attnbench.report.leaderboard.compilation import compile_note, compiled_lines
from attnbench.report.leaderboard.differences import ALPHA
from attnbench.report.leaderboard.grouping import named_data
from attnbench.report.leaderboard.letters import share_letter
from attnbench.report.machines import devices_line, machine_line
from attnbench.report.numbers import duration, listed, plural
from attnbench.stats import fewest_seeds

FEW_SEEDS = 5
"""With fewer seeds an interval is wide, and the assumption behind it untested."""
FEW_EPOCHS = 10
"""With fewer epochs a run measures how fast training starts."""


def heading(board: Leaderboard) -> str:
    """Backbone and data."""
    return f"{board.facts.spec.backbone} on {named_data(board.facts.spec)}"


def conditions(facts: Facts) -> list[str]:
    """What a table was measured on, one sentence a line."""
    recipe = facts.spec.recipe
    selected = "epoch best on validation" if recipe.selection == "best" else "last epoch"
    lines = [
        f"{facts.num_train_images:,} training, {facts.num_validation_images:,} validation and "
        f"{facts.num_test_images:,} test images of {'×'.join(map(str, facts.image_shape))}, "
        f"{facts.num_classes:,} classes.",
        f"{plural(recipe.epochs, 'epoch')}, SGD at learning rate {recipe.learning_rate:g} ({recipe.schedule}), "
        f"batch {recipe.batch_size}{_devices(facts)}, weight decay {recipe.weight_decay:g}; the {selected} is tested.",
        f"{plural(len(facts.seeds), 'seed')} ({', '.join(map(str, facts.seeds))}), "
        f"{plural(facts.num_records, 'run')}, {duration(facts.train_s)} of training in all.",
        *compiled_lines(facts.spec.compute),
    ]
    if len(facts.machines) == 1:
        return [*lines, f"{machine_line(facts.machines[0])}."]
    lines.append("The records come from different environments, which may differ in speed and in the last bits:")
    return lines + [f"  {plural(machine.num_records, 'run')}: {machine_line(machine)}" for machine in facts.machines]


def _devices(facts: Facts) -> str:
    compute = facts.spec.compute
    return f" on {devices_line(compute)}" if compute.num_ranks > 1 else ""


def conclusions(board: Leaderboard) -> list[str]:
    """What a table tells and what it cannot, one paragraph a string."""
    return [paragraph for paragraph in (*gaps(board), *_differences(board), *limits(board)) if paragraph]


def gaps(board: Leaderboard) -> list[str]:
    """Which records are left out, which runs diverged, and which seeds are not there; empty strings among them."""
    return [_repeats(board), *diverged_notes(board.diverged), _seeds_missing(board)]


def limits(board: Leaderboard) -> list[str]:
    """What a short run cannot tell, and how costs are measured; empty strings among them."""
    replaced = replaced_line({row.variant: row.num_replaced for row in board.rows})
    ran = backend_line({row.variant: row.records[0].values.attention_backend for row in board.rows})
    return [_short_run(board.facts), replaced, ran, *_measures(board)]


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


def _differences(board: Leaderboard) -> list[str]:
    name = board.facts.spec.baseline
    if board.baseline is None:
        tested = [found for found in board.differences if found.is_over_seeds]
        return [
            f"The baseline {name} has no record here, so no differences to it are given.",
            _letters(board),
            _test_of_letters() if tested else "",
            "± is Student's 95 % interval over seeds.",
        ]
    others = [row for row in board.rows if not row.is_baseline]
    if not others:
        return []
    differences = [row.top1_difference for row in others if row.top1_difference is not None]
    alone = [row.variant for row in others if row.top1_difference is None]
    return [
        *outcome_lines(differences, role="baseline", name=name),
        f"No seed shared with the baseline {name}, so no difference: {listed(alone)}." if alone else "",
        one_seed_line(differences, role="baseline", name=name),
        power_line(differences, role="baseline"),
        testing_line(differences, role="baseline"),
        _letters(board),
    ]


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


def backend_line(ran: Mapping[str, str | None]) -> str:
    """Which variants ran as kernels, and which by PyTorch; nothing where none ran as kernels.

    Args:
        ran: What computed the attention modules of each variant, where there are some and it is known.
    """
    fused = [variant for variant, backend in ran.items() if backend == "triton"]
    eager = [variant for variant, backend in ran.items() if backend == "eager"]
    if not fused:
        return ""
    rest = f", those of {listed(eager)} by PyTorch" if eager else ""
    return f"The attention modules of {listed(fused)} ran as kernels (Triton){rest}."


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
        compile_note(facts.spec.compute),
    ]
