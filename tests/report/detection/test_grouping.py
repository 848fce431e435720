from dataclasses import replace

import pytest

from attnbench.detection_record import DetectionRecord
from attnbench.report.detection.grouping import baseline_of, by_detector, comparable, variants_of
from attnbench.spec import PluginFile
from tests.detection_records import RECIPE, make_detection_record, make_matches


def names(records: list[DetectionRecord]) -> list[list[str]]:
    return [sorted(record.spec.attention for record in group) for group in comparable(records)]


def test_detectors_variants_and_seeds_stand_together() -> None:
    records = [
        make_detection_record(variant, seed, detector=detector)
        for variant in ("none", "sge")
        for seed in (0, 1)
        for detector in ("faster-rcnn", "retinanet")
    ]
    (group,) = comparable([*records, records[0]])
    assert len(group) == 8


@pytest.mark.parametrize(
    "other",
    [
        {"backbone": "resnet34"},
        {"data": "cluttered-scenes:size=128"},
        {"annotations": ("a.json", "b.json")},
        {"baseline": "se"},
        {"weights": "timm"},
        {"recipe": replace(RECIPE, epochs=7)},
        {"matches": make_matches(scenes=1)},
    ],
)
def test_what_differs_in_anything_else_stands_apart(other: dict[str, object]) -> None:
    records = [make_detection_record("none"), make_detection_record("sge", **other)]  # type: ignore[arg-type]
    assert sorted(names(records)) == [["none"], ["sge"]]


def test_bodies_that_start_from_a_file_for_each_variant_stand_together() -> None:
    def of(variant: str, folder: str) -> DetectionRecord:
        path = f"/sge/{folder}/{variant}/best-{variant}.pth"
        return make_detection_record(variant, weights=path, weights_sha256=f"{variant}{folder}".ljust(64, "0"))

    records = [of(variant, folder) for folder in ("short", "long") for variant in ("none", "sge", "se")]
    assert names(records) == [["none", "se", "sge"]] * 2
    for group in comparable(records):
        assert len({record.spec.weights.split("/")[2] for record in group if record.spec.weights}) == 1


def test_a_file_for_all_variants_is_one_file() -> None:
    records = [
        make_detection_record(variant, weights="/body.pth", weights_sha256="0" * 64) for variant in ("none", "se")
    ]
    assert names(records) == [["none", "se"]]


def test_detectors_come_in_the_order_of_their_first_runs() -> None:
    records = [
        make_detection_record(detector=detector, started_at=f"2030-01-01T00:0{minute}:00+00:00")
        for minute, detector in enumerate(("retinanet", "cascade-rcnn", "faster-rcnn"))
    ]
    assert list(by_detector(reversed(records))) == ["retinanet", "cascade-rcnn", "faster-rcnn"]


def test_two_contents_of_one_name_are_two_variants() -> None:
    plugins = [PluginFile(path="/mine.py", sha256=letter * 64) for letter in "ab"]
    records = [make_detection_record("mine", plugin=plugin) for plugin in plugins]
    assert set(variants_of(records)) == {"mine@aaaaaaaa", "mine@bbbbbbbb"}
    starts = [make_detection_record("sge", weights="/a.pth", weights_sha256=letter * 64) for letter in "cd"]
    assert set(variants_of(starts)) == {"sge@cccccccc", "sge@dddddddd"}


def test_two_contents_of_a_users_detector_are_two_detectors() -> None:
    files = [PluginFile(path="/mine.py", sha256=letter * 64) for letter in "ab"]
    records = [make_detection_record(detector="mine", detector_plugin=file) for file in files]
    assert set(by_detector(records)) == {"mine@aaaaaaaa", "mine@bbbbbbbb"}
    assert list(by_detector(records[:1])) == ["mine"]


def test_two_contents_of_a_users_data_set_are_not_compared() -> None:
    files = [
        PluginFile(path=path, sha256=letter * 64) for path, letter in (("/a.py", "a"), ("/b.py", "a"), ("/a.py", "b"))
    ]
    records = [make_detection_record(seed=seed, data="mine", data_plugin=file) for seed, file in enumerate(files)]
    assert sorted(len(group) for group in comparable(records)) == [1, 2]


def test_of_a_repeated_run_the_earliest_counts() -> None:
    late, early = (
        make_detection_record(
            "mine", plugin=PluginFile(path=path, sha256="a" * 64), started_at=f"20{year}-01-01T00:00:00+00:00"
        )
        for path, year in (("/x.py", 31), ("/y.py", 30))
    )
    assert variants_of([late, early]) == {"mine": [early]}


def test_the_baseline_is_the_content_with_most_seeds() -> None:
    plugins = {letter: PluginFile(path="/mine.py", sha256=letter * 64) for letter in "ab"}
    records = [
        make_detection_record("mine", seed, baseline="mine", plugin=plugins[letter])
        for seed, letter in ((0, "a"), (0, "b"), (1, "b"))
    ]
    assert baseline_of(variants_of(records), "mine") == "mine@bbbbbbbb"
    assert baseline_of(variants_of(records), "none") is None
