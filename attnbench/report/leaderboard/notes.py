"""The sentences around a leaderboard: what it was measured on, and what it does and does not tell."""

from collections.abc import Mapping

from attnbench.report.leaderboard.board import Facts, Leaderboard, Row
from attnbench.report.machines import machine_line
from attnbench.report.numbers import duration, half_width, listed, plural, signed_points

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
    paragraphs = [_seeds_missing(board), *_differences(board, others), _short_run(board.facts)]
    paragraphs += [replaced_line({row.variant: row.num_replaced for row in board.rows}), *_measures(board)]
    return [paragraph for paragraph in paragraphs if paragraph]


def _seeds_missing(board: Leaderboard) -> str:
    seeds = board.facts.seeds
    partial = [f"{row.variant} ({len(row.seeds)} of {len(seeds)})" for row in board.rows if row.seeds != seeds]
    if not partial:
        return ""
    return (
        f"Not every variant has every seed: {listed(partial)}. Means are over the seeds there are, "
        "Δ top-1 over those shared with the baseline."
    )


def _differences(board: Leaderboard, others: list[Row]) -> list[str]:
    name = board.facts.spec.baseline
    if board.baseline is None:
        return [f"The baseline {name} has no record here, so no differences are given."]
    if not others:
        return []
    higher = [_with_difference(row) for row in others if row.differs and _mean(row) > 0]
    lower = [_with_difference(row) for row in others if row.differs and _mean(row) < 0]
    alone = [row.variant for row in others if row.top1_difference is None or row.top1_difference.half_width is None]
    equal = [row.variant for row in others if row.variant not in alone and not _has_spread(row)]
    unclear = [row.variant for row in others if not row.differs and row.variant not in alone + equal]
    lines = []
    if higher:
        lines.append(f"Higher than the baseline {name} beyond seed noise: {listed(higher)}.")
    if lower:
        lines.append(f"Lower than the baseline {name} beyond seed noise: {listed(lower)}.")
    if unclear:
        lines.append(f"This run cannot tell apart from the baseline {name}: {listed(unclear)}.")
    if equal:
        lines.append(f"The same difference for every seed, which leaves the noise unknown: {listed(equal)}.")
    if alone:
        lines.append(
            f"Fewer than two seeds shared with the baseline {name}, so no interval and no statement: {listed(alone)}."
        )
    if len(alone) < len(others):
        lines.append(
            "± is a 95 % interval (Student's t) over seeds, each for one comparison: "
            f"they are not corrected for the number of comparisons, which is {len(others)}. "
            "Variants are compared with the baseline only, not with each other."
        )
    return lines


def _short_run(facts: Facts) -> str:
    epochs = facts.spec.recipe.epochs
    if len(facts.seeds) >= FEW_SEEDS and epochs >= FEW_EPOCHS:
        return ""
    measured = "early convergence" if epochs < FEW_EPOCHS else f"accuracy after {epochs} epochs"
    return (
        f"This is a short run ({plural(len(facts.seeds), 'seed')}, {plural(epochs, 'epoch')}): it measures {measured} "
        "under this recipe. It cannot tell how the variants rank after full training, on other data or on other "
        "backbones, nor show differences smaller than its intervals."
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


def _mean(row: Row) -> float:
    return row.top1_difference.mean if row.top1_difference else 0.0


def _has_spread(row: Row) -> bool:
    return row.top1_difference is not None and row.top1_difference.has_spread


def _with_difference(row: Row) -> str:
    assert row.top1_difference is not None
    return f"{row.variant} ({signed_points(row.top1_difference.mean)} {half_width(row.top1_difference)})"
