from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torchvision
from torch import nn

import attnbench
from attnbench.errors import CheckpointError
from attnbench.models.checkpoint import read_checkpoint

BACKBONE = "cifar-resnet:depth=8,width=16"


def model(attention: str = "sge:groups=4", seed: int = 0, **settings: Any) -> nn.Module:
    return attnbench.create_model(BACKBONE, attention, num_classes=10, image_size=(16, 16), seed=seed, **settings)


def same_weights(first: nn.Module, second: nn.Module) -> bool:
    states = first.state_dict(), second.state_dict()
    return states[0].keys() == states[1].keys() and all(
        torch.equal(states[0][name], states[1][name]) for name in states[0]
    )


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "_orig_mod.", "module.model."])
@pytest.mark.parametrize("wrapper", [None, "state_dict", "model"])
def test_wrappers_and_prefixes_are_seen_through(prefix: str, wrapper: str | None, tmp_path: Path) -> None:
    given, loaded = model(seed=1), model()
    state: dict[str, Any] = {prefix + name: value for name, value in given.state_dict().items()}
    torch.save({wrapper: state, "epoch": 3, "best_acc": np.float64(77.5)} if wrapper else state, tmp_path / "a.pth.tar")
    assert not same_weights(given, loaded)
    attnbench.load_checkpoint(loaded, tmp_path / "a.pth.tar")
    assert same_weights(given, loaded)


def test_a_file_of_the_old_format_loads(tmp_path: Path) -> None:
    given, loaded = model(seed=1), model()
    torch.save({"state_dict": given.state_dict()}, tmp_path / "a.pth.tar", _use_new_zipfile_serialization=False)
    attnbench.load_checkpoint(loaded, str(tmp_path / "a.pth.tar"))
    assert same_weights(given, loaded)


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
@pytest.mark.parametrize("attention", ["none", "sk", "bam", "cbam", "se", "ge:mlp=true,parametric=true"])
def test_saved_weights_come_back(attention: str, name: str, tmp_path: Path) -> None:
    given, loaded = model(attention, seed=1), model(attention)
    attnbench.save_weights(given, tmp_path / name)
    assert all(isinstance(value, torch.Tensor) for value in read_checkpoint(tmp_path / name).values())
    attnbench.load_checkpoint(loaded, tmp_path / name)
    assert same_weights(given, loaded)
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("timm_name", "backbone", "attention"),
    [
        ("resnet18", "resnet18", "none"),
        ("seresnet50", "resnet50", "se"),
        ("skresnext50_32x4d", "resnext50_32x4d", "sk"),
    ],
)
def test_timms_models_give_the_same_logits(timm_name: str, backbone: str, attention: str) -> None:
    torch.manual_seed(0)
    theirs = timm.create_model(timm_name, num_classes=10, zero_init_last=False).double().eval()
    ours = attnbench.create_model(backbone, attention, num_classes=10, image_size=(64, 64)).double().eval()
    attnbench.load_checkpoint(ours, theirs.state_dict())
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-10, atol=1e-12)


def test_torchvisions_resnet_gives_the_same_logits() -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(num_classes=10).double().eval()
    ours = attnbench.create_model("resnet18", num_classes=10).double().eval()
    attnbench.load_checkpoint(ours, theirs.state_dict())
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-10, atol=1e-12)


def test_a_name_that_fits_nothing_is_reported_with_the_closest_and_nothing_is_loaded() -> None:
    loaded, untouched = model(), model()
    state = model(seed=1).state_dict()
    state["layer1.0.se.gate_scal"] = state.pop("layer1.0.se.gate_scale")
    with pytest.raises(
        CheckpointError,
        match=r"'layer1.0.se.gate_scale' is not in the checkpoint \(closest: 'layer1.0.se.gate_scal'\); "
        r"'layer1.0.se.gate_scal' is not in the model \(closest: 'layer1.0.se.gate_scale'\)",
    ):
        attnbench.load_checkpoint(loaded, state)
    assert same_weights(loaded, untouched)


def test_another_shape_is_reported_by_name() -> None:
    state = model().state_dict()
    state["fc.weight"] = torch.zeros(7, 64)
    with pytest.raises(CheckpointError, match=r"'fc.weight' has shape \(7, 64\), the model wants \(10, 64\)"):
        attnbench.load_checkpoint(model(), state)


def test_many_problems_are_counted_not_all_listed() -> None:
    with pytest.raises(CheckpointError, match=r"; the same of \d+ more") as caught:
        attnbench.load_checkpoint(model("cbam"), model("none").state_dict())
    assert len(str(caught.value)) < 1500


def test_the_authors_weights_do_not_go_into_the_papers_form() -> None:
    renamed = {
        name.replace("se.gate_scale", "sge.weight").replace("se.gate_shift", "sge.bias"): value
        for name, value in model().state_dict().items()
    }
    attnbench.load_checkpoint(model(), renamed)
    with pytest.raises(CheckpointError, match=r"layer1.0.se has source=paper; build the model with source=official"):
        attnbench.load_checkpoint(model("sge:groups=4,source=paper"), renamed)


def test_a_checkpoint_without_counters_of_batches_loads() -> None:
    given, loaded = model(seed=1), model()
    state = {name: value for name, value in given.state_dict().items() if not name.endswith("num_batches_tracked")}
    attnbench.load_checkpoint(loaded, state)
    assert same_weights(given, loaded)


class Opaque:
    """What weights_only refuses."""


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, "cannot read .*No such file"),
        (lambda path: path.mkdir(), "cannot read"),
        (lambda path: path.write_bytes(b"hello"), "is not a checkpoint"),
        (lambda path: path.write_bytes(b""), "is not a checkpoint"),
        (lambda path: torch.save({"state_dict": Opaque()}, path), "not a checkpoint of tensors and numbers alone"),
        (lambda path: torch.save([1, 2], path), "must hold a dict of weights; got a list"),
        (lambda path: torch.save({"epoch": 3}, path), "holds no weights; its keys are epoch"),
    ],
)
def test_a_bad_file_is_one_sentence(write: Any, message: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    write(path)
    with pytest.raises(CheckpointError, match=message):
        attnbench.load_checkpoint(model(), path)


def test_a_folder_that_is_not_there_cannot_be_written_to(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot write"):
        attnbench.save_weights(model(), tmp_path / "none" / "weights.pth")
