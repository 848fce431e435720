"""The smallest detection suite that goes through every part of a run."""

from typing import Any

from attnbench.detection_spec import DetectionRecipe, DetectionSuite

TINY_SCENES = "cluttered-scenes:size=64,test_images=4,train_images=8,validation_images=2"
SMALL_HEADS = "anchor_size=8,head_width=16,pyramid_channels=16,proposals=20,regions=16"
TINY_DETECTORS = {
    "faster-rcnn": f"faster-rcnn:{SMALL_HEADS}",
    "mask-rcnn": f"mask-rcnn:{SMALL_HEADS},mask_channels=8,mask_convolutions=1",
    "cascade-rcnn": f"cascade-rcnn:{SMALL_HEADS}",
    "retinanet": "retinanet:anchor_size=8,convolutions=1,first_stage=1,pyramid_channels=16",
}
"""The four detectors, each as small as it can be."""

TINY_BODY = "cifar-resnet:bottleneck=true,depth=11,stem_stride=4,width=16"


def tiny_detection(detector: str = "faster-rcnn", *attention: str, **fields: Any) -> DetectionSuite:
    """A suite of one detector, its recipe's fields among the others: `epochs`, `norm` …"""
    of_recipe = {name: fields.pop(name) for name in list(fields) if name in DetectionRecipe.__dataclass_fields__}
    recipe = {
        "epochs": 2, "batch_size": 4, "learning_rate": 0.01, "schedule": "cosine", "step_epochs": (),
        "warmup_steps": 1, "short_side": 64, "long_side": 64, "validate_every": 1, **of_recipe,
    }  # fmt: skip
    return DetectionSuite(
        **{
            "detector": (TINY_DETECTORS[detector],),
            "attention": attention or ("none", "sge:groups=4"),
            "backbone": TINY_BODY,
            "data": TINY_SCENES,
            "recipe": DetectionRecipe(**recipe),
            "speed_rounds": 1,
            **fields,
        }
    )
