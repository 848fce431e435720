import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torchvision

from attnbench.data import ImageData
from attnbench.errors import DataError

PIXELS = np.random.RandomState(0).randint(256, size=(50, 3072)).astype(np.uint8)


@pytest.fixture(params=[("cifar10", "labels", 10), ("cifar100", "fine_labels", 5)], ids=["cifar10", "cifar100"])
def files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Path, int]:
    """Small files in the published format, and torchvision told their checksums."""
    name, key, num_labels = request.param
    published = getattr(torchvision.datasets, name.upper())
    folder = tmp_path / "files" / published.base_folder
    folder.mkdir(parents=True)

    def write(file: str, content: object) -> list[str]:
        (folder / file).write_bytes(pickle.dumps(content))
        return [file, hashlib.md5((folder / file).read_bytes()).hexdigest()]

    labels = np.tile(np.arange(num_labels), 50 // num_labels).tolist()
    parts = [write(f"part_{part}", {"data": PIXELS[part::2], key: labels[part::2]}) for part in range(2)]
    monkeypatch.setattr(published, "train_list", parts)
    monkeypatch.setattr(published, "test_list", [write("test", {"data": PIXELS[:6], key: labels[:6]})])
    meta = {**published.meta, "filename": "meta"}
    meta["md5"] = write("meta", {meta["key"]: [str(label) for label in range(num_labels)]})[1]
    monkeypatch.setattr(published, "meta", meta)
    return name, tmp_path / "files", num_labels


def test_reads_and_divides(files: tuple[str, Path, int], build: Callable[..., ImageData]) -> None:
    name, root, num_labels = files
    data = build(name, root=root)
    data.setup()
    assert data.num_classes == {"cifar10": 10, "cifar100": 100}[name]
    assert data.num_images == {"train": 45, "validation": 5, "test": 6}
    assert data.image_shape == (3, 32, 32)
    test = data.test_dataloader()
    assert test.images.numpy().tobytes() == PIXELS[:6].tobytes()
    assert test.labels.tolist() == (np.arange(6) % num_labels).tolist()
    held = {row.tobytes() for row in data.val_dataloader().images.numpy()}
    kept = {row.tobytes() for row in data.train_dataloader().images.numpy()}
    assert not held & kept
    assert held | kept == {row.tobytes() for row in PIXELS}


def test_normalises_by_the_training_split(files: tuple[str, Path, int], build: Callable[..., ImageData]) -> None:
    data = build(files[0], root=files[1], batch_size=45)
    data.setup()
    ((images, _),) = data.train_dataloader()
    np.testing.assert_allclose(images.double().mean((0, 2, 3)).numpy(), np.zeros(3), atol=1e-5)
    np.testing.assert_allclose(images.double().std((0, 2, 3), correction=0).numpy(), np.ones(3), atol=1e-5)


def test_a_damaged_file(files: tuple[str, Path, int], build: Callable[..., ImageData]) -> None:
    name, root, _ = files
    (file,) = root.rglob("part_1")
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(DataError, match=f"{name} is missing or damaged in .*--data {name}:download=true"):
        build(name, root=root).setup()


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_missing(tmp_path: Path, name: str, build: Callable[..., ImageData]) -> None:
    with pytest.raises(DataError, match=f"{name} is missing or damaged in {tmp_path / 'cache'}"):
        build(name).setup()
