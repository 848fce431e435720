"""Average precision from matches, written out one recall at a time; drawn images are really repeated."""

import numpy as np

from attnbench.matches import MatchTable


def repeated(table: MatchTable, drawn: list[int]) -> MatchTable:
    """The split that holds the drawn images, each drawing as an image of its own."""
    rows = [np.flatnonzero(table.image == image) for image in drawn]
    order = np.concatenate([np.zeros(0, dtype=np.int64), *rows])
    return MatchTable(
        num_images=len(drawn),
        num_classes=table.num_classes,
        image=np.repeat(np.arange(len(drawn)), [len(row) for row in rows]),
        label=table.label[order],
        score=table.score[order],
        hit=table.hit[order],
        ignored=table.ignored[order],
        objects=table.objects[drawn],
    )


def average_precision(table: MatchTable, label: int, area: int, threshold: int) -> float | None:
    """AP of one class as a part of one; none without objects."""
    num_objects = sum(int(table.objects[image, label, area]) for image in range(table.num_images))
    if num_objects == 0:
        return None
    rows = [row for row in range(len(table.label)) if table.label[row] == label]
    rows.sort(key=lambda row: -table.score[row])
    points, hits, counted = [], 0, 0
    for row in rows:
        if not table.ignored[row, area, threshold]:
            counted += 1
            hits += int(table.hit[row, area, threshold])
            points.append((hits / num_objects, hits / counted))
    total = 0.0
    for wanted in np.linspace(0, 1, 101):
        total += max((precision for recall, precision in points if recall >= wanted), default=0.0)
    return total / 101


def figures(table: MatchTable) -> dict[str, float | None]:
    """The six figures in percent."""
    every, named = range(10), {"ap": 0, "ap_small": 1, "ap_medium": 2, "ap_large": 3}
    wanted = {name: (area, list(every)) for name, area in named.items()} | {"ap50": (0, [0]), "ap75": (0, [5])}
    results: dict[str, float | None] = {}
    for name, (area, thresholds) in wanted.items():
        values = [average_precision(table, label, area, t) for label in range(table.num_classes) for t in thresholds]
        known = [value for value in values if value is not None]
        results[name] = 100 * sum(known) / len(known) if known else None
    return results
