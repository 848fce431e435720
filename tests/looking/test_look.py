from pathlib import Path

import numpy as np
import pytest
import torch

from attnbench.errors import CheckpointError, SpecError
from attnbench.looking import (
    Given,
    Images,
    Look,
    check_comparable,
    images_of_data,
    load_weights,
    look_at,
    read_test_images,
    run_names,
)
from attnbench.models.description import DESCRIPTION
from attnbench.visualize import capture, grad_cam
from tests.saved import run_of, save_classifier


@pytest.fixture(scope="module")
def images() -> Images:
    return images_of_data(read_test_images(run_of()), "digits", number=10)


def look(folder: Path, attention: str, images: Images, *, with_classes: bool = False) -> Look:
    model, weights = load_weights(save_classifier(folder, run_of(attention)), Given())
    return look_at(model, weights, images, name=attention, class_images=images if with_classes else None)


def test_what_is_noted_is_what_the_model_does(images: Images, tmp_path: Path) -> None:
    found = look(tmp_path, "sge:groups=4", images)
    model, _ = load_weights(found.weights.file, Given())
    with torch.inference_mode(), capture(model) as captures:
        probabilities = model(images.inputs).softmax(1)
    assert found.predicted.tolist() == probabilities.argmax(1).tolist()
    np.testing.assert_array_equal(found.probability, probabilities.amax(1).numpy())
    assert list(found.views) == ["layer1.0.se", "layer2.0.se", "layer3.0.se"]
    assert found.last_module == "layer3.0.se"
    assert found.strength is not None
    np.testing.assert_array_equal(found.strength, captures["layer3.0.se"].strength.numpy())
    gate = next(view for view in found.views["layer1.0.se"] if view.name.endswith("gate"))
    group = int(gate.name.split()[1].rstrip(":"))
    np.testing.assert_array_equal(gate.values, captures["layer1.0.se"].shown["gate"][:, group].numpy())
    assert images.labels is not None
    expected = grad_cam(model, images.inputs, torch.from_numpy(images.labels), layer="layer3")
    np.testing.assert_array_equal(found.heat, expected.numpy())


def test_without_labels_grad_cam_is_for_the_predicted_class(images: Images, tmp_path: Path) -> None:
    unknown = Images(names=images.names, inputs=images.inputs, pixels=images.pixels, labels=None, source="here")
    found = look(tmp_path, "none", unknown)
    model, _ = load_weights(found.weights.file, Given())
    expected = grad_cam(model, images.inputs, torch.from_numpy(found.predicted), layer="layer3")
    np.testing.assert_array_equal(found.heat, expected.numpy())
    assert (found.views, found.strength, found.last_module) == ({}, None, None)


def test_what_stands_for_a_convolution_has_no_strength(images: Images, tmp_path: Path) -> None:
    found = look(tmp_path, "sk", images, with_classes=True)
    assert found.strength is None
    assert found.last_module is not None
    assert found.last_module.startswith("layer3.0.")
    assert [view.name for view in found.views[found.last_module]] == ["second branch"]


def test_channel_weights_are_means_over_the_images_of_each_class(images: Images, tmp_path: Path) -> None:
    found = look(tmp_path, "se:reduction=2", images, with_classes=True)
    model, _ = load_weights(found.weights.file, Given())
    with torch.inference_mode(), capture(model) as captures:
        model(images.inputs)
    gate = captures["layer2.0.se"].shown["gate"].flatten(1).numpy()
    assert images.labels is not None
    for row, label in enumerate(images.labels.tolist()):  # one image of each class
        np.testing.assert_allclose(found.class_weights["layer2.0.se gate"][label], gate[row], rtol=1e-6)
    assert look(tmp_path, "se:reduction=2", images).class_weights == {}


def test_a_ratio_that_is_nowhere_known_gives_no_weights(images: Images, tmp_path: Path) -> None:
    # The last norm of each block starts at 0, so that nothing goes into the modules.
    found = look(tmp_path, "triplet", images, with_classes=True)
    assert found.class_weights == {}
    assert np.all(found.strength == 0)


def test_modules_can_be_chosen(images: Images, tmp_path: Path) -> None:
    model, weights = load_weights(save_classifier(tmp_path, run_of("sge:groups=4")), Given())
    found = look_at(model, weights, images, name="sge", modules=["layer2.0.se"], most_groups=1)
    assert list(found.views) == ["layer2.0.se"]
    assert len({view.name.partition(":")[0] for view in found.views["layer2.0.se"]}) == 1
    with pytest.raises(SpecError, match=r"sge has no attention module 'layer2\.1\.se'; did you mean 'layer2\.0\.se'"):
        look_at(model, weights, images, name="sge", modules=["layer2.1.se"])


def test_weights_from_elsewhere_need_to_be_told_of(tmp_path: Path) -> None:
    spec = run_of("sge:groups=4")
    model, _ = load_weights(save_classifier(tmp_path, spec), Given())
    torch.save(model.state_dict(), tmp_path / "theirs.pth")
    with pytest.raises(SpecError, match="name the variant with --attention"):
        load_weights(tmp_path / "theirs.pth", Given())
    with pytest.raises(SpecError, match="name --backbone and --data besides"):
        load_weights(tmp_path / "theirs.pth", Given(attention="sge:groups=4"))
    given = Given(attention="sge:groups=4", backbone=spec.backbone, data=spec.data)
    again, weights = load_weights(tmp_path / "theirs.pth", given)
    assert weights.description.spec.attention == "sge:groups=4"
    assert weights.description.preparation == read_test_images(spec).preparation
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())


def test_a_detector_is_sent_to_the_command_that_draws_what_it_finds(tmp_path: Path) -> None:
    torch.save({DESCRIPTION: {"spec": {"detector": "retinanet"}, "classes": ("a",)}}, tmp_path / "a.ckpt")
    with pytest.raises(CheckpointError, match=r"holds a detector, .*; attnbench detect --checkpoint FILE draws"):
        load_weights(tmp_path / "a.ckpt", Given())


def test_what_is_given_goes_before_what_a_file_says(tmp_path: Path) -> None:
    file = save_classifier(tmp_path, run_of())
    _, weights = load_weights(file, Given(data="cluttered-digits:test_images=50"))
    assert weights.description.spec.data == "cluttered-digits:test_images=50"


def test_models_of_other_data_are_not_set_side_by_side(tmp_path: Path) -> None:
    files = [save_classifier(tmp_path, run_of(name)) for name in ("none", "sge:groups=4")]
    one = load_weights(files[0], Given())[1]
    other = load_weights(files[1], Given(data="cluttered-digits:test_images=50"))[1]
    with pytest.raises(SpecError, match=r"must see the same images .* differ in their data set: cluttered"):
        check_comparable([one, other])
    check_comparable([one, one])


def test_names_tell_models_apart(tmp_path: Path) -> None:
    weights = [
        load_weights(save_classifier(tmp_path, run_of(name, seed=seed)), Given())[1]
        for name, seed in (("none", 0), ("sge:groups=4", 0), ("sge:groups=4", 1))
    ]
    assert run_names(weights[:2]) == ["none", "sge:groups=4"]
    assert run_names(weights) == ["none seed 0", "sge:groups=4 seed 0", "sge:groups=4 seed 1"]
    assert run_names([weights[0], weights[0]]) == ["none 1", "none 2"]
