"""A run that asks for it is tested on images made worse, the same ones for every variant."""

from dataclasses import replace

import pytest
import torch

from attnbench.data import ImageData
from attnbench.errors import SpecError
from attnbench.measure.corruption import strengths
from attnbench.record import Record, without_timing
from attnbench.robustness import CorruptedData, evaluate_corrupted
from attnbench.run import run_spec
from attnbench.run_parts import build_run_model, read_data
from attnbench.spec import CORRUPTIONS, Corruption, Measure, RunSpec, digest
from attnbench.suite import expand
from tests.tiny import tiny_suite


def worsened_spec(*corruptions: Corruption) -> RunSpec:
    spec = expand(tiny_suite(epochs=1))[1]
    return replace(spec, measure=replace(spec.measure, corruptions=corruptions))


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return read_data(worsened_spec())


def batches(data: ImageData, corruption: Corruption, strength: float) -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = zip(*CorruptedData(data, corruption, strength).test_dataloader(), strict=True)
    return torch.cat(images), torch.cat(labels)


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_every_test_image_comes_once_in_its_order_and_the_same_each_time(
    digits: ImageData, corruption: Corruption
) -> None:
    clean, labels = (torch.cat(parts) for parts in zip(*digits.test_dataloader(), strict=True))
    worse, worse_labels = batches(digits, corruption, 0.5)
    assert torch.equal(labels, worse_labels)
    assert worse.shape == clean.shape
    assert (worse != clean).flatten(1).any(1).float().mean() > 0.9
    assert torch.equal(worse, batches(digits, corruption, 0.5)[0])
    # The images themselves are untouched.
    assert torch.equal(clean, torch.cat([images for images, _ in digits.test_dataloader()]))


def test_clutter_leaves_the_object_visible(digits: ImageData) -> None:
    objects = digits.objects("test")
    assert objects is not None
    clean = torch.cat([images for images, _ in digits.test_dataloader()])
    worse, _ = batches(digits, "clutter", 0.625)
    on_object = objects.masks[:, None]
    assert torch.equal(worse[on_object], clean[on_object])
    assert not torch.equal(worse, clean)


def test_each_strength_is_tested_by_what_the_model_says(digits: ImageData) -> None:
    spec = worsened_spec("noise", "occlusion")
    model = build_run_model(spec, spec.attention, digits).model.eval()
    told: list[tuple[int, int]] = []
    found = evaluate_corrupted(model, digits, spec, on_step=lambda done, total: told.append((done, total)))
    assert [(worse.corruption, worse.strength) for worse in found] == [
        (corruption, strength)
        for corruption in ("noise", "occlusion")
        for strength in strengths(corruption, size=(28, 28))
    ]
    assert told == [(done, 10) for done in range(10)]
    for worse in found:
        images, labels = batches(digits, worse.corruption, worse.strength)
        with torch.no_grad():
            expected = model(images).argmax(1) == labels
        assert worse.test_correct.unpack().tolist() == expected.tolist()


def test_a_run_keeps_it_and_repeats_it() -> None:
    spec = worsened_spec("blur", "noise")
    record = run_spec(spec)
    assert record.robustness is not None
    assert [worse.corruption for worse in record.robustness] == ["noise"] * 5 + ["blur"] * 5
    assert Record.from_json(record.to_json(), source="x").robustness == record.robustness
    assert without_timing(run_spec(spec)) == without_timing(record)


def test_the_order_in_which_corruptions_are_named_does_not_matter() -> None:
    assert digest(worsened_spec("clutter", "noise")) == digest(worsened_spec("noise", "clutter"))
    assert digest(worsened_spec("noise")) != digest(worsened_spec())


def test_a_corruption_may_be_named_once() -> None:
    with pytest.raises(SpecError, match="each corruption may be named once"):
        Measure(corruptions=("noise", "noise"))
