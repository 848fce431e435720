import numpy as np

from attnbench.report.plots.label_rows import spread


def test_labels_with_room_stay_where_they_should_be() -> None:
    assert spread([10.0, 40.0, 80.0], [10.0, 20.0, 10.0], low=0.0, high=100.0) == [10.0, 40.0, 80.0]
    assert spread([], [], low=0.0, high=1.0) == []


def test_labels_in_a_heap_move_apart_about_their_mean() -> None:
    assert spread([50.0, 50.0, 50.0], [10.0, 20.0, 10.0], low=0.0, high=100.0) == [35.0, 50.0, 65.0]


def test_labels_stay_within_the_ends_where_they_can() -> None:
    assert spread([0.0, 0.0], [10.0, 10.0], low=0.0, high=100.0) == [5.0, 15.0]
    assert spread([100.0, 100.0], [10.0, 10.0], low=0.0, high=100.0) == [85.0, 95.0]
    assert spread([1.0, 2.0], [10.0, 10.0], low=0.0, high=15.0) == [5.0, 15.0]  # too much for the room


def test_many_labels_keep_their_order_and_never_overlap() -> None:
    generator = np.random.default_rng(0)
    wanted, heights = np.sort(generator.uniform(0, 100, 40)).tolist(), generator.uniform(1, 3, 40).tolist()
    centres = spread(wanted, heights, low=0.0, high=100.0)
    for index in range(39):
        assert centres[index + 1] - centres[index] >= (heights[index] + heights[index + 1]) / 2 - 1e-9
    assert centres[0] - heights[0] / 2 >= -1e-9
    assert centres[-1] + heights[-1] / 2 <= 100 + 1e-9
