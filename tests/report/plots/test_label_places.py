from itertools import combinations, product

import numpy as np
import pytest

from attnbench.report.plots.label_places import place_labels

BOUNDS = (0.0, 0.0, 400.0, 300.0)
Box = tuple[float, float, float, float]


def place(
    points: list[tuple[float, float]], sizes: list[tuple[float, float]], lines: tuple[Box, ...] = ()
) -> list[Box]:
    """The rectangles of labels as they are placed."""
    centres = place_labels(points, sizes, line_height=10, radius=4, bounds=BOUNDS, lines=lines)
    return [
        (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        for (x, y), (width, height) in zip(centres, sizes, strict=True)
    ]


def shared(first: Box, second: Box) -> float:
    """Area that two rectangles share."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return max(0.0, width) * max(0.0, height)


def around(point: tuple[float, float], radius: float = 4) -> Box:
    return point[0] - radius, point[1] - radius, point[0] + radius, point[1] + radius


@pytest.mark.parametrize("width", [8.0, 40.0, 120.0])
def test_a_label_alone_stands_close_to_the_right_or_above(width: float) -> None:
    ((x0, y0, x1, y1),) = place([(200, 150)], [(width, 10)])
    assert shared((x0, y0, x1, y1), around((200, 150))) == 0
    assert shared((x0, y0, x1, y1), around((200, 150), radius=6.5)) > 0
    assert (x0 + x1) / 2 > 200
    assert (y0 + y1) / 2 >= 150


def test_no_labels_have_no_places() -> None:
    assert place_labels([], [], line_height=10, radius=4, bounds=BOUNDS) == []


@pytest.mark.parametrize("corner", [(2.0, 2.0), (398.0, 2.0), (2.0, 298.0), (398.0, 298.0)])
def test_a_label_stays_within_the_bounds(corner: tuple[float, float]) -> None:
    (box,) = place([corner], [(80, 20)])
    assert shared(box, BOUNDS) == pytest.approx(80 * 20)


@pytest.mark.parametrize("seed", range(4))
def test_labels_hide_neither_each_other_nor_a_point(seed: int) -> None:
    generator = np.random.default_rng(seed)
    points = [(float(x), float(y)) for x, y in generator.normal((200, 150), (70, 40), size=(20, 2))]
    sizes = [(float(width), 10.0) for width in generator.uniform(15, 70, size=20)]
    boxes = place(points, sizes)
    assert max(shared(first, second) for first, second in combinations(boxes, 2)) == 0
    assert max(shared(box, around(point)) for box in boxes for point in points) == 0
    assert min(shared(box, BOUNDS) - width * height for box, (width, height) in zip(boxes, sizes, strict=True)) > -1e-6


def test_labels_of_one_point_are_all_to_be_read() -> None:
    boxes = place([(200, 150)] * 6, [(50, 10)] * 6)
    assert max(shared(first, second) for first, second in combinations(boxes, 2)) == 0


def test_a_line_is_avoided_where_a_place_beside_it_is_near() -> None:
    line = (80.0, 104.5, 400.0, 105.5)
    (without,), (box,) = place([(100, 100)], [(40, 10)]), place([(100, 100)], [(40, 10)], lines=(line,))
    assert shared(without, line) > 0
    assert shared(box, line) == 0
    assert shared(box, around((100, 100), radius=20)) > 0


def leader(point: tuple[float, float], box: Box) -> list[tuple[float, float]]:
    """Steps from a point to the nearest place of its label."""
    end = np.clip(point, box[:2], box[2:])
    return [tuple(np.array(point) + share * (end - point)) for share in np.linspace(0, 1, 200)]


def test_a_leader_does_not_run_across_another_point() -> None:
    """Between two walls of points a label could only be reached across one of them, but for the gap above."""
    walls = [(200.0 + side * 14, 150.0 + height) for side in (-1, 1) for height in range(-60, 30, 8)]
    points = [(200.0, 150.0), *walls]
    box = place(points, [(60.0, 10.0), *[(1.0, 1.0)] * len(walls)])[0]
    steps = [around(step, radius=0.5) for step in leader(points[0], box)]
    assert not any(shared(step, around(point)) for step in steps for point in walls)


@pytest.mark.parametrize("seed", [0, 2, 3])
def test_leaders_of_a_dense_group_run_across_no_other_label_or_leader(seed: int) -> None:
    generator = np.random.default_rng(seed)
    points = [(float(x), float(y)) for x, y in generator.normal((200, 150), (20, 14), size=(14, 2))]
    boxes = place(points, [(50.0, 10.0)] * 14)
    leaders = [leader(point, box) for point, box in zip(points, boxes, strict=True)]
    for (number, steps), (other, box) in product(enumerate(leaders), enumerate(boxes)):
        assert number == other or not any(shared(around(step, radius=0.01), box) for step in steps)
    for first, second in combinations(leaders, 2):
        # Two segments cross where the ends of each lie on both sides of the other.
        assert not (parted(first, second) and parted(second, first))


def parted(line: list[tuple[float, float]], other: list[tuple[float, float]]) -> bool:
    """Whether the ends of the other segment lie on both sides of a line."""
    along = np.subtract(line[-1], line[0])
    sides = [along[0] * (end[1] - line[0][1]) - along[1] * (end[0] - line[0][0]) for end in (other[0], other[-1])]
    return bool(sides[0] * sides[1] < 0)


def test_one_input_gives_one_answer() -> None:
    points = [(float(index * 7), 50.0) for index in range(10)]
    assert place(points, [(40, 10)] * 10) == place(points, [(40, 10)] * 10)
