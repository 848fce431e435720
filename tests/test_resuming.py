import dataclasses
from pathlib import Path

import pytest
import torch

from attnbench.record import Epoch
from attnbench.run import Validated, validate_spec
from attnbench.spec import RunSpec

# Stochastic depth draws from torch's global generator, whose state a checkpoint must keep.
DROPPING = "resnet18:drop_path_rate=0.5"


class PowerCutError(Exception):
    """What ends a training between two epochs."""


def cut_off_after(epochs: int) -> "list[Epoch]":
    class Cutting(list[Epoch]):
        def append(self, point: Epoch) -> None:
            super().append(point)
            if len(self) > epochs:
                raise PowerCutError

    return Cutting()


def what_matters(validated: Validated) -> object:
    fitted = dataclasses.replace(validated.fitted, train_s=0.0)
    return fitted, validated.parameters, validated.macs


@pytest.mark.parametrize("backbone", ["cifar-resnet:depth=8,stem_stride=2,width=8", DROPPING])
def test_a_training_cut_off_goes_on_to_the_same_bits(tiny_spec: RunSpec, tmp_path: Path, backbone: str) -> None:
    spec = dataclasses.replace(
        tiny_spec, backbone=backbone, recipe=dataclasses.replace(tiny_spec.recipe, epochs=3, warmup_epochs=0.5)
    )
    whole: list[Epoch] = []
    never_cut = validate_spec(spec, on_epoch=whole.append)
    state = tmp_path / "state" / "run.ckpt"
    with pytest.raises(PowerCutError):
        validate_spec(spec, on_epoch=cut_off_after(2).append, resume=state)
    torch.manual_seed(99)
    heard: list[Epoch] = []
    resumed = validate_spec(spec, on_epoch=heard.append, resume=state)
    assert what_matters(resumed) == what_matters(never_cut)
    assert heard == whole
    assert [file.name for file in state.parent.iterdir()] == ["run.ckpt"]


def test_a_training_cut_off_after_its_last_epoch_trains_no_more(tiny_spec: RunSpec, tmp_path: Path) -> None:
    first = validate_spec(tiny_spec, resume=tmp_path / "run.ckpt")
    again = validate_spec(tiny_spec, resume=tmp_path / "run.ckpt")
    assert what_matters(again) == what_matters(first)


@pytest.mark.parametrize("left", [0.0, 0.5])
def test_a_torn_state_is_no_state(tiny_spec: RunSpec, tmp_path: Path, left: float) -> None:
    state = tmp_path / "run.ckpt"
    first = validate_spec(tiny_spec, resume=state)
    state.write_bytes(state.read_bytes()[: int(left * state.stat().st_size)])
    assert what_matters(validate_spec(tiny_spec, resume=state)) == what_matters(first)


def test_without_a_state_nothing_is_kept(tiny_spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    validate_spec(tiny_spec)
    assert not list(tmp_path.iterdir())


def test_validation_leaves_the_test_split_alone(tiny_spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    from attnbench.data import ImageData

    def refuse(self: ImageData) -> None:
        raise AssertionError("the test split was read")

    monkeypatch.setattr(ImageData, "test_dataloader", refuse)
    validated = validate_spec(tiny_spec)
    assert validated.fitted.selected.validation_top1_percent == max(
        point.validation_top1_percent for point in validated.fitted.curve
    )
