"""A classifier without its classifier, and what of it does not train."""

import copy

import pytest
import torch
from torch import nn

from attnbench.detection.body import Body
from attnbench.detection.norms import batch_norms
from attnbench.errors import PlacementError, SpecError
from attnbench.models import build_model
from attnbench.variant import Variant
from tests.detection.tiny import BACKBONE, batch, built

RESNETS = ["cifar-resnet:depth=8,stem_stride=2,width=8", "test_resnet", "cifar-resnet:depth=11,bottleneck=true,width=8"]
POSITIONS = ["post-bn3", "pre-add", "post-add", "post-conv2", "pre-branch", "shortcut", "stage"]


def classifier(backbone: str, attention: str) -> nn.Module:
    return build_model(backbone, attention, num_classes=5, in_channels=3, image_size=(64, 64), seed=0).model


@pytest.mark.parametrize("backbone", RESNETS)
@pytest.mark.parametrize("attention", ["none", "sk:branch_groups=1", *(f"se:at={at},reduction=2" for at in POSITIONS)])
def test_the_last_map_gives_the_classifiers_answer(backbone: str, attention: str) -> None:
    model = classifier(backbone, attention).eval()
    whole = copy.deepcopy(model)
    body = Body(model, Variant.parse(backbone), image_size=(64, 64)).eval()
    images = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        maps = body(images)
        torch.testing.assert_close(whole.fc(maps[body.stages[-1].name].mean((2, 3))), whole(images))
    assert set(body.state_dict()) == {name for name in whole.state_dict() if not name.startswith("fc.")}
    for stage in body.stages:
        assert maps[stage.name].shape == (2, stage.channels, 64 // stage.stride, 64 // stage.stride)


def test_strides_are_those_of_the_stem() -> None:
    def strides(stem_stride: int) -> list[int]:
        body = built(backbone=f"cifar-resnet:depth=8,stem_stride={stem_stride},width=8").model.backbone.body
        return [stage.stride for stage in body.stages]

    assert strides(1) == [1, 2, 4]
    assert strides(4) == [4, 8, 16]
    with pytest.raises(SpecError, match=r"strides that are powers of two; cifar-resnet:.* has the strides 3, 6, 11"):
        strides(3)


def test_another_family_is_refused() -> None:
    with pytest.raises(PlacementError, match="families resnet and cifar-resnet; got 'convnext_atto', which is of conv"):
        built(backbone="convnext_atto")


@pytest.mark.parametrize(("frozen_stages", "frozen"), [(0, ()), (1, ("conv1", "bn1")), (2, ("conv1", "bn1", "layer1"))])
def test_frozen_stages_stay_as_they_are(frozen_stages: int, frozen: tuple[str, ...]) -> None:
    model = built(attention="srm", frozen_stages=frozen_stages).model
    body = model.backbone.body
    before = copy.deepcopy(body.state_dict())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    model.eval().train()
    sum(model(*batch()).values()).backward()
    optimizer.step()
    for name, value in body.state_dict().items():
        is_frozen = name.split(".")[0] in frozen
        if is_frozen or value.any() or before[name].any():
            assert torch.equal(value, before[name]) == is_frozen, name
    assert len(list(body.parameters())) > len([p for p in body.parameters() if not p.requires_grad])


def test_too_many_frozen_stages_are_refused() -> None:
    built(frozen_stages=4)
    with pytest.raises(SpecError, match="has 4 parts to freeze, the stem and 3 stages; got frozen_stages=5"):
        built(frozen_stages=5)


@pytest.mark.parametrize("norm", ["train", "sync", "eval", "frozen"])
@pytest.mark.parametrize("attention", ["srm", "srm:at=fpn"])
def test_norms_train_as_far_as_is_said(norm: str, attention: str) -> None:
    model = built(attention=attention, norm=norm).model
    norms = batch_norms(model)
    assert any("cfc" in name or "attention" in name or ".se." in name for name in norms)
    model.eval().train()
    before = {name: copy.deepcopy(module.state_dict()) for name, module in norms.items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, weight_decay=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        sum(model(*batch()).values()).backward()
        optimizer.step()
    for name, module in norms.items():
        after = module.state_dict()
        assert torch.equal(after["running_var"], before[name]["running_var"]) == (norm in ("eval", "frozen")), name
        if before[name]["weight"].any():  # a scale that starts at 0 has no weight decay
            assert torch.equal(after["weight"], before[name]["weight"]) == (norm == "frozen"), name


def test_synchronised_norms_are_of_body_and_attention(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = built(attention="srm", norm="sync", frozen_stages=1)
    assert not any(isinstance(module, nn.SyncBatchNorm) for module in plain.model.modules())
    monkeypatch.setattr("attnbench.detection.build.num_ranks", lambda: 2)
    made = built(attention="srm", norm="sync", frozen_stages=1)
    norms = batch_norms(made.model)
    assert len(norms) > len(batch_norms(built(attention="none").model))
    assert all(isinstance(module, nn.SyncBatchNorm) for module in norms.values())
    assert not norms["backbone.body.bn1"].training
    assert all(made.model.get_submodule(place.name) is place.module for place in made.places)
    assert made.model.state_dict().keys() == plain.model.state_dict().keys()
    torch.manual_seed(0)
    expected = plain.model(*batch())
    torch.manual_seed(0)
    # Where no process group is, they are plain batch norms.
    for name, loss in made.model(*batch()).items():
        torch.testing.assert_close(loss, expected[name])


def test_a_module_that_comes_later_is_held_too() -> None:
    body = built(norm="frozen").model.backbone.body
    body.layer1.add_module("later", nn.BatchNorm2d(8))
    body.train()
    assert not body.layer1.later.training
    assert not body.layer1.later.weight.requires_grad


def test_the_body_has_no_leftovers_of_the_classifier() -> None:
    body = built(backbone=BACKBONE).model.backbone.body
    assert [name for name, _ in body.named_children()] == [
        *("conv1", "bn1", "act1", "maxpool"),
        *("layer1", "layer2", "layer3"),
    ]
