import numpy as np
import pyarrow
import pytest

from attnbench.report.export_scores import corrupted_table, maps_table
from tests.records import make_record, make_robustness
from tests.report.leaderboard.further import NUM_IMAGES, NUM_LOCALISED, further_records

RECORDS = [*further_records(("none", "se"), num_seeds=1), make_record()]


def test_maps_have_a_row_a_kind_with_every_image() -> None:
    rows = maps_table(RECORDS).to_pylist()
    assert [(row["digest"], row["kind"]) for row in rows] == [
        (record.digest, scores.kind)
        for record in RECORDS[:2]
        for scores in record.localisation.maps  # type: ignore[union-attr]
    ]
    attention = next(row for row in rows if row["kind"] == "attention")
    assert (attention["layer"], attention["threshold"]) == ("layer2.2", 0.5)
    assert len(attention["energy"]) == NUM_LOCALISED
    assert attention["mean_energy"] == pytest.approx(np.mean(attention["energy"]))
    np.testing.assert_allclose(attention["iou"], np.array(attention["energy"]) / 2, atol=1e-4)
    assert 0.15 < attention["mean_energy"] < 0.3


def test_corrupted_images_have_a_row_a_strength() -> None:
    passes = make_robustness({"noise": {0.5: 80.0, 1.0: 60.0}, "blur": {2.0: 40.0}})
    record = make_record(robustness=passes)
    assert corrupted_table([record, make_record()]).to_pylist() == [
        {"digest": record.digest, "corruption": corruption, "strength": strength, "test_top1_percent": percent}
        for corruption, strength, percent in (("noise", 0.5, 80.0), ("noise", 1.0, 60.0), ("blur", 2.0, 40.0))
    ]
    answers = corrupted_table(RECORDS, with_correct=True)["test_correct"].to_pylist()
    assert len(answers) == 2 * 4 * 3
    assert {len(found) for found in answers} == {NUM_IMAGES}
    np.testing.assert_array_equal(answers[0], RECORDS[0].robustness[0].test_correct.unpack())  # type: ignore[index]


def test_the_columns_do_not_depend_on_what_the_records_hold() -> None:
    assert maps_table([]).schema == maps_table(RECORDS).schema
    assert corrupted_table([], with_correct=True).schema == corrupted_table(RECORDS, with_correct=True).schema
    assert maps_table([]).schema.field("energy").type == pyarrow.list_(pyarrow.float64())
