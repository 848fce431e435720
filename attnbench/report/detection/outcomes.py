"""Sentences about the differences to the baseline: what their intervals are made of, and what they allow to say."""

from collections.abc import Iterator, Sequence

from attnbench.report.detection.board import DetectionBoard, DetectionRow, DetectorBlock
from attnbench.report.detection.figures import ALPHA, TESTED, FigureDifference
from attnbench.report.detection.points import DAGGER, STAR
from attnbench.report.leaderboard.notes import FEW_SEEDS
from attnbench.report.numbers import listed, plural


def outcome_notes(board: DetectionBoard) -> list[str]:
    """What a board's differences tell and what they cannot, one paragraph a string; empty strings among them."""
    name = board.facts.spec.baseline
    alone = [board.names[block.detector] for block in board.blocks if block.baseline is None]
    without = f"The baseline {name} has no record in {listed(alone)}, so no differences to it are given."
    return [
        without if alone else "",
        _none_shared(board, name),
        _one_seed(board),
        _few_seeds(board),
        _marks(board),
        _intervals(board),
    ]


def differences(block: DetectorBlock) -> Iterator[tuple[DetectionRow, FigureDifference]]:
    """Of every variant that is compared its difference in the figure that is judged, of boxes and of masks."""
    for row in block.rows:
        for figures in (row.box, row.mask):
            found = figures[TESTED].difference if figures else None
            if found is not None:
                yield row, found


def _all_differences(board: DetectionBoard) -> list[FigureDifference]:
    return [found for block in board.blocks for _, found in differences(block)]


def _none_shared(board: DetectionBoard, name: str) -> str:
    apart = [
        f"{row.variant} in {board.names[block.detector]}"
        for block in board.blocks
        for row in block.rows
        if block.baseline is not None and not row.is_baseline and row.box[TESTED].difference is None
    ]
    return f"No seed shared with the baseline {name}, so no difference: {listed(apart)}." if apart else ""


def _one_seed(board: DetectionBoard) -> str:
    found = _all_differences(board)
    single = [one for one in found if len(one.seeds) == 1]
    if not single:
        return "" if len(board.facts.seeds) > 1 else "One seed: an interval is over test images only."
    who = "One seed" if len(single) == len(found) else "Where a variant shares one seed with the baseline"
    return (
        f"{who}: the interval is over test images only, and a difference may be the seed's. What another seed would "
        "give is not known, so nothing is said of the modules."
    )


def _few_seeds(board: DetectionBoard) -> str:
    numbers = sorted({len(one.seeds) for one in _all_differences(board)} - {1})
    if not numbers or numbers[0] >= FEW_SEEDS:
        return ""
    return (
        f"{listed([str(number) for number in numbers if number < FEW_SEEDS])} seeds are few: intervals are widened "
        "for it by Student's quantile, and a difference that is there may well not be seen."
    )


def _marks(board: DetectionBoard) -> str:
    found = _all_differences(board)
    if not found:
        return ""
    kinds = {STAR: any(len(one.seeds) > 1 for one in found), DAGGER: any(len(one.seeds) == 1 for one in found)}
    words = {STAR: "over seeds and images", DAGGER: "over the images of one seed"}
    meanings = [f"{mark} the interval {words[mark]} excludes 0" for mark, is_used in kinds.items() if is_used]
    return (
        f"Marks of Δ AP, each after Bonferroni's correction for {_families(board.blocks)}: {'; '.join(meanings)}. "
        "No other column is judged: those figures are parts of AP, and their intervals are of each alone, not "
        "corrected."
    )


def _families(blocks: Sequence[DetectorBlock]) -> str:
    sizes = sorted({block.num_comparisons for block in blocks if block.num_comparisons})
    if len(sizes) == 1:
        level = f" ({100 * (1 - ALPHA / sizes[0]):.3g} %)"
        return f"the {plural(sizes[0], 'comparison')} with the baseline of each detector{level}"
    numbers = listed([str(size) for size in sizes])
    return f"the {numbers} comparisons with the baseline, boxes and masks, of each detector alone"


def _intervals(board: DetectionBoard) -> str:
    seeds = " and seeds" if len(board.facts.seeds) > 1 else ""
    sentence = (
        f"± is half the width of a 95 % interval, a bootstrap over the {board.facts.num_test_images:,} test images"
        f"{seeds}."
    )
    if not _all_differences(board):
        return sentence
    return f"{sentence} In brackets that of Δ, of which both sides meet the same drawn images."
