"""A model whose maps are known is scored by them; a run keeps the scores."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from attnbench.data import ClutteredDigits, ImageData
from attnbench.errors import MissingDependencyError, SpecError
from attnbench.localisation_record import STEPS, Localisation, MapScores
from attnbench.localising import localise
from attnbench.models import create_model
from attnbench.record import Record, without_timing
from attnbench.run import run_spec
from attnbench.run_parts import read_data
from attnbench.spec import Measure, Recipe, RunSpec
from attnbench.suite import expand
from tests.tiny import BACKBONE, tiny_suite


@pytest.fixture(scope="module")
def digits() -> ImageData:
    data = ClutteredDigits(
        root=None, recipe=Recipe(batch_size=16), seed=0, device=torch.device("cpu"),
        train_images=20, validation_images=30, test_images=40, clutter=0, noise=0.0,
    )  # fmt: skip
    data.setup()
    return data


def model_with(attention: str) -> nn.Module:
    # At their start other residual branches give nothing for attention to weigh.
    return create_model(
        f"{BACKBONE},zero_init_last=false", attention, num_classes=10, in_channels=1, image_size=(28, 28), seed=0
    )


def by_kind(found: Localisation) -> dict[str, MapScores]:
    return {scores.kind: scores for scores in found.maps}


def shares(scores: MapScores) -> NDArray[np.float64]:
    return scores.energy.unpack() / STEPS


def test_every_control_and_the_best_layer_are_scored(digits: ImageData) -> None:
    found = localise(model_with("sge:groups=4"), digits, layer="layer3", num_images=25)
    assert (found.num_images, found.num_validation_images) == (25, 25)
    assert list(by_kind(found)) == ["attention", "grad-cam", "random", "centre", "image"]
    assert [layer.layer for layer in found.layers] == ["layer1.0.se", "layer2.0.se", "layer3.0.se"]
    best = max(found.layers, key=lambda layer: layer.energy)
    assert by_kind(found)["attention"].layer == best.layer
    assert by_kind(found)["grad-cam"].layer == "layer3"
    objects = digits.objects("test")
    assert objects is not None
    assert found.object_share == pytest.approx(float(objects.masks[:25].double().mean()))


def test_the_score_is_that_of_the_map_worked_out_by_hand(digits: ImageData) -> None:
    # Without clutter and noise the image is the digit: what is brighter than the background lies on or beside it.
    found = localise(model_with("none"), digits, layer="layer3", num_images=40)
    images = torch.cat([images for images, _ in digits.test_dataloader()])
    objects = digits.objects("test")
    assert objects is not None
    bright = images.abs().mean(1)
    low, high = bright.amin((1, 2), keepdim=True), bright.amax((1, 2), keepdim=True)
    unit = ((bright - low) / (high - low)).double()
    expected = (unit * objects.masks).sum((1, 2)) / unit.sum((1, 2))
    np.testing.assert_allclose(shares(by_kind(found)["image"]), expected, atol=1 / STEPS)


def test_attention_that_is_the_objects_mask_is_seen(digits: ImageData) -> None:
    model = model_with("sge:groups=4")

    def gate_bright(module: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        (features,) = inputs
        shown = nn.functional.interpolate(seen[-1].mean(1, keepdim=True), size=features.shape[-2:], mode="area")
        return features * (shown > shown.mean((2, 3), keepdim=True))

    seen: list[torch.Tensor] = []
    model.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    blind = by_kind(localise(model, digits, layer="layer3", num_images=40))["attention"]
    model.get_submodule("layer1.0.se").register_forward_hook(gate_bright)
    found = localise(model, digits, layer="layer3", num_images=40)
    attention = by_kind(found)["attention"]
    assert attention.layer == "layer1.0.se"
    assert shares(attention).mean() > 2 * shares(blind).mean()
    assert attention.iou.unpack().mean() > 0.5 * STEPS


@pytest.mark.parametrize("attention", ["none", "sk"])
def test_without_maps_of_attention_there_is_no_score_of_them(digits: ImageData, attention: str) -> None:
    found = localise(model_with(attention), digits, layer="layer3", num_images=10)
    assert list(by_kind(found)) == ["grad-cam", "random", "centre", "image"]
    assert found.layers == ()


def test_controls_are_the_same_beside_every_model(digits: ImageData) -> None:
    one, other = (
        by_kind(localise(model_with(name), digits, layer="layer3", num_images=20))
        for name in ("none", "se:reduction=4")
    )
    for kind in ("random", "centre", "image"):
        assert one[kind] == other[kind]
    assert one["grad-cam"] != other["grad-cam"]


def test_the_model_is_left_in_its_mode(digits: ImageData) -> None:
    model = model_with("se:reduction=4").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    told: list[tuple[int, int]] = []
    localise(model, digits, layer="layer3", num_images=20, on_step=lambda done, total: told.append((done, total)))
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert told[-1] == (40, 40)


def scored_spec(**measure: object) -> RunSpec:
    spec = expand(tiny_suite(epochs=1))[1]
    return replace(spec, measure=replace(spec.measure, **measure))  # type: ignore[arg-type]


def test_a_run_keeps_its_scores_and_repeats_them() -> None:
    spec = scored_spec(localisation_images=30)
    record = run_spec(spec)
    assert record.localisation is not None
    assert record.localisation.num_images == 30
    again = Record.from_json(record.to_json(), source="x")
    assert again.localisation == record.localisation
    assert without_timing(run_spec(spec)) == without_timing(record)


def test_it_is_refused_before_training_where_nothing_says_where_objects_are(tmp_path: Path) -> None:
    class Unmarked(ClutteredDigits):
        def objects(self, split: str) -> None:  # type: ignore[override]
            return None

    from attnbench.localising import check_localisation

    data = Unmarked(root=None, recipe=Recipe(), seed=0, device=torch.device("cpu"), train_images=20)
    with pytest.raises(SpecError, match="says where its objects are; got 'cluttered-digits:"):
        check_localisation(scored_spec(localisation_images=5), data)
    check_localisation(scored_spec(), data)


def test_it_is_refused_before_training_where_captum_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(MissingDependencyError, match=r"attnbench\[visualize\]"):
        read_data(scored_spec(localisation_images=5))


def test_measure_refuses_a_negative_number() -> None:
    with pytest.raises(SpecError, match="localisation_images must not be negative; got localisation_images=-1"):
        Measure(localisation_images=-1)


def test_a_model_whose_maps_cannot_be_scored_is_not_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_maps(*_: object, **__: object) -> None:
        raise SpecError("it has no maps")

    def not_reached(*_: object, **__: object) -> None:
        raise AssertionError("it was trained")

    monkeypatch.setattr("attnbench.run.localise", no_maps)
    monkeypatch.setattr("attnbench.run_parts.fit", not_reached)
    with pytest.raises(SpecError, match="it has no maps"):
        run_spec(scored_spec(localisation_images=30))


def test_being_scored_changes_nothing_of_the_training() -> None:
    scored, plain = run_spec(scored_spec(localisation_images=30)), run_spec(scored_spec())
    assert scored.curve == plain.curve
    assert scored.test_correct == plain.test_correct
