"""What the captions and legends of a detector's plots have in common."""

from attnbench.report.detection.plotted import PlottedDetector, detection_marks
from attnbench.report.numbers import plural, plural_range
from attnbench.report.plots.variants import VariantStyle, styles_of_marks


def trained(detector: PlottedDetector) -> str:
    """How long the variants were trained, and how often."""
    recipe = detector.board.facts.spec.recipe
    seeds = plural_range((len(row.records) for row in detector.block.rows), "seed")
    return f"{plural(recipe.epochs, 'epoch')} at batch {recipe.batch_size}, {seeds}"


def settings_of(detector: PlottedDetector) -> list[str]:
    """A sentence of the detector's settings, where the title leaves them out."""
    name = detector.block.detector
    return [] if name == detector.name else [f"Detector: {name.replace(',', ', ')}."]


def drawn_of(detector: PlottedDetector) -> str:
    """What an interval's resamples are drawn of."""
    seeds = " and seeds" if any(len(row.records) > 1 for row in detector.block.rows) else ""
    return f"the {detector.board.facts.num_test_images:,} test images{seeds}"


def styles_of(detector: PlottedDetector) -> dict[str, VariantStyle]:
    """The style of each variant, the same for all detectors of a board."""
    return styles_of_marks(detection_marks(detector.board))


def baselines_of(detector: PlottedDetector) -> dict[str, bool]:
    """Of each variant, in the order of the rows, whether it is the baseline."""
    return {row.variant: row.is_baseline for row in detector.block.rows}
