"""Figures and matches beside pycocotools, on scenes of hard cases."""

import contextlib
import io
from typing import Any

import numpy as np
import pytest
import torch
from pycocotools import mask as coco_masks
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from attnbench.detection_record import AveragePrecisions
from attnbench.errors import DataError
from attnbench.measure.average_precision import Evaluation, Scored
from attnbench.measure.matching import MOST_DETECTIONS
from attnbench.stats.average_precision import average_precisions

SIDE = 128
Item = dict[str, Any]
Box = tuple[float, float, float, float]


def scene(image_id: int, *objects: tuple[Box, int], crowds: tuple[int, ...] = (), areas: Any = None) -> Item:
    """A target of filled boxes (x0, y0, x1, y1) and labels."""
    boxes = torch.tensor([box for box, _ in objects]).reshape(-1, 4).float()
    masks = torch.stack([filled(box) for box in boxes]) if objects else torch.zeros(0, SIDE, SIDE, dtype=torch.uint8)
    return {
        "image_id": image_id,
        "boxes": boxes,
        "labels": torch.tensor([label for _, label in objects], dtype=torch.int64),
        "masks": masks,
        "area": masks.sum((1, 2)).double() if areas is None else torch.tensor(areas, dtype=torch.float64),
        "iscrowd": torch.tensor([index in crowds for index in range(len(objects))], dtype=torch.bool),
    }


def found(*detections: tuple[Box, int, float]) -> Item:
    """A prediction of filled boxes, labels and scores."""
    boxes = torch.tensor([box for box, _, _ in detections]).reshape(-1, 4).float()
    masks = [filled(box)[None].float() * 0.9 for box in boxes]
    return {
        "boxes": boxes,
        "labels": torch.tensor([label for _, label, _ in detections], dtype=torch.int64),
        "scores": torch.tensor([score for _, _, score in detections], dtype=torch.float32),
        "masks": torch.stack(masks) if masks else torch.zeros(0, 1, SIDE, SIDE),
    }


def filled(box: torch.Tensor) -> torch.Tensor:
    mask = torch.zeros(SIDE, SIDE, dtype=torch.uint8)
    x0, y0, x1, y1 = (round(float(end)) for end in box)
    mask[max(y0, 0) : y1, max(x0, 0) : x1] = 1
    return mask


def random_scenes(seed: int, num_images: int = 25, num_classes: int = 4) -> list[tuple[Item, Item]]:
    """Objects of all sizes on a coarse grid, so that overlaps and scores are often equal."""
    generator = np.random.default_rng(seed)
    pairs = []
    for image_id in range(num_images):
        objects = [(box(generator), int(generator.integers(1, num_classes))) for _ in range(generator.integers(0, 7))]
        crowds = tuple(index for index in range(len(objects)) if generator.random() < 0.15)
        detections = []
        for around, label in [*objects, *objects, *[(box(generator), num_classes) for _ in range(2)]]:
            moved = np.clip(np.array(around) + 4 * generator.integers(-1, 2, size=4), 0, SIDE)
            if moved[2] > moved[0] and moved[3] > moved[1]:
                label = label if generator.random() < 0.9 else int(generator.integers(1, num_classes + 1))
                detections.append((tuple(moved.tolist()), label, round(float(generator.random()), 1)))
        pairs.append((found(*detections), scene(image_id, *objects, crowds=crowds)))
    return pairs


def box(generator: np.random.Generator) -> Box:
    size = 4 * generator.integers(2, generator.choice([8, 20, 31]), size=2)
    start = [4 * int(generator.integers(0, (SIDE - length) // 4 + 1)) for length in size]
    return (float(start[0]), float(start[1]), float(start[0] + size[0]), float(start[1] + size[1]))


def holed(mask: torch.Tensor) -> torch.Tensor:
    mask = mask.clone()
    mask[..., 8:SIDE:16, :] = 0
    return mask


def boundaries() -> list[tuple[Item, Item]]:
    """Areas of exactly 32² and 96², and just beside them; detections too."""
    sides = [31.0, 32.0, 33.0, 95.0, 96.0, 97.0]
    pairs = []
    for image_id, side in enumerate(sides):
        target = scene(image_id, ((0.0, 0.0, side, side), 1))
        others = [((20.0, 20.0, 20.0 + s, 20.0 + s), 1, 0.95) for s in (32.0, 96.0)]
        pairs.append((found(((0.0, 0.0, side, side), 1, 0.5), *others), target))
    # What is annotated as an area decides, whatever the box is.
    pairs.append((found(((0.0, 0.0, 60.0, 60.0), 1, 0.7)), scene(6, ((0.0, 0.0, 60.0, 60.0), 1), areas=[1024.0])))
    pairs.append((found(((0.0, 0.0, 60.0, 60.0), 1, 0.7)), scene(7, ((0.0, 0.0, 60.0, 60.0), 1), areas=[0.0])))
    return pairs


def overlaps_on_thresholds() -> list[tuple[Item, Item]]:
    """Overlaps that equal a threshold, and recalls that equal one of the 101."""
    pairs = []
    for image_id in range(100):
        target = scene(image_id, ((0.0, 0.0, 20.0, 20.0), 1))
        length = float(10 + image_id % 11)
        pairs.append((found(((0.0, 0.0, 20.0, length), 1, 1 - image_id / 128)), target))
    return pairs


def crowded() -> list[tuple[Item, Item]]:
    crowd, item = (0.0, 0.0, 100.0, 100.0), (10.0, 10.0, 40.0, 40.0)
    return [
        (found((item, 1, 0.9), (item, 1, 0.8), (crowd, 1, 0.7)), scene(0, (crowd, 1), crowds=(0,))),
        (found((item, 1, 0.9), (item, 1, 0.9), (item, 2, 0.9)), scene(1, (crowd, 1), (item, 1), crowds=(0,))),
        (found(), scene(2, (crowd, 2), crowds=(0,))),
        (found((item, 1, 0.3), (item, 2, 0.3)), scene(3)),
        (found(), scene(4)),
        (found(), scene(5, (item, 1), (item, 1))),
        (found(*[(item, 1, 0.5)] * 3), scene(6, (item, 1), (item, 1))),
        # The first lies in the crowd wholly and on the item by four fifths, and is the item's; the second the crowd's.
        (found(((10.0, 10.0, 40.0, 34.0), 1, 0.6), (item, 1, 0.55)), scene(7, (item, 1), (crowd, 1), crowds=(1,))),
    ]


def many() -> list[tuple[Item, Item]]:
    """More than 100 detections of a class, the right one just within or beyond, and 100 of another class."""
    item, other = (10.0, 10.0, 40.0, 40.0), (60.0, 60.0, 90.0, 90.0)
    wrong = [(other, 1, 0.9)] * MOST_DETECTIONS
    return [
        (found(*wrong[:-1], (item, 1, 0.8)), scene(0, (item, 1))),
        (found(*wrong, (item, 1, 0.8), (item, 2, 0.1)), scene(1, (item, 1), (item, 2))),
        (found((item, 1, 0.9), *wrong, *[(other, 2, 0.2)] * 99), scene(2, (item, 1), (other, 2))),
    ]


def between() -> list[tuple[Item, Item]]:
    """A detection that overlaps two objects by the same, and a worse one that needs the last of them."""
    first, last, middle = (0.0, 0.0, 40.0, 40.0), (10.0, 0.0, 50.0, 40.0), (5.0, 0.0, 45.0, 40.0)
    return [(found((middle, 1, 0.9), (last, 1, 0.8)), scene(0, (first, 1), (last, 1)))]


def with_holes() -> list[tuple[Item, Item]]:
    pairs = random_scenes(3)
    for index, (prediction, target) in enumerate(pairs):
        target["masks"] = holed(target["masks"])
        target["area"] = target["masks"].sum((1, 2)).double()
        if index % 2:
            prediction["masks"] = holed(prediction["masks"])
    return pairs


def areas_that_float32_rounds() -> list[tuple[Item, Item]]:
    """Annotated areas beside 32² and 96² by less than float32 tells, each found or missed by turns."""
    sides: Box = (0.0, 0.0, 60.0, 60.0)
    areas = [bound * (1 + sign * 2.0**-30) for bound in (32.0**2, 96.0**2) for sign in (-1, 1)]
    assert {float(np.float32(area)) for area in areas} == {32.0**2, 96.0**2}
    found_or_not = [found((sides, 1, 0.7)) if index % 2 else found() for index in range(len(areas))]
    return [
        (one, scene(index, (sides, 1), areas=[area]))
        for index, (one, area) in enumerate(zip(found_or_not, areas, strict=True))
    ]


HARD = {
    "ties and duplicates": random_scenes(0),
    "more of them": random_scenes(1),
    "boundaries of areas": boundaries(),
    "areas that float32 rounds": areas_that_float32_rounds(),
    "equal to a threshold": overlaps_on_thresholds(),
    "equal overlaps": between(),
    "crowds and empty images": crowded(),
    "more than count": many(),
    "masks with holes": with_holes(),
    "nothing found": [(found(), target) for _, target in random_scenes(2)],
    "only crowds beside one": [crowded()[0], crowded()[5]],
}


def evaluate(pairs: list[tuple[Item, Item]], *, has_masks: bool = True, batch: int = 3) -> Scored:
    evaluation = Evaluation(num_classes=4, has_masks=has_masks)
    for start in range(0, len(pairs), batch):
        part = pairs[start : start + batch]
        evaluation.update([prediction for prediction, _ in part], [target for _, target in part])
    return evaluation.compute()


def by_pycocotools(pairs: list[tuple[Item, Item]], kind: str) -> list[float | None]:
    """The six figures in percent; the result file of one kind of shape, as COCO takes it."""
    images = [{"id": target["image_id"], "height": SIDE, "width": SIDE} for _, target in pairs]
    annotations: list[Item] = []
    results: list[Item] = []
    for prediction, target in pairs:
        for index, label in enumerate(target["labels"].tolist()):
            annotation = shape(target["boxes"][index], target["masks"][index], kind)
            annotation |= {"id": len(annotations) + 1, "image_id": target["image_id"], "category_id": label}
            annotation |= {"area": float(target["area"][index]), "iscrowd": int(target["iscrowd"][index])}
            annotations.append(annotation)
        for index, label in enumerate(prediction["labels"].tolist()):
            result = shape(prediction["boxes"][index], prediction["masks"][index, 0] > 0.5, kind)
            score = float(prediction["scores"][index])
            results.append(result | {"image_id": target["image_id"], "category_id": label, "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        categories = [{"id": label} for label in range(1, 5)]
        truth.dataset = {"info": {}, "images": images, "annotations": annotations, "categories": categories}
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results) if results else COCO(), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [None if value < 0 else 100 * value for value in evaluation.stats[:6]]


def shape(box: torch.Tensor, mask: torch.Tensor, kind: str) -> Item:
    if kind == "segm":
        return {"segmentation": coco_masks.encode(np.asfortranarray(mask.numpy().astype(np.uint8)))}
    x0, y0, x1, y1 = box.tolist()
    return {"bbox": [x0, y0, x1 - x0, y1 - y0]}


def values(figures: AveragePrecisions) -> list[float | None]:
    sized = [figures.ap_small_percent, figures.ap_medium_percent, figures.ap_large_percent]
    return [figures.ap_percent, figures.ap50_percent, figures.ap75_percent, *sized]


def close(one: list[float | None], other: list[float | None]) -> bool:
    """Whether parts of one, not percents, are within 1e-6."""
    missing = [value is None for value in one] == [value is None for value in other]
    return missing and all(
        abs(a - b) < 1e-4 for a, b in zip(one, other, strict=True) if a is not None and b is not None
    )


@pytest.mark.parametrize("case", HARD)
def test_figures_and_matches_are_those_of_pycocotools(case: str) -> None:
    pairs = HARD[case]
    scored = evaluate(pairs)
    assert scored.mask is not None
    assert scored.mask_matches is not None
    for kind, figures, table in (
        ("bbox", scored.box, scored.box_matches),
        ("segm", scored.mask, scored.mask_matches),
    ):
        expected = by_pycocotools(pairs, kind)
        assert close(values(figures), expected), (kind, values(figures), expected)
        from_matches = list(average_precisions(table).values())
        assert close(from_matches, expected), (kind, from_matches, expected)
        # Our own arithmetic is not rounded to float32.
        assert from_matches == pytest.approx(expected, abs=1e-9)


def test_the_cases_are_hard() -> None:
    figures = [by_pycocotools(pairs, "bbox") for pairs in HARD.values()]
    assert sum(0 < (row[0] or 0) < 100 for row in figures) >= 7
    assert any(value is None for row in figures for value in row)
    # The masks are other shapes than the boxes.
    assert by_pycocotools(HARD["masks with holes"], "segm") != by_pycocotools(HARD["masks with holes"], "bbox")


def test_figures_do_not_depend_on_batches_and_order() -> None:
    pairs = random_scenes(0)
    scored = evaluate(pairs)
    for other in (evaluate(pairs, batch=25), evaluate(pairs[::-1])):
        assert (other.box, other.mask) == (scored.box, scored.mask)
        np.testing.assert_array_equal(other.box_matches.hit, scored.box_matches.hit)
        np.testing.assert_array_equal(other.box_matches.objects, scored.box_matches.objects)


def test_boxes_alone_are_scored_the_same() -> None:
    pairs = with_holes()
    alone = evaluate(
        [({**prediction, "masks": None}, {**target, "masks": None}) for prediction, target in pairs], has_masks=False
    )
    scored = evaluate(pairs)
    assert (alone.box, alone.mask, alone.mask_matches) == (scored.box, None, None)
    np.testing.assert_array_equal(alone.box_matches.ignored, scored.box_matches.ignored)


def test_counts_objects_by_image_class_and_area() -> None:
    objects = [((0.0, 0.0, 32.0, 32.0), 1), ((0.0, 0.0, 40.0, 40.0), 1), ((0.0, 0.0, 99.0, 99.0), 3)]
    pairs = [(found(), scene(4, *objects, crowds=(1,))), (found(), scene(2))]
    table = evaluate(pairs).box_matches
    # An area on a boundary is of both ranges.
    assert table.objects[1].tolist() == [[1, 1, 1, 0], [0, 0, 0, 0], [1, 0, 0, 1], [0, 0, 0, 0]]
    assert not table.objects[0].any()


def test_at_most_100_detections_of_an_image_and_class_are_kept() -> None:
    table = evaluate(many()).box_matches
    counts = [[int(((table.image == image) & (table.label == label)).sum()) for label in (0, 1)] for image in range(3)]
    assert counts == [[100, 0], [100, 1], [100, 99]]


@pytest.mark.parametrize("pairs", [[], [(found(), scene(0))], crowded()[:1]])
def test_a_split_without_objects_has_no_average_precision(pairs: list[tuple[Item, Item]]) -> None:
    with pytest.raises(DataError, match=f"no object to detect in {len(pairs)} images"):
        evaluate(pairs)


def test_an_image_is_scored_once() -> None:
    pairs = random_scenes(0)
    with pytest.raises(DataError, match="each image is scored once; got 50 of 25"):
        evaluate(pairs + pairs)
