"""A grid of detection runs: expanded from a suite, resumed from a store, executed by an executor."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from attnbench.data.detection import DETECTION_DATA, fault_sentences
from attnbench.detection import DETECTORS
from attnbench.detection_checks import check_run
from attnbench.detection_parts import build_run_detector, read_detection_data, weights_sha256
from attnbench.detection_record import DetectionRecord, DetectionStore
from attnbench.detection_run import run_detection
from attnbench.detection_spec import DetectionRun, DetectionSuite, detection_digest
from attnbench.diverging import divergence_recorded
from attnbench.errors import CheckpointError
from attnbench.execution import run_resumed, tell_progress
from attnbench.grid import Grid
from attnbench.joining import check_ranks
from attnbench.loggers import LogTo
from attnbench.plugin_files import plugin_of
from attnbench.plugins import import_plugins, plugin_that_defines
from attnbench.suite import checkpoint_name, has_checkpoint
from attnbench.variant import Variant, short_names


def expand_detection(suite: DetectionSuite) -> list[DetectionRun]:
    """The runs of a suite: for each seed and detector every variant, so that a part of it is already a comparison.

    Raises:
        UnknownNameError: If there is no such module, detector or data set.
        PluginError: If a user's file cannot be imported.
        CheckpointError: If a file of weights cannot be read.
    """
    import_plugins(suite.imports)  # they register what the suite names
    plugins = {attention: plugin_of(attention, suite.imports) for attention in suite.attention}
    for name in suite.detector_recipe:
        DETECTORS.get(name)
    detectors = {detector: DETECTORS.get(Variant.parse(detector).name).create for detector in suite.detector}
    detector_plugins = {name: plugin_that_defines(create, suite.imports) for name, create in detectors.items()}
    data_plugin = plugin_that_defines(DETECTION_DATA.get(Variant.parse(suite.data).name), suite.imports)
    weights = {attention: weights_of(suite, attention) for attention in suite.attention}
    try:
        hashes = {file: weights_sha256(file) for file in sorted(set(filter(None, weights.values())))}
    except CheckpointError as error:
        raise CheckpointError(
            f"{error}; each body starts from {suite.weights}: name files that are there, or take weights=timm or "
            "weights=none"
        ) from error
    return [
        DetectionRun(
            detector=detector,
            attention=attention,
            backbone=suite.backbone,
            data=suite.data,
            root=suite.root,
            annotations=suite.annotations,
            weights=weights[attention],
            weights_sha256=hashes.get(weights[attention] or ""),
            recipe=suite.recipe_of(detector),
            compute=suite.compute,
            baseline=suite.baseline,
            speed_rounds=suite.speed_rounds,
            seed=seed,
            plugin=plugins[attention],
            detector_plugin=detector_plugins[detector],
            data_plugin=data_plugin,
        )
        for seed in suite.seeds
        for detector in suite.detector
        for attention in suite.attention
    ]


def weights_of(suite: DetectionSuite, attention: str) -> str | None:
    """The weights that a variant's body starts from."""
    return None if suite.weights is None else suite.weights.replace("{attention}", attention)


def check_detection(suite: DetectionSuite) -> list[str]:
    """Load the data and build every detector with every variant once, so that a mistake shows before training.

    Returns:
        A sentence for each kind of fault in the annotations.

    Raises:
        AttnBenchError: If anything named is not there or does not fit.
    """
    return check_runs(expand_detection(suite))


def check_runs(specs: Sequence[DetectionRun]) -> list[str]:
    """What `check_detection` does, of runs that are expanded already."""
    check_ranks(specs[0].compute)
    runs = [run for run in specs if run.seed == specs[0].seed]
    data = read_detection_data(runs[0])
    for run in runs:
        check_run(run, data)
        build_run_detector(run, run.attention, data, weights=run.weights)
    return fault_sentences(data.faults)


def detection_grid(
    suite: DetectionSuite, *, checkpoints: Path | None = None, log_to: LogTo | None = None
) -> Grid[DetectionRun, DetectionRecord]:
    """The runs of a suite as the executors take them.

    Args:
        suite: The suite.
        checkpoints: Folder for each trained detector, as `attnbench.suite.checkpoint_name` names it; none saves none.
        log_to: Where each run is logged, if anywhere.

    Raises:
        AttnBenchError: If the suite cannot be expanded.
    """
    specs = tuple(expand_detection(suite))
    return Grid(
        specs=specs,
        compute=suite.compute,
        imports=suite.imports,
        digest_of=detection_digest,
        execute=partial(execute_detection, checkpoints=checkpoints, log_to=log_to),
        check=partial(check_runs, specs),
        label=_labelling(suite),
        score=_score,
        has_files=partial(has_checkpoint, checkpoints),
    )


def execute_detection(
    spec: DetectionRun, store_path: Path, *, checkpoints: Path | None = None, log_to: LogTo | None = None
) -> DetectionRecord:
    """Run one spec and store its record; a run that was cut off goes on after its last whole epoch."""
    digest = detection_digest(spec)
    checkpoint = None if checkpoints is None else checkpoints / checkpoint_name(spec)

    def run(state: Path) -> DetectionRecord:
        tell = partial(tell_progress, digest)
        with divergence_recorded(spec, store_path):
            return run_detection(spec, on_progress=tell, checkpoint=checkpoint, resume=state, log_to=log_to)

    has_files = has_checkpoint(checkpoints, spec)
    return run_resumed(DetectionStore(store_path), digest, has_files=has_files, run=run)


def _labelling(suite: DetectionSuite) -> Callable[[DetectionRun], str]:
    """Names runs by their detector, with its settings only where two of them share its name."""
    names = short_names(suite.detector)
    return lambda spec: f"{names[spec.detector]} {spec.attention} seed {spec.seed}"


def _score(record: DetectionRecord) -> str:
    box = record.values.box
    return f"AP {box.ap_percent:.1f}, AP50 {box.ap50_percent:.1f} in {record.timing.wall_s:.0f} s"
