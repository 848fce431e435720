"""Files of weights and states that bring code: it is never run, and the user is told in one sentence."""

import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import attnbench
from attnbench.cli import main
from attnbench.data import build_data
from attnbench.data.cache import cached_arrays
from attnbench.detection.saved import load_detector
from attnbench.detection_parts import weights_sha256
from attnbench.errors import CheckpointError, DataError
from attnbench.looking.targets import find_weights
from attnbench.models.saved import load_classifier, run_of_weights
from attnbench.resuming import StateFile
from attnbench.spec import Recipe


class Bomb:
    """Makes a file, if it is unpickled by a reader that runs code."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.file,)


def bare(bomb: Bomb) -> bytes:
    return pickle.dumps(bomb)


def saved(bomb: Bomb, *, zipped: bool = True) -> bytes:
    buffer = io.BytesIO()
    content = {"state_dict": {"weight": torch.zeros(3)}, "attnbench": {"image_shape": bomb}, "bomb": bomb}
    torch.save(content, buffer, _use_new_zipfile_serialization=zipped)
    return buffer.getvalue()


def old(bomb: Bomb) -> bytes:
    return saved(bomb, zipped=False)


def oldest(bomb: Bomb) -> bytes:
    """The format before torch 0.1.10: a tar archive of pickles."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("sys_info", "pickle", "storages", "tensors"):
            content = pickle.dumps(bomb)
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def traced(bomb: Bomb) -> bytes:
    """An archive of TorchScript, whose constants are pickled."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("constants.pkl", "data.pkl", "version"):
            archive.writestr(f"archive/{name}", pickle.dumps(bomb) if name != "version" else b"3\n")
    return buffer.getvalue()


BOMBS: Mapping[str, Callable[[Bomb], bytes]] = {
    "a pickle": bare, "a checkpoint": saved, "an old checkpoint": old, "the oldest checkpoint": oldest,
    "TorchScript": traced,
}  # fmt: skip


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """The file that a bomb makes when it goes off."""
    return tmp_path / "exploded"


READERS: Mapping[str, Callable[[Path], object]] = {
    "load_classifier": load_classifier,
    "load_detector": load_detector,
    "load_checkpoint": lambda file: attnbench.load_checkpoint(torch.nn.Linear(1, 1), file),
    "run_of_weights": run_of_weights,
    "weights_sha256": lambda file: weights_sha256(str(file)),
}


def test_the_bombs_go_off_where_code_is_run(planted: Path, tmp_path: Path) -> None:
    pickle.loads(bare(Bomb(planted)))
    assert planted.exists()
    planted.unlink()
    (tmp_path / "a.ckpt").write_bytes(saved(Bomb(planted)))
    torch.load(tmp_path / "a.ckpt", weights_only=False)
    assert planted.exists()


@pytest.mark.parametrize("suffix", [".ckpt", ".pth", ".safetensors"])
@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("reader", READERS)
def test_no_code_in_a_file_of_weights_is_run(
    reader: str, bomb: str, suffix: str, planted: Path, tmp_path: Path
) -> None:
    file = tmp_path / "folder" / f"weights{suffix}"
    file.parent.mkdir()
    file.write_bytes(BOMBS[bomb](Bomb(planted)))
    with pytest.raises(CheckpointError, match=f"weights{suffix}") as caught:
        READERS[reader](file)
    assert not planted.exists()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_code_in_a_folder_of_weights_is_run(bomb: str, planted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "weights.ckpt").write_bytes(BOMBS[bomb](Bomb(planted)))
    with pytest.raises(CheckpointError, match=r"weights.ckpt is damaged, cut short or no checkpoint"):
        find_weights([folder])
    assert not planted.exists()


@pytest.mark.parametrize("command", ["evaluate", "convert", "visualize", "detect"])
def test_commands_refuse_it_in_a_sentence(
    command: str, planted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGB", (8, 8)).save("photo.png")
    Path("weights.ckpt").write_bytes(saved(Bomb(planted)))
    words = {
        "evaluate": ["--checkpoint", "weights.ckpt"],
        "convert": ["weights.ckpt", "out.pth", "--attention", "none", "--backbone", "resnet18"],
        "visualize": ["weights.ckpt"],
        "detect": ["--checkpoint", "weights.ckpt", "photo.png"],
    }
    assert main([command, *words[command]]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert "weights.ckpt" in error
    assert not planted.exists()


@pytest.mark.parametrize("bomb", BOMBS)
def test_no_code_in_a_state_is_run(bomb: str, planted: Path, tmp_path: Path) -> None:
    state = StateFile(path=tmp_path / "run.ckpt", digest="own")
    state.path.write_bytes(BOMBS[bomb](Bomb(planted)))
    assert state.found() is None
    assert (tmp_path / "run.damaged").exists()
    assert not planted.exists()


def test_no_code_in_cached_data_is_run(planted: Path, tmp_path: Path) -> None:
    file = tmp_path / "cached.npz"
    np.savez(file, pixels=np.array([Bomb(planted)], dtype=object))
    assert cached_arrays(file, ["pixels"]) is None
    file.write_bytes(bare(Bomb(planted)))
    assert cached_arrays(file, ["pixels"]) is None
    assert not planted.exists()


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_no_code_in_published_pickles_is_run_before_their_checksums_are_right(
    name: str, planted: Path, tmp_path: Path
) -> None:
    import torchvision

    published = getattr(torchvision.datasets, name.upper())
    folder = tmp_path / published.base_folder
    folder.mkdir()
    for file in [*(entry[0] for entry in published.train_list + published.test_list), published.meta["filename"]]:
        (folder / file).write_bytes(bare(Bomb(planted)))
    data = build_data(name, root=str(tmp_path), recipe=Recipe(), seed=0, device=torch.device("cpu"))
    with pytest.raises(DataError, match=f"{name} is missing or damaged in .*"):
        data.setup()
    assert not planted.exists()
