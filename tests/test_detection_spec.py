from dataclasses import replace

import pytest

from attnbench.detection_spec import DetectionRecipe, DetectionRun, DetectionSuite, detection_digest
from attnbench.errors import SpecError
from attnbench.spec import Compute, PluginFile
from attnbench.spec_io import from_yaml, to_yaml

PLUGINS = ("plugin", "detector_plugin", "data_plugin")


def run(**fields: object) -> DetectionRun:
    return DetectionRun(
        **{"detector": "faster-rcnn", "attention": "sge", "backbone": "resnet50", "data": "coco"} | fields  # type: ignore[arg-type]
    )


def suite(**fields: object) -> DetectionSuite:
    return DetectionSuite(
        **{"detector": ("retinanet",), "attention": ("sge",), "backbone": "resnet18", "data": "coco"} | fields  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"epochs": 0}, "epochs must be at least 1; got epochs=0"),
        ({"accumulate": 3}, "accumulate must divide batch_size; got accumulate=3, batch_size=16"),
        ({"learning_rate": 0}, "learning_rate must be positive"),
        ({"momentum": 1}, "momentum must be in"),
        ({"weight_decay": -1}, "weight_decay must not be negative"),
        ({"schedule": "cosine"}, "step_epochs go with schedule='step'"),
        ({"step_epochs": (11, 8)}, "step_epochs must increase"),
        ({"step_epochs": (12,)}, "lie between 0 and epochs; got step_epochs=(12,), epochs=12"),
        ({"step_factor": 0}, "step_factor must be positive"),
        ({"warmup_factor": 0}, "warmup_factor must be in (0, 1]"),
        ({"gradient_clip_norm": 0}, "gradient_clip_norm must be positive or none"),
        ({"short_side": 1400}, "short_side must not exceed long_side; got short_side=1400, long_side=1333"),
        ({"frozen_stages": -1}, "frozen_stages must not be negative"),
    ],
)
def test_refuses_a_recipe_that_cannot_be(fields: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        DetectionRecipe(**fields)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_one_run_has_one_digest_however_it_is_written() -> None:
    assert detection_digest(run()) == detection_digest(run(detector=" faster-rcnn "))
    assert detection_digest(run(recipe=DetectionRecipe(learning_rate=1))) == detection_digest(
        run(recipe=DetectionRecipe(learning_rate=1.0))
    )


def test_the_digest_is_the_same_for_ever() -> None:
    # A change of these values orphans every record that exists: raise the schema with it.
    assert detection_digest(run()) == "57586003796baf5a"
    assert detection_digest(run(plugin=PluginFile(path="mine.py", sha256="ab" * 32))) == "af516bc0b8e100f7"


def test_every_field_matters_to_the_digest() -> None:
    others = [
        run(detector="mask-rcnn"),
        run(attention="se"),
        run(backbone="resnet18"),
        run(data="cluttered-scenes"),
        run(root="elsewhere"),
        run(annotations=("a.json", "b.json")),
        run(weights="body.pth"),
        run(weights_sha256="00"),
        run(recipe=DetectionRecipe(epochs=13)),
        run(compute=Compute(devices=2)),
        run(baseline="se"),
        run(speed_rounds=3),
        run(seed=1),
        *(run(**{name: PluginFile(path="mine.py", sha256=sha256)}) for name in PLUGINS for sha256 in ("ab", "cd")),
    ]
    assert len({detection_digest(spec) for spec in [run(), *others]}) == len(others) + 1


def test_reading_processes_are_no_part_of_the_digest() -> None:
    plain, four = run(data="coco:validation_images=9"), run(data="coco:workers=4,validation_images=9")
    assert detection_digest(four) == detection_digest(plain)
    assert (four.data, four.workers, plain.workers) == ("coco:validation_images=9", 4, 0)
    assert four.data_to_read == "coco:validation_images=9,workers=4"
    assert plain.data_to_read == plain.data
    assert from_yaml(to_yaml(four), DetectionRun, source="a test") == four
    assert run(data="coco:workers=many").data == "coco:workers=many"


def test_a_suite_puts_its_baseline_first_and_gives_detectors_their_settings() -> None:
    made = suite(
        detector=("retinanet", "faster-rcnn:regions=8", "mask-rcnn"),
        detector_settings=("retinanet:anchor_size=16", "faster-rcnn:regions=64"),
    )
    assert made.attention == ("none", "sge")
    assert made.detector == ("retinanet:anchor_size=16", "faster-rcnn:regions=8", "mask-rcnn")


def test_a_detector_departs_from_the_recipe_in_fields_of_its_own() -> None:
    made = suite(
        recipe=DetectionRecipe(epochs=15, momentum=0.8),
        detector_recipe={"retinanet": {"learning_rate": "1e-3"}},  # as YAML reads it
    )
    assert made.recipe_of("retinanet:anchor_size=16") == DetectionRecipe(epochs=15, momentum=0.8, learning_rate=1e-3)
    assert made.recipe_of("faster-rcnn") == made.recipe


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"detector": ()}, "at least one detector is needed"),
        ({"detector": ("a", "a")}, "each detector may be named once"),
        ({"attention": ("sge", "sge")}, "each variant may be named once"),
        ({"seeds": ()}, "at least one seed is needed"),
        ({"seeds": (1, 1)}, "each seed may be named once"),
        ({"seeds": (-1,)}, "seeds must lie in"),
        (
            {"detector_recipe": {"retinanet": {"epoch": 2}}},
            "retinanet: a recipe has no field 'epoch'; did you mean 'epochs'",
        ),
        ({"detector_recipe": {"retinanet:scales=1": {"epochs": 2}}}, "without settings; got name='retinanet:scales=1'"),
        ({"detector_recipe": {"retinanet": {"epochs": 0}}}, "retinanet: epochs must be at least 1; got epochs=0"),
        (
            {"detector_recipe": {"retinanet": {"epochs": "many"}}},
            "retinanet: epochs: Expected 'int', got 'str'; got 'many'",
        ),
        (
            {"detector_recipe": {"retinanet": {"schedule": "x" * 10_000}}},
            r"retinanet: schedule: Invalid enum value 'x{99,199}…x{99,199}'; got 'x{90,99}\.\.\.x{90,99}'$",
        ),
        ({"compute": Compute(devices=3)}, "devices must divide batch_size; got devices=3, batch_size=16"),
        (
            {"detector_recipe": {"retinanet": {"batch_size": 7}}, "compute": Compute(devices=2)},
            "devices must divide batch_size; got devices=2, batch_size=7",
        ),
    ],
)
def test_refuses_a_suite_that_cannot_be(fields: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        suite(**fields)


def test_refuses_a_run_whose_steps_cannot_be_divided() -> None:
    said = "devices times accumulate must divide batch_size; got devices=4, accumulate=8, batch_size=16"
    with pytest.raises(SpecError, match=said):
        run(recipe=DetectionRecipe(accumulate=8), compute=Compute(devices=4))


def test_a_suite_comes_back_from_yaml() -> None:
    made = suite(
        seeds=(0, 3),
        recipe=replace(DetectionRecipe(), norm="eval"),
        detector_recipe={"retinanet": {"epochs": 20}},
        annotations=("a.json", "b.json"),
    )
    assert from_yaml(to_yaml(made), DetectionSuite, source="a test") == made
