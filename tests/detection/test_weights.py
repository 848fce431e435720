"""Weights of classifiers in bodies."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from torch import nn

from attnbench.errors import CheckpointError, SpecError
from attnbench.models import create_model, save_weights
from tests.detection.tiny import BACKBONE, built


def body_of(attention: str, weights: str | None, backbone: str = BACKBONE) -> nn.Module:
    body: nn.Module = built("retinanet", attention, backbone, weights=weights, seed=1).model.backbone.body
    return body


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("attention", ["none", "srm", "sk:branch_groups=1", "bam:reduction=2"])
def test_a_classifiers_weights_come_into_the_body(attention: str, name: str, tmp_path: Path) -> None:
    classifier = create_model(BACKBONE, attention, num_classes=7, image_size=(64, 64))
    save_weights(classifier, tmp_path / name)
    expected = classifier.state_dict()
    state = body_of(attention, str(tmp_path / name)).state_dict()
    assert {*state, "fc.weight", "fc.bias"} == set(expected)
    assert all(torch.equal(value, expected[key]) for key, value in state.items())


def test_the_names_of_the_authors_of_sge_are_read(tmp_path: Path) -> None:
    backbone, attention = "test_resnet", "sge:groups=4"
    classifier = create_model(backbone, attention, num_classes=5, image_size=(64, 64))
    with torch.no_grad():
        for name, parameter in classifier.named_parameters():
            if ".se." in name:
                parameter.uniform_()
    expected = classifier.state_dict()
    renamed = {
        "module." + key.replace("se.gate_scale", "sge.weight").replace("se.gate_shift", "sge.bias"): value
        for key, value in expected.items()
    }
    torch.save({"state_dict": renamed, "epoch": 100}, tmp_path / "sge.pth.tar")
    state = body_of(attention + ",source=official", str(tmp_path / "sge.pth.tar"), backbone).state_dict()
    assert all(torch.equal(value, expected[key]) for key, value in state.items())


@pytest.mark.parametrize(
    ("of", "into", "message"),
    [
        ("none", "srm", r"'layer1\.0\.se\..*' is not in the checkpoint"),
        ("srm", "none", r"'layer1\.0\.se\..*' is not in the model"),
    ],
)
def test_other_weights_than_the_bodys_are_refused(of: str, into: str, message: str, tmp_path: Path) -> None:
    save_weights(create_model(BACKBONE, of, image_size=(64, 64)), tmp_path / "weights.pth")
    with pytest.raises(CheckpointError, match=message):
        body_of(into, str(tmp_path / "weights.pth"))
    with pytest.raises(CheckpointError, match=r"cannot read .*absent\.pth"):
        body_of(into, str(tmp_path / "absent.pth"))


@pytest.fixture
def timms(monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    """A backbone of timm's that stands for the pretrained one."""
    torch.manual_seed(3)
    create = timm.create_model
    model: nn.Module = create("test_resnet", pretrained=False)

    def pretrained_or_not(name: str, *, pretrained: bool = False, **settings: Any) -> Any:
        return model if pretrained else create(name, **settings)

    monkeypatch.setattr(timm, "create_model", pretrained_or_not)
    return model


@pytest.mark.parametrize("attention", ["none", "srm", "se:reduction=2,at=pre-add", "sk:branch_groups=1"])
def test_timms_weights_fill_all_but_the_attention_modules(timms: nn.Module, attention: str) -> None:
    loaded, fresh = (body_of(attention, weights, "test_resnet").state_dict() for weights in ("timm", None))
    theirs = timms.state_dict()
    plain = [name for name in loaded if name in theirs]
    assert len(plain) > 20
    assert all(torch.equal(loaded[name], theirs[name]) for name in plain)
    assert all(torch.equal(loaded[name], fresh[name]) for name in loaded if name not in theirs)
    assert attention == "none" or len(plain) < len(loaded)


def test_timm_without_weights_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError, match="timm has no weights of 'cifar-resnet'"):
        body_of("none", "timm")
    create = timm.create_model

    def offline(name: str, *, pretrained: bool = False, **settings: Any) -> Any:
        if pretrained:
            raise OSError("no network")
        return create(name, **settings)

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(CheckpointError, match="timm's weights of test_resnet cannot be loaded: no network"):
        body_of("none", "timm", "test_resnet")
