"""Naive Cascade R-CNN heads: one box after the other, in float64, from the paper's equations.

A stage is a function that gives the logits and the four codes of one box.
"""

import math
from collections.abc import Callable, Sequence

import torch

IOUS = (0.5, 0.6, 0.7)
WEIGHTS = ((10.0, 10.0, 5.0, 5.0), (20.0, 20.0, 10.0, 10.0), (30.0, 30.0, 15.0, 15.0))
LAMBDAS = (1.0, 0.5, 0.25)
LARGEST_GROWTH = math.log(1000 / 16)

Box = tuple[float, float, float, float]
Stage = Callable[[int, Box], tuple[torch.Tensor, torch.Tensor]]
"""Of the image's number and a box."""


def iou(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (areas[0] + areas[1] - width * height)


def encode(wanted: Box, box: Box, weights: Sequence[float]) -> list[float]:
    (x, y, w, h), (u, v, p, q) = centred(wanted), centred(box)
    codes = [(x - u) / p, (y - v) / q, math.log(w / p), math.log(h / q)]
    return [weight * code for weight, code in zip(weights, codes, strict=True)]


def decode(codes: Sequence[float], box: Box, weights: Sequence[float], size: tuple[int, int]) -> Box:
    u, v, p, q = centred(box)
    dx, dy, dw, dh = (code / weight for code, weight in zip(codes, weights, strict=True))
    x, y = u + dx * p, v + dy * q
    w, h = p * math.exp(min(dw, LARGEST_GROWTH)), q * math.exp(min(dh, LARGEST_GROWTH))
    return (
        min(max(x - w / 2, 0.0), size[1]),
        min(max(y - h / 2, 0.0), size[0]),
        min(max(x + w / 2, 0.0), size[1]),
        min(max(y + h / 2, 0.0), size[0]),
    )


def centred(box: Box) -> tuple[float, float, float, float]:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2, box[2] - box[0], box[3] - box[1]


def best_object(box: Box, objects: Sequence[Box], least: float) -> int | None:
    overlaps = [iou(box, candidate) for candidate in objects]
    if not overlaps or max(overlaps) < least:
        return None
    return overlaps.index(max(overlaps))


def losses(
    stages: Sequence[Stage],
    boxes: Sequence[Sequence[Box]],
    objects: Sequence[Sequence[Box]],
    labels: Sequence[Sequence[int]],
    sizes: Sequence[tuple[int, int]],
) -> dict[str, torch.Tensor]:
    """The six losses; `boxes` are those that stage 1 sees, the objects among them."""
    result = {}
    current = [list(of_image) for of_image in boxes]
    for number, stage in enumerate(stages):
        if number:
            current = [
                [box for box in of_image if box[2] - box[0] >= 0.01 and box[3] - box[1] >= 0.01] for of_image in current
            ]
        classifier, regression, count = torch.zeros((), dtype=torch.float64), torch.zeros((), dtype=torch.float64), 0
        decoded: list[list[Box]] = []
        for image, of_image in enumerate(current):
            decoded.append([])
            for box in of_image:
                logits, codes = stage(image, box)
                found = best_object(box, objects[image], IOUS[number])
                label = 0 if found is None else labels[image][found]
                classifier = classifier - (logits[label] - logits.exp().sum().log())
                if found is not None:
                    wanted = encode(objects[image][found], box, WEIGHTS[number])
                    for code, target in zip(codes, wanted, strict=True):
                        off = (code - target).abs()
                        regression = regression + (4.5 * off**2 if off.item() < 1 / 9 else off - 1 / 18)
                decoded[image].append(decode(codes.tolist(), box, WEIGHTS[number], sizes[image]))
                count += 1
        result[f"loss_classifier_{number + 1}"] = LAMBDAS[number] * classifier / max(count, 1)
        result[f"loss_box_reg_{number + 1}"] = LAMBDAS[number] * regression / max(count, 1)
        current = decoded
    return result


def detections(
    stages: Sequence[Stage],
    image: int,
    boxes: Sequence[Box],
    size: tuple[int, int],
    *,
    least_score: float,
    most: int,
) -> list[tuple[float, int, Box]]:
    """Score, label and box of an image's detections, the best first."""
    candidates: list[tuple[float, int, Box]] = []
    for first in boxes:
        box, total = first, None
        for number, stage in enumerate(stages):
            logits, codes = stage(image, box)
            scores = logits.exp() / logits.exp().sum()
            total = scores if total is None else total + scores
            box = decode(codes.tolist(), box, WEIGHTS[number], size)
        assert total is not None
        if box[2] - box[0] >= 0.01 and box[3] - box[1] >= 0.01:
            candidates += [
                (score / 3, label, box)
                for label, score in enumerate(total.tolist())
                if label and score / 3 > least_score
            ]
    kept: list[tuple[float, int, Box]] = []
    for candidate in sorted(candidates, key=lambda of: of[0], reverse=True):
        if all(other[1] != candidate[1] or iou(other[2], candidate[2]) <= 0.5 for other in kept):
            kept.append(candidate)
    return kept[:most]
