import numpy as np
import pytest

from attnbench.matches import AREAS
from attnbench.report.detection.found import found_of
from tests.detection_records import make_matches


@pytest.mark.parametrize(("iou", "place"), [(0.5, 0), (0.75, 5)])
def test_hits_and_false_detections_are_counted_by_area(iou: float, place: int) -> None:
    table = make_matches(0.6)
    found = found_of(table, iou)
    assert [one.area for one in found] == list(AREAS)
    for area, one in enumerate(found):
        hits = sum(
            bool(table.hit[index, area, place]) and not table.ignored[index, area, place]
            for index in range(len(table.image))
        )
        counted = int((~table.ignored[:, area, place]).sum())
        assert (one.num_hits, one.num_false) == (hits, counted - hits)
        assert one.num_objects == int(table.objects[..., area].sum())
        assert 0 < one.num_hits <= one.num_objects
    # Objects of the three areas are all there are, and what hits one of them hits one at all.
    assert sum(one.num_objects for one in found[1:]) == found[0].num_objects
    assert sum(one.num_hits for one in found[1:]) == found[0].num_hits


def test_a_detection_that_counts_for_nothing_is_neither() -> None:
    table = make_matches(0.6)
    table.ignored[:] = True
    assert {(one.num_hits, one.num_false) for one in found_of(table, 0.5)} == {(0, 0)}
    assert np.count_nonzero(table.hit)
