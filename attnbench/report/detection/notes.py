"""The sentences around a detection board: what it was measured on, and what it does and does not tell."""

from attnbench.detection_spec import DetectionRecipe
from attnbench.report.detection.board import DetectionBoard, DetectionFacts
from attnbench.report.detection.costs import cost_notes
from attnbench.report.detection.outcomes import outcome_notes
from attnbench.report.diverged import diverged_notes
from attnbench.report.leaderboard.compilation import compiled_lines
from attnbench.report.leaderboard.grouping import named_data
from attnbench.report.leaderboard.notes import FEW_EPOCHS, FEW_SEEDS, backend_line, replaced_line
from attnbench.report.machines import devices_line, machine_line
from attnbench.report.numbers import duration, listed, plural
from attnbench.spec import Compute

_NORMS = {
    "train": "trained",
    "sync": "trained over all devices together",
    "eval": "trained without their statistics",
    "frozen": "frozen",
}
"""What becomes of the body's batch norms, in words."""


def heading(board: DetectionBoard) -> str:
    """Detectors, backbone and data."""
    return f"Detection: {listed(list(board.names.values()))} in {place(board)}"


def place(board: DetectionBoard) -> str:
    """Backbone and data."""
    return f"{board.facts.spec.backbone} on {named_data(board.facts.spec)}"


def conditions(facts: DetectionFacts) -> list[str]:
    """What a board was measured on, one sentence a line."""
    lines = [*_data_lines(facts), _recipe_line(facts), _start_line(facts)]
    lines.append(
        f"{plural(len(facts.seeds), 'seed')} ({', '.join(map(str, facts.seeds))}), "
        f"{plural(facts.num_records, 'run')}, {duration(facts.train_s)} of training in all."
    )
    lines += compiled_lines(facts.spec.compute)
    if len(facts.machines) == 1:
        return [*lines, f"{machine_line(facts.machines[0])}."]
    lines.append("The records come from different environments, which may differ in speed and in the last bits:")
    return lines + [f"  {plural(machine.num_records, 'run')}: {machine_line(machine)}" for machine in facts.machines]


def conclusions(board: DetectionBoard) -> list[str]:
    """What a board tells and what it cannot, one paragraph a string."""
    values = {row.variant: row.records[0].values for block in board.blocks for row in block.rows}
    paragraphs = [
        *_gaps(board),
        *outcome_notes(board),
        _short_run(board.facts),
        replaced_line({variant: of.num_replaced for variant, of in values.items()}),
        backend_line({variant: of.attention_backend for variant, of in values.items()}),
        *cost_notes(board),
    ]
    return [paragraph for paragraph in paragraphs if paragraph]


def published_line(source: str) -> str:
    """Whose numbers the published columns hold, and how they came about."""
    return (
        f"Published columns are the numbers of {source}, not measured here: Faster and Mask R-CNN trained for 24 "
        "epochs (2x), Cascade R-CNN for 20 (20e), from bodies trained on ImageNet. They print no interval."
    )


def _data_lines(facts: DetectionFacts) -> list[str]:
    validation = f"{facts.num_validation_images:,} validation" if facts.num_validation_images else "no validation"
    objects = facts.num_test_objects
    crowds = objects.get("crowd", 0)
    line = (
        f"{facts.num_train_images:,} training, {validation} and {facts.num_test_images:,} test images, "
        f"{facts.num_classes:,} classes. Test objects: {objects['all']:,}, of which {objects['small']:,} small, "
        f"{objects['medium']:,} medium and {objects['large']:,} large"
    )
    line += f"; {plural(crowds, 'crowd')} beside them count neither way." if crowds else "."
    faults = [f"{kind} ({number:,})" for kind, number in facts.annotation_faults.items() if number]
    return [line, f"Faults in the annotations, left out or mended: {listed(faults)}."] if faults else [line]


def _recipe_line(facts: DetectionFacts) -> str:
    recipe = facts.spec.recipe
    steps = listed([str(epoch) for epoch in recipe.step_epochs])
    lowered = f"lowered after epochs {steps}" if recipe.schedule == "step" else "cosine"
    return (
        f"{plural(recipe.epochs, 'epoch')}, SGD at learning rate {recipe.learning_rate:g} ({lowered}; "
        f"{plural(recipe.warmup_steps, 'step')} of warm-up), batch {recipe.batch_size}, weight decay "
        f"{recipe.weight_decay:g}{_departures(recipe)}; images of short side {recipe.short_side}, long side at most "
        f"{recipe.long_side}; the last epoch is tested."
    )


def _departures(recipe: DetectionRecipe) -> str:
    """What else a recipe does otherwise than the paper's."""
    usual = DetectionRecipe()
    said = [f"momentum {recipe.momentum:g}"] if recipe.momentum != usual.momentum else []
    said += [f"gradients clipped at {recipe.gradient_clip_norm:g}"] if recipe.gradient_clip_norm else []
    said += [f"in {recipe.accumulate} parts"] if recipe.accumulate != usual.accumulate else []
    said += ["no mirrored images"] if not recipe.horizontal_flip else []
    return "".join(f", {text}" for text in said)


def _start_line(facts: DetectionFacts) -> str:
    spec = facts.spec
    if spec.weights is None:
        start = "start from scratch"
    else:
        start = "start from timm's weights" if spec.weights == "timm" else "start from files of weights"
    frozen = spec.recipe.frozen_stages
    parts = f"the first {plural(frozen, 'part')} frozen" if frozen else "no part of them frozen"
    arithmetic = "" if spec.compute.precision == Compute().precision else f"; precision {spec.compute.precision}"
    divided = f"; on {devices_line(spec.compute)}" if spec.compute.num_ranks > 1 else ""
    return f"Bodies {start}, {parts}; their batch norms are {_NORMS[spec.recipe.norm]}{arithmetic}{divided}."


def _gaps(board: DetectionBoard) -> list[str]:
    """Which records are left out, which runs diverged, and which seeds are not there; empty strings among them."""
    number, seeds = board.facts.num_repeats, board.facts.seeds
    repeats = (
        f"{plural(number, 'record')} repeat a detector, variant and seed with the same files under other paths, and "
        "are left out; the earliest counts."
    )
    partial = [
        f"{row.variant} in {board.names[block.detector]} ({len(row.seeds)} of {len(seeds)})"
        for block in board.blocks
        for row in block.rows
        if row.seeds != seeds
    ]
    missing = (
        f"Not every variant has every seed: {listed(partial)}. Means are over the seeds there are, "
        "Δ over those shared with the baseline."
    )
    lost = diverged_notes(board.diverged, (block.detector for block in board.blocks))
    return [repeats if number else "", *lost, missing if partial else ""]


def _short_run(facts: DetectionFacts) -> str:
    epochs = facts.spec.recipe.epochs
    if len(facts.seeds) >= FEW_SEEDS and epochs >= FEW_EPOCHS:
        return ""
    measured = "early convergence" if epochs < FEW_EPOCHS else f"average precision after {epochs} epochs"
    return (
        f"This is a short run ({plural(len(facts.seeds), 'seed')}, {plural(epochs, 'epoch')}): it measures {measured} "
        "under this recipe. It cannot tell how the variants rank after full training, on other data or on other "
        "backbones."
    )
