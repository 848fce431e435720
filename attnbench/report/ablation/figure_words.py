"""What the figures of an ablation have in common: colours, marks and captions."""

from attnbench.report.ablation.ablation import Ablation
from attnbench.report.leaderboard.differences import ALPHA
from attnbench.report.leaderboard.marks import COLOURS
from attnbench.report.leaderboard.notes import FEW_SEEDS
from attnbench.report.numbers import plural
from attnbench.report.plots.board_words import trained
from attnbench.stats import fewest_seeds
from attnbench.variant import format_setting

COLOUR = COLOURS[0]
"""Of the module."""
BASELINE_COLOUR = "#000000"
"""Of the baseline."""


def figure_caption(ablation: Ablation) -> list[str]:
    """What is drawn, what its intervals are of, and which differences are shown."""
    board = ablation.board
    seeds = board.facts.seeds
    few = f" {plural(len(seeds), 'seed')} {'is' if len(seeds) == 1 else 'are'} few." if len(seeds) < FEW_SEEDS else ""
    sentences = [f"Mean top-1 accuracy on the {board.facts.num_test_images:,} test images; {trained(board)}.{few}"]
    if any(row.top1_percent.half_width is not None for row in board.rows):
        sentences.append(
            "Bars of means, and the band of the baseline, are Student's 95 % intervals over seeds, of each alone; "
            "differences are paired by seed, and have intervals of their own."
        )
    return [*sentences, f"Filled: the reference {ablation.reference_name}. {_shown(ablation)}"]


def marks_above(ablation: Ablation) -> list[tuple[str, str]]:
    """Rows that are marked, with the words for each: the reference, and the module's default."""
    design = ablation.design
    words: dict[str, list[str]] = {}
    if ablation.reference is not None:
        words.setdefault(ablation.reference_name, []).append("reference")
    if design.default is not None and (name := ablation.name_of(design.default)) in ablation.points:
        here = ablation.points[name].values
        numbers = (",".join(map(format_setting, values)) for values in (design.published, here))
        words.setdefault(name, []).append(
            "default {}, here {}".format(*numbers) if here != design.published else "default"
        )
    return [(name, "\n".join(lines)) for name, lines in words.items()]


def _shown(ablation: Ablation) -> str:
    """What a star says, or why there is none."""
    differences = list(ablation.to_reference.values())
    tested = [found for found in differences if found.is_over_seeds]
    if not differences:
        return "Nothing is compared with it."
    if not tested:
        return "† says that two networks of one seed differ, by McNemar's test, and nothing of other seeds."
    size = tested[0].family_size
    comparisons = plural(size, "comparison")
    if not any(found.can_be_shown for found in tested):
        return (
            f"With these seeds no difference to it can be shown in {comparisons}, however large: that takes "
            f"{fewest_seeds(ALPHA, size)} seeds."
        )
    test = f"a permutation test over seeds at {100 * ALPHA:.0f} % after Holm's correction for {comparisons}"
    if any(found.is_shown for found in tested):
        return f"*: the paired difference to it passes {test}."
    return f"No paired difference to it passes {test}."
