"""Synthetic detection records: detections of a simulated detector, matched and scored as those of a real one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnbench.detection_record import (
    DETECTION_SCHEMA,
    AveragePrecisions,
    DetectionEpoch,
    DetectionRecord,
    DetectionTiming,
    DetectionValues,
    DetectorCounts,
)
from attnbench.detection_spec import DetectionRecipe, DetectionRun, detection_digest
from attnbench.matches import AREAS, IOU_THRESHOLDS, Matches, MatchTable
from attnbench.spec import Compute, PluginFile
from attnbench.stats.average_precision import average_precisions
from tests.records import ENVIRONMENT

NUM_IMAGES, NUM_CLASSES = 16, 3
RECIPE = DetectionRecipe(
    epochs=6, batch_size=4, schedule="cosine", step_epochs=(), warmup_steps=100, short_side=192, long_side=192
)
COUNTS = DetectorCounts(
    parameters=2_900_000,
    body_parameters=1_200_000,
    image_size=(192, 192),
    body_macs=410_000_000,
    pyramid_macs=120_000_000,
    dense_macs=40_000_000,
    region_macs=900_000_000,
    num_regions=64,
    uncounted_operators={"aten::add": 8},
)


def make_matches(
    skill: float = 0.6,
    seed: int = 0,
    *,
    num_images: int = NUM_IMAGES,
    areas: tuple[str, ...] = ("small", "medium", "large"),
    scenes: int = 0,
) -> MatchTable:
    """Matches of a detector that hits more objects, and hits them better, the higher its skill.

    The images are the same for all skills and seeds; how hard an object is stays with it too, so that two detectors
    fail on the same objects more often than not.

    Args:
        skill: About the part of the objects that are found, in [0, 1].
        seed: Of what a training would leave to chance.
        num_images: Images of the test split.
        areas: Areas that objects have.
        scenes: Seed of the images.
    """
    world, chance = np.random.default_rng(scenes), np.random.default_rng([scenes, seed])
    num_objects = 5 * num_images
    image = np.sort(world.integers(num_images, size=num_objects))
    label = world.integers(NUM_CLASSES, size=num_objects)
    area = np.array([AREAS.index(name) for name in areas])[world.integers(len(areas), size=num_objects)]
    hardness = world.random(num_objects) + np.array([0.0, 0.15, 0.0, -0.1])[area]
    overlap = 0.95 + skill - hardness - 0.5 * world.random(num_objects) + 0.1 * chance.normal(size=num_objects)
    objects = np.zeros((num_images, NUM_CLASSES, len(AREAS)), dtype=np.int64)
    np.add.at(objects, (image, label, np.zeros_like(area)), 1)
    np.add.at(objects, (image, label, area), 1)
    # Beside one detection of each object there is a false one, of as small a score as the detector is good.
    in_area = np.stack([np.ones(num_objects, dtype=np.bool_), *(area == place for place in (1, 2, 3))], axis=1)
    hit = in_area[:, :, None] & (overlap[:, None, None] >= np.array(IOU_THRESHOLDS))
    return _in_order(
        MatchTable(
            num_images=num_images,
            num_classes=NUM_CLASSES,
            image=np.concatenate([image, image]),
            label=np.concatenate([label, chance.integers(NUM_CLASSES, size=num_objects)]),
            score=np.concatenate(
                [0.2 + 0.4 * skill + 0.4 * chance.random(num_objects), 0.8 * (1 - skill) * chance.random(num_objects)]
            ).astype(np.float32),
            hit=np.concatenate([hit, np.zeros_like(hit)]),
            ignored=np.concatenate([np.broadcast_to(~in_area[:, :, None], hit.shape)] * 2),
            objects=objects,
        )
    )


def make_detection_record(
    attention: str = "sge",
    seed: int = 0,
    skill: float = 0.6,
    *,
    mask_skill: float | None = None,
    detector: str = "faster-rcnn",
    backbone: str = "resnet18",
    data: str = "cluttered-scenes",
    annotations: tuple[str, str] | None = None,
    baseline: str = "none",
    weights: str | None = None,
    weights_sha256: str | None = None,
    recipe: DetectionRecipe = RECIPE,
    plugin: PluginFile | None = None,
    detector_plugin: PluginFile | None = None,
    data_plugin: PluginFile | None = None,
    matches: MatchTable | None = None,
    counts: DetectorCounts = COUNTS,
    faults: Mapping[str, int] | None = None,
    num_crowds: int = 0,
    num_replaced: int = 0,
    forward_ms: tuple[float, ...] = (50.0, 50.0, 50.0),
    baseline_forward_ms: tuple[float, ...] = (50.0, 45.0, 40.0),
    compile_s: float | None = None,
    started_at: str = "2030-01-01T00:00:00+00:00",
    **environment: Any,
) -> DetectionRecord:
    """A record whose APs follow from its matches; further keywords change its environment.

    Args:
        attention: The variant.
        seed: Seed of the run.
        skill: As `make_matches` takes it.
        mask_skill: The same of masks; none for a detector without.
        detector: The detector, and so on as in a spec.
        backbone: The backbone.
        data: The data set.
        annotations: Files of annotations.
        baseline: The baseline's variant.
        weights: What the body starts from.
        weights_sha256: Hash of that.
        recipe: How it was trained.
        plugin: The user's file of the variant.
        detector_plugin: That of the detector.
        data_plugin: That of the data set.
        matches: Of boxes, in place of those that follow from the skill.
        counts: Parameters and multiply-accumulates.
        faults: Faults in the annotations.
        num_crowds: Crowds of the test split.
        num_replaced: The backbone's own modules that were taken out.
        forward_ms: Milliseconds of the timed passes.
        baseline_forward_ms: Those of the baseline beside them.
        compile_s: Seconds of compiling; none where nothing was compiled.
        started_at: Start of the run.
    """
    box = make_matches(skill, seed) if matches is None else matches
    mask = None if mask_skill is None else make_matches(mask_skill, seed)
    spec = DetectionRun(
        detector=detector,
        attention=attention,
        backbone=backbone,
        data=data,
        annotations=annotations,
        weights=weights,
        weights_sha256=weights_sha256,
        recipe=recipe,
        compute=Compute(compile="none" if compile_s is None else "attention"),
        baseline=baseline,
        seed=seed,
        plugin=plugin,
        detector_plugin=detector_plugin,
        data_plugin=data_plugin,
    )
    num_objects = dict(zip(AREAS, box.objects.sum(axis=(0, 1)).tolist(), strict=True))
    return DetectionRecord(
        schema=DETECTION_SCHEMA,
        digest=detection_digest(spec),
        spec=spec,
        environment=replace(ENVIRONMENT, **environment),
        curve=tuple(
            DetectionEpoch(epoch=epoch, learning_rate=0.02 / epoch, train_losses={"loss_classifier": 1.0 / epoch})
            for epoch in range(1, recipe.epochs + 1)
        ),
        values=DetectionValues(
            box=precisions_of(box),
            mask=None if mask is None else precisions_of(mask),
            counts=counts,
            num_train_images=600,
            num_validation_images=0,
            num_test_images=box.num_images,
            num_classes=box.num_classes,
            num_test_objects=num_objects | {"crowd": num_crowds},
            annotation_faults=dict(faults or {}),
            num_attention_modules=0 if attention == "none" else 8,
            num_replaced=num_replaced,
        ),
        box_matches=Matches.pack(box),
        mask_matches=None if mask is None else Matches.pack(mask),
        timing=DetectionTiming(
            started_at=started_at,
            wall_s=310.0,
            train_s=300.0,
            forward_ms=forward_ms,
            baseline_forward_ms=baseline_forward_ms,
            compile_s=compile_s,
        ),
    )


def precisions_of(table: MatchTable) -> AveragePrecisions:
    """COCO's figures of matches."""
    figures = average_precisions(table)
    required: dict[str, Any] = {f"{name}_percent": value for name, value in figures.items()}
    return AveragePrecisions(**required)


def _in_order(table: MatchTable) -> MatchTable:
    """The same detections by image, the best of an image first."""
    order = np.lexsort((-table.score, table.image))

    def sorted_(values: NDArray[Any]) -> NDArray[Any]:
        return values[order]

    return replace(
        table,
        image=sorted_(table.image),
        label=sorted_(table.label),
        score=sorted_(table.score),
        hit=sorted_(table.hit),
        ignored=sorted_(table.ignored),
    )
