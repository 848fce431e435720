from dataclasses import replace

from attnbench.detection_record import DetectionRecord
from attnbench.detection_spec import DetectionRecipe
from attnbench.report.detection.table import detection_table
from attnbench.spec import PluginFile
from tests.detection_records import COUNTS, RECIPE, make_detection_record
from tests.report.detection.records import board_of, some


def text_of(records: list[DetectionRecord]) -> str:
    table = detection_table(board_of(records))
    return "\n".join([*table.conditions, *table.notes])


def test_conditions_say_what_was_trained_on_what() -> None:
    text = text_of(some(2, faults={"zero-area box": 2, "missing image": 0, "unknown category": 1}, num_crowds=7))
    assert "600 training, no validation and 16 test images, 3 classes. Test objects: 80, of which" in text
    assert "; 7 crowds beside them count neither way." in text
    assert "Faults in the annotations, left out or mended: zero-area box (2) and unknown category (1)." in text
    assert "6 epochs, SGD at learning rate 0.02 (cosine; 100 steps of warm-up), batch 4, weight decay 0.0001" in text
    assert "Bodies start from scratch, no part of them frozen; their batch norms are trained." in text
    assert "2 seeds (0, 1), 6 runs, 30 min of training in all." in text
    assert "CPU Example CPU 3000, 1 thread" in text


def test_the_heading_tells_contents_of_a_users_data_set_apart() -> None:
    own = PluginFile(path="mine.py", sha256="ab" * 32)
    titles = [detection_table(board_of(some(data="mine", data_plugin=file))).title for file in (None, own)]
    assert titles == [
        "Detection: faster-rcnn in resnet18 on mine",
        "Detection: faster-rcnn in resnet18 on mine@abababab",
    ]


def test_no_fault_and_no_crowd_are_not_spoken_of() -> None:
    text = text_of(some())
    assert "Faults" not in text
    assert "crowd" not in text


def test_steps_and_frozen_parts_are_named() -> None:
    recipe = DetectionRecipe(frozen_stages=2, norm="eval")
    text = text_of(some(recipe=recipe, weights="timm"))
    assert "(lowered after epochs 8 and 11; 500 steps of warm-up)" in text
    assert "Bodies start from timm's weights, the first 2 parts frozen; their batch norms are trained without" in text


def test_several_machines_are_listed() -> None:
    records = [make_detection_record("none"), make_detection_record("sge", device="Example GPU")]
    assert "  1 run: GPU Example GPU beside Example CPU 3000" in text_of(records)


def test_one_seed_says_nothing_of_modules() -> None:
    text = text_of(some(1))
    assert "One seed: the interval is over test images only, and a difference may be the seed's." in text
    assert "Marks of Δ AP, each after Bonferroni's correction for the 2 comparisons" in text
    assert ": † the interval over the images of one seed excludes 0. No other" in text
    assert "the 2 comparisons with the baseline of each detector (97.5 %)" in text
    assert "a bootstrap over the 16 test images." in text
    assert "* the interval" not in text


def test_few_seeds_are_said_to_be_few() -> None:
    text = text_of(some(3))
    assert "3 seeds are few" in text
    assert "* the interval over seeds and images excludes 0" in text
    assert "One seed" not in text
    assert "†" not in text
    assert "a bootstrap over the 16 test images and seeds." in text
    many = [make_detection_record(variant, seed) for variant in ("none", "se") for seed in range(5)]
    assert "are few" not in text_of(many)


def test_one_variant_alone_is_not_compared() -> None:
    text = text_of([make_detection_record("none")])
    assert "One seed: an interval is over test images only." in text
    assert "Δ" not in text


def test_mixed_numbers_of_seeds_are_told_apart() -> None:
    records = [make_detection_record("none", seed) for seed in (0, 1)]
    records += [make_detection_record("se", seed) for seed in (0, 1)] + [make_detection_record("sge", 0)]
    text = text_of([*records, make_detection_record("eca", 2)])
    assert "Where a variant shares one seed with the baseline: the interval is over test images only" in text
    assert "No seed shared with the baseline none, so no difference: eca in faster-rcnn." in text
    assert (
        "Not every variant has every seed: none in faster-rcnn (2 of 3)" in text
        or "eca in faster-rcnn (1 of 3)" in text
    )
    assert "* the interval over seeds and images excludes 0; † the interval over the images of one seed" in text


def test_a_missing_baseline_is_named_with_its_detector() -> None:
    records = [*some(), make_detection_record("sge", detector="retinanet")]
    assert "The baseline none has no record in retinanet, so no differences to it are given." in text_of(records)


def test_masks_are_comparisons_of_their_own() -> None:
    text = text_of(some(detectors=("faster-rcnn", "mask-rcnn")))
    assert "the 2 and 4 comparisons with the baseline, boxes and masks, of each detector alone" in text


def test_parts_of_the_macs_are_given_for_each_detector() -> None:
    pyramid = replace(COUNTS, parameters=COUNTS.parameters + 64, pyramid_macs=130_000_000)
    dense = replace(COUNTS, region_macs=0, num_regions=0)
    text = text_of(
        [
            make_detection_record("none"),
            make_detection_record("sge:at=fpn", counts=pyramid),
            make_detection_record("none", detector="retinanet", counts=dense),
        ]
    )
    assert "an image of 192×192 (height × width) by fvcore's default rules, which leave out: add." in text
    assert "  faster-rcnn with none, MMACs: pyramid 120.00, proposals 40.00, 64 regions 900.00; pyramid of " in text
    assert "pyramid of sge:at=fpn 130.00. How many regions" in text
    assert "  retinanet with none, MMACs: pyramid 120.00, dense heads 40.00." in text
    assert "Parameters outside the body, beside the baseline's: sge:at=fpn (+64)." in text
    assert "Parameters outside" not in text_of(some())


def test_short_runs_are_said_to_be_short() -> None:
    assert "This is a short run (1 seed, 6 epochs): it measures early convergence" in text_of(some())
    long = replace(RECIPE, epochs=24)
    seeds = [make_detection_record("none", seed, recipe=long) for seed in range(5)]
    assert "short run" not in text_of(seeds)


def test_replaced_modules_are_named() -> None:
    records = [make_detection_record("none"), make_detection_record("sge", num_replaced=8)]
    assert "The backbone's own attention modules are part of none, and replaced" in text_of(records)
