"""`attnbench leaderboard --task detection`: options of detectors, and how they override a suite."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

from attnbench.cli.options import SpecOptions, overridden
from attnbench.cli.running import say_failures, show_dry_run, show_runs
from attnbench.detection_record import DetectionRecord, DetectionStore
from attnbench.detection_spec import DetectionRecipe, DetectionRun, DetectionSuite
from attnbench.errors import SpecError
from attnbench.executors.choice import Choice
from attnbench.exit_codes import INTERRUPTED
from attnbench.loggers import LogTo
from attnbench.paths import make_output_folder
from attnbench.presets import DEFAULT_DETECTION_PRESET, detection_preset_names, load_detection_suite
from attnbench.variant import Variant, split_variants

if TYPE_CHECKING:
    from attnbench.grid import Grid
    from attnbench.prospect import DryRun

_DETECTION = Group("Detection (--task detection)", sort_key=1)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DetectionOptions:
    """Options that a leaderboard of detectors takes besides those of every suite."""

    detector: Annotated[str | None, Parameter(group=_DETECTION)] = None
    """Detectors, with commas between them: faster-rcnn,mask-rcnn,cascade-rcnn,retinanet; settings as NAME:KEY=VALUE."""
    annotations: Annotated[tuple[str, str] | None, Parameter(group=_DETECTION, negative=())] = None
    """Two files of COCO annotations within the root: for training and for the test."""
    weights: Annotated[str | None, Parameter(group=_DETECTION)] = None
    """What the body starts from: none, timm, or a classifier's checkpoint, where {attention} stands for the variant."""


def check_no_detection_options(options: DetectionOptions) -> None:
    """Refuse what only detectors take.

    Raises:
        SpecError: If there is any.
    """
    for name, value in vars(options).items():
        if value is not None:
            raise SpecError(f"--{name} goes with --task detection; got --{name} {value}")


def detection_suite_from(
    name_or_file: str | None, options: SpecOptions, detection: DetectionOptions, **fields: object
) -> DetectionSuite:
    """The suite that a command line describes.

    Args:
        name_or_file: A preset's name or a YAML file; none takes the preset of the data set.
        options: What overrides its fields.
        detection: The same of detectors.
        **fields: Further fields of the suite to override, where not None.

    Raises:
        SpecError: If an option does not fit.
        UnknownNameError: If there is no such preset.
    """
    if name_or_file is None:
        data_name = Variant.parse(options.data).name if options.data else DEFAULT_DETECTION_PRESET
        # COCO itself is trained as in the paper, images of one's own by the small recipe.
        fitting = data_name if detection.annotations else f"{data_name}-1x"
        name_or_file = next(
            (name for name in detection_preset_names() if name in (data_name, fitting)), DEFAULT_DETECTION_PRESET
        )
    given = {
        "detector": split_variants(detection.detector) if detection.detector else None,
        "annotations": detection.annotations,
        "weights": detection.weights,
    }
    return overridden(load_detection_suite(name_or_file), options, {**given, **fields})


def quick_detection(suite: DetectionSuite, *, keeps_seeds: bool, keeps_epochs: bool) -> DetectionSuite:
    """A smoke test of a suite: one seed and a third of the epochs.

    Args:
        suite: The suite.
        keeps_seeds: Whether its seeds were asked for, and stay.
        keeps_epochs: Whether its epochs were.
    """
    seeds = suite.seeds if keeps_seeds else suite.seeds[:1]
    if keeps_epochs:
        return replace(suite, seeds=seeds)
    departures = {}
    for name, fields in suite.detector_recipe.items():
        shortened = _third(suite.recipe_of(name))
        departures[name] = {**fields, **{key: getattr(shortened, key) for key in ("epochs", "step_epochs", "schedule")}}
    return replace(suite, seeds=seeds, recipe=_third(suite.recipe), detector_recipe=departures)


def _third(recipe: DetectionRecipe) -> DetectionRecipe:
    epochs = max(1, recipe.epochs // 3)
    steps = tuple(sorted({step * epochs // recipe.epochs for step in recipe.step_epochs} - {0}))
    return replace(recipe, epochs=epochs, step_epochs=steps, schedule="step" if steps else "cosine")


def print_detection_dry_run(
    suite: DetectionSuite, store: Path, workers: int | None, *, checkpoints: Path | None = None
) -> None:
    """List a suite's runs and what they would take; nothing is trained but a few steps, to time them.

    Args:
        suite: The grid.
        store: Folder of the records; it need not exist.
        workers: Runs at once; none chooses by the machine.
        checkpoints: Folder for the trained detectors; none saves none.
    """

    def find_out() -> "DryRun":
        from attnbench.dry_run import detection_dry_run

        return detection_dry_run(suite, DetectionStore(store), workers=workers, checkpoints=checkpoints)

    show_dry_run(find_out)


def run_detection_leaderboard(
    suite: DetectionSuite,
    store: Path,
    choice: Choice,
    *,
    checkpoints: Path | None = None,
    log_to: LogTo | None = None,
) -> int:
    """Train what the store does not hold yet, and print a table of each detector.

    Args:
        suite: The grid.
        store: Folder of the records.
        choice: Where the runs are executed.
        checkpoints: Folder for the trained detectors; none saves none.
        log_to: Where each run is logged, if anywhere.

    Returns:
        The exit code.

    Raises:
        AttnBenchError: If something named is not there or does not fit.
    """
    if checkpoints is not None:
        make_output_folder(checkpoints, option="checkpoints")

    def load() -> "Grid[DetectionRun, DetectionRecord]":
        from attnbench.detection_suite import detection_grid  # here, not at the top: it imports torch

        return detection_grid(suite, checkpoints=checkpoints, log_to=log_to)

    result = show_runs(load, DetectionStore(store), choice)
    if result is None:
        return INTERRUPTED
    if result.records:
        from attnbench.cli.detection_boards import print_detection_boards

        print_detection_boards(list(result.records), store=store, diverged=result.diverged)
    return say_failures(result)
