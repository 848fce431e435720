"""The numbers that SGE's authors published, as they printed them.

Li, Hu, Yang: "Spatial Group-wise Enhance: Improving Semantic Feature Learning in
Convolutional Networks", https://arxiv.org/abs/1905.09646; the figures are those of
their repository, https://github.com/implus/PytorchInsight.

Accuracies on ImageNet are of one central 224×224 crop. ``SK-ResNet*`` is the authors'
own form of SK, made for a fairer comparison with these backbones; it is
`sk:source=official` here.

Average precisions are of boxes on COCO's 2017 validation images. The authors' configurations train Faster
and Mask R-CNN for 24 epochs ("2x") and Cascade R-CNN for 20 ("20e"), from bodies trained on ImageNet.
"""

import csv
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from attnbench.variant import Variant

_BACKBONES = {"resnet50": "ResNet50", "resnet101": "ResNet101"}
_PREFIXES = {
    "none": "",
    **{name: f"{name.upper()}-" for name in ("se", "bam", "cbam", "sge")},
    **{f"{name}:source=official": f"{name.upper()}-" for name in ("se", "bam", "cbam", "sge", "sk")},
}
"""Which variants were published, and what stands before the backbone's name in the table."""
_DETECTORS = {"faster-rcnn": "Faster RCNN", "mask-rcnn": "Mask RCNN", "cascade-rcnn": "Cascade RCNN"}


@dataclass(frozen=True, kw_only=True)
class ImageNetRow:
    """One classifier on ImageNet."""

    model: str
    """Its name in the table, such as ``SGE-ResNet50``."""
    parameters_m: float
    """Parameters in millions, printed with two decimals."""
    gflops: float
    """Operations of one image's forward pass in 10⁹, a multiply-accumulate being one; three decimals."""
    top1_percent: float
    """Top-1 accuracy."""
    top5_percent: float
    """Top-5 accuracy."""


@dataclass(frozen=True, kw_only=True)
class CocoRow:
    """One detector on COCO."""

    backbone: str
    """The backbone's name in the table, such as ``SGE-ResNet50``."""
    backbone_parameters_m: float
    """Parameters of the backbone without its classifier, in millions, printed with two decimals."""
    gflops: float
    """The table's operations in 10⁹; one decimal."""
    detector: str
    """The detector, such as ``Faster RCNN``."""
    neck: str
    """What joins the backbone's maps."""
    ap_percent: float
    """Average precision, the mean over the thresholds of overlap from 0.50 to 0.95."""
    ap50_percent: float
    """At an overlap of 0.50."""
    ap75_percent: float
    """At an overlap of 0.75."""


@functools.cache
def published_imagenet() -> tuple[ImageNetRow, ...]:
    """The table of classifiers, in its order."""
    return tuple(
        ImageNetRow(
            model=row["model"],
            parameters_m=float(row["params_m"]),
            gflops=float(row["gflops"]),
            top1_percent=float(row["top1"]),
            top5_percent=float(row["top5"]),
        )
        for row in _rows("published_imagenet.csv")
    )


def published_for(data: str, backbone: str, attention: str) -> ImageNetRow | None:
    """The published row of a network trained on ImageNet, if there is one.

    Args:
        data: Data set with its settings.
        backbone: Backbone with its settings; of these only how it is initialised may differ from the default.
        attention: Variant. The rows are of modules as their authors ran them, so `sk` has one as `sk:source=official`.
    """
    network, variant = Variant.parse(backbone), Variant.parse(attention)
    if Variant.parse(data).name != "imagenet" or {key for key, _ in network.settings} - {"zero_init_last"}:
        return None
    prefix, suffix = _PREFIXES.get(str(variant)), _BACKBONES.get(network.name)
    if prefix is None or suffix is None:
        return None
    model = f"{prefix}{suffix}{'*' if variant.name == 'sk' else ''}"
    return next((row for row in published_imagenet() if row.model == model), None)


@functools.cache
def published_coco() -> tuple[CocoRow, ...]:
    """The table of detectors, in its order."""
    return tuple(
        CocoRow(
            backbone=row["backbone"],
            backbone_parameters_m=float(row["backbone_params_m"]),
            gflops=float(row["gflops"]),
            detector=row["detector"],
            neck=row["neck"],
            ap_percent=float(row["ap"]),
            ap50_percent=float(row["ap50"]),
            ap75_percent=float(row["ap75"]),
        )
        for row in _rows("published_coco.csv")
    )


def published_detector_for(data: str, detector: str, backbone: str, attention: str) -> CocoRow | None:
    """The published row of a detector trained on COCO, if there is one.

    Args:
        data: Data set with its settings, of which there may be none.
        detector: Detector, likewise.
        backbone: Backbone with its settings; of these only how it is initialised may differ from the default.
        attention: Variant, as `published_for` takes it.
    """
    network = Variant.parse(backbone)
    if data != "coco" or {key for key, _ in network.settings} - {"zero_init_last"}:
        return None
    prefix, suffix = _PREFIXES.get(str(Variant.parse(attention))), _BACKBONES.get(network.name)
    wanted = (f"{prefix}{suffix}", _DETECTORS.get(detector))
    return next((row for row in published_coco() if (row.backbone, row.detector) == wanted), None)


def _rows(file: str) -> Iterator[dict[str, str]]:
    yield from csv.DictReader((files(__package__) / file).read_text(encoding="utf-8").splitlines())
