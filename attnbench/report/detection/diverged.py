"""Which runs of detectors diverged beside the records of a board, and which have no board at all."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from attnbench.detection_record import DetectionRecord
from attnbench.diverged_record import AnyDivergedRun, DivergedDetection
from attnbench.report.detection.grouping import content_of, goes_with, shared_conditions
from attnbench.report.diverged import DivergedSeeds, diverged_seeds, without_table
from attnbench.report.leaderboard.grouping import named_data


def diverged_beside(
    detectors: Mapping[str, Mapping[str, Sequence[DetectionRecord]]], diverged: Iterable[AnyDivergedRun]
) -> tuple[DivergedSeeds, ...]:
    """The runs that diverged under the conditions of a board.

    Args:
        detectors: The records of the board by the names of detectors and variants.
        diverged: Runs of any kind and conditions.
    """
    records = [record for variants in detectors.values() for members in variants.values() for record in members]
    return _by_detector([run for run in _of_detectors(diverged) if goes_with(run.spec, records)], detectors)


def without_board(groups: Iterable[Sequence[DetectionRecord]], diverged: Iterable[AnyDivergedRun]) -> list[str]:
    """A paragraph for all runs of the same conditions that diverged, where no record has these conditions.

    Args:
        groups: What `comparable` gives.
        diverged: Runs of any kind and conditions.
    """
    held = list(groups)
    alone: dict[tuple[object, ...], list[DivergedDetection]] = defaultdict(list)
    for run in _of_detectors(diverged):
        if not any(goes_with(run.spec, records) for records in held):
            alone[shared_conditions(run.spec)].append(run)
    return [_paragraph(runs) for _, runs in sorted(alone.items(), key=lambda item: repr(item[0]))]


def _of_detectors(diverged: Iterable[AnyDivergedRun]) -> list[DivergedDetection]:
    return [run for run in diverged if isinstance(run, DivergedDetection)]


def _paragraph(runs: Sequence[DivergedDetection]) -> str:
    spec = runs[0].spec
    return without_table(f"Detection: {spec.backbone} on {named_data(spec)}", _by_detector(runs, {}))


def _by_detector(
    diverged: Iterable[DivergedDetection], detectors: Mapping[str, Mapping[str, Sequence[DetectionRecord]]]
) -> tuple[DivergedSeeds, ...]:
    by_detector: dict[str, list[DivergedDetection]] = {detector: [] for detector in detectors}
    for run in diverged:
        by_detector.setdefault(_detector(run, detectors), []).append(run)
    return tuple(
        replace(seeds, detector=detector)
        for detector, runs in by_detector.items()
        for seeds in diverged_seeds(runs, detectors.get(detector, {}), content_of=content_of)
    )


def _detector(run: DivergedDetection, detectors: Iterable[str]) -> str:
    """What a run's detector is called: with the start of its file's hash where the board has several contents."""
    plugin = run.spec.detector_plugin
    named = f"{run.spec.detector}@{plugin.sha256[:8]}" if plugin else run.spec.detector
    return named if named in detectors else run.spec.detector
