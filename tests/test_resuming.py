import dataclasses
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from attnbench.record import Epoch
from attnbench.resuming import LAYOUT, StateFile
from attnbench.run import run_spec
from attnbench.spec import RunSpec
from attnbench.validating import Validated, validate_spec

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
    fitted = dataclasses.replace(validated.fitted, train_s=0.0, earlier_s=0.0)
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


@pytest.mark.slow
def test_a_compiled_training_cut_off_goes_on_to_the_same_bits(tiny_spec: RunSpec, tmp_path: Path) -> None:
    spec = dataclasses.replace(tiny_spec, compute=dataclasses.replace(tiny_spec.compute, compile="attention"))
    state = tmp_path / "run.ckpt"
    with pytest.raises(PowerCutError):
        validate_spec(spec, on_epoch=cut_off_after(1).append, resume=state)
    assert what_matters(validate_spec(spec, resume=state)) == what_matters(validate_spec(spec))


def test_a_training_cut_off_after_its_last_epoch_trains_no_more(tiny_spec: RunSpec, tmp_path: Path) -> None:
    first = validate_spec(tiny_spec, resume=tmp_path / "run.ckpt")
    again = validate_spec(tiny_spec, resume=tmp_path / "run.ckpt")
    assert what_matters(again) == what_matters(first)


class Bomb:
    """Makes a file, if it is unpickled by a reader that runs code."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def a_state(**changes: object) -> dict[str, object]:
    kept = {"layout": LAYOUT, "digest": "other", **changes}
    return {"callbacks": {"KeepCheckpoint": kept}, "state_dict": {"weight": torch.arange(1000.0)}}


def torn(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flipped(content: bytes) -> bytes:
    """One bit of a weight is another."""
    place = content.index(torch.arange(1000.0).numpy().tobytes())
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def exploding(content: bytes) -> bytes:
    buffer = io.BytesIO()
    torch.save({**a_state(digest="own"), "more": Bomb(Path("exploded"))}, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("kept", "spoil", "said"),
    [
        ({"digest": "own"}, lambda _: b"", "is torn, or not one of attnbench's"),
        ({"digest": "own"}, torn, "is torn, or not one of attnbench's"),
        ({"digest": "own"}, lambda _: b"a text", "is torn, or not one of attnbench's"),
        ({"digest": "own"}, flipped, "is damaged"),
        ({"digest": "own"}, exploding, "is torn, or not one of attnbench's"),
        ({"digest": "own", "layout": LAYOUT + 1}, bytes, "is of another version of attnbench"),
        ({"digest": "other"}, bytes, "is of another run"),
    ],
)
def test_a_state_that_does_not_fit_is_put_aside(
    kept: dict[str, object],
    spoil: Callable[[bytes], bytes],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    state = StateFile(path=tmp_path / "run.ckpt", digest="own")
    torch.save(a_state(**kept), state.path)
    spoiled = spoil(state.path.read_bytes())
    state.path.write_bytes(spoiled)
    assert state.found() is None
    assert caplog.messages == [
        f"the run own starts anew: its state {state.path} {said}; it is put aside as run.damaged"
    ]
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {"run.damaged": spoiled}
    assert state.found() is None
    assert len(caplog.messages) == 1


@pytest.mark.parametrize("content", [[1], {"state_dict": {}}, {"callbacks": [1]}, {"callbacks": {"KeepCheckpoint": 1}}])
def test_a_checkpoint_that_is_no_state_is_put_aside(content: object, tmp_path: Path) -> None:
    state = StateFile(path=tmp_path / "run.ckpt", digest="own")
    torch.save(content, state.path)
    assert state.found() is None
    assert [file.name for file in tmp_path.iterdir()] == ["run.damaged"]


def test_a_state_of_its_own_is_found(tmp_path: Path) -> None:
    state = StateFile(path=tmp_path / "run.ckpt", digest="own")
    assert state.found() is None
    torch.save(a_state(digest="own"), state.path)
    content = state.found()
    assert content is not None
    assert torch.equal(content["state_dict"]["weight"], torch.arange(1000.0))


@pytest.mark.parametrize("disturb", [Path.unlink, lambda file: file.write_bytes(b"torn")])
def test_a_state_that_another_process_ends_meanwhile_is_gone_on_from(
    disturb: Callable[[Path], object], tiny_spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "run.ckpt"
    with pytest.raises(PowerCutError):
        validate_spec(tiny_spec, on_epoch=cut_off_after(1).append, resume=state)
    find = StateFile.found

    def found_and_ended(self: StateFile) -> object:
        content = find(self)
        disturb(self.path)
        return content

    monkeypatch.setattr(StateFile, "found", found_and_ended)
    trained: list[int] = []
    resumed = validate_spec(tiny_spec, on_epoch=lambda point: trained.append(point.epoch), resume=state)
    monkeypatch.undo()
    assert trained == [1, 2]
    assert what_matters(resumed) == what_matters(validate_spec(tiny_spec))


def test_a_spoiled_state_that_another_process_puts_aside_meanwhile_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    state = StateFile(path=tmp_path / "run.ckpt", digest="own")
    state.path.write_bytes(b"a text")

    def too_late(archive: object) -> None:
        state.path.unlink()
        raise zipfile.BadZipFile

    monkeypatch.setattr(zipfile, "ZipFile", too_late)
    assert state.found() is None
    assert caplog.messages == []


def test_a_training_with_a_spoiled_state_starts_anew(tiny_spec: RunSpec, tmp_path: Path) -> None:
    state = tmp_path / "run.ckpt"
    first = validate_spec(tiny_spec, resume=state)
    state.write_bytes(torn(state.read_bytes()))
    assert what_matters(validate_spec(tiny_spec, resume=state)) == what_matters(first)
    other = dataclasses.replace(tiny_spec, seed=1)
    assert what_matters(validate_spec(other, resume=state)) == what_matters(validate_spec(other))


def test_seconds_of_all_sittings_are_summed(tiny_spec: RunSpec, tmp_path: Path) -> None:
    state = tmp_path / "run.ckpt"
    with pytest.raises(PowerCutError):
        validate_spec(tiny_spec, on_epoch=cut_off_after(1).append, resume=state)
    content = torch.load(state, weights_only=True)
    kept = content["callbacks"]["KeepCheckpoint"]
    assert 0 < kept["train_s"] < 100
    torch.save({**content, "callbacks": {**content["callbacks"], "KeepCheckpoint": {**kept, "train_s": 1000.0}}}, state)
    assert 1000 < validate_spec(tiny_spec, resume=state).fitted.train_s < 1100
    timing = run_spec(tiny_spec, resume=state).timing
    assert 1000 < timing.train_s < timing.wall_s < 1100


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
