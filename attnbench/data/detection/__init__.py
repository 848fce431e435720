"""Detection data sets by name: made, or read from a folder in COCO's format."""

from attnbench.data.detection import cluttered_scenes, coco  # noqa: F401  (for registration)
from attnbench.data.detection.annotations import Annotations
from attnbench.data.detection.base import DetectionData, DetectionSplit, LoadedDetection
from attnbench.data.detection.examples import Examples, FileImages, Target
from attnbench.data.detection.faults import FAULTS, fault_sentences
from attnbench.data.detection.loader import DetectionBatch, DetectionLoader
from attnbench.data.detection.registration import DETECTION_DATA, build_detection_data, register_detection_data

__all__ = [
    "DETECTION_DATA",
    "FAULTS",
    "Annotations",
    "DetectionBatch",
    "DetectionData",
    "DetectionLoader",
    "DetectionSplit",
    "Examples",
    "FileImages",
    "LoadedDetection",
    "Target",
    "build_detection_data",
    "fault_sentences",
    "register_detection_data",
]
