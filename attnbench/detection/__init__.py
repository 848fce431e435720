"""Detectors on a ResNet with attention modules; importing the package registers them."""

from attnbench.detection.build import BuiltDetector, build_detector, create_detector
from attnbench.detection.cascade import cascade_rcnn
from attnbench.detection.faster import faster_rcnn
from attnbench.detection.mask import mask_rcnn
from attnbench.detection.registration import DETECTORS, DetectorEntry, has_masks, register_detector
from attnbench.detection.retinanet import retinanet

__all__ = [
    "DETECTORS",
    "BuiltDetector",
    "DetectorEntry",
    "build_detector",
    "cascade_rcnn",
    "create_detector",
    "faster_rcnn",
    "has_masks",
    "mask_rcnn",
    "register_detector",
    "retinanet",
]
