import contextlib
import functools
import gzip
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torchvision

from attnbench.data import ImageData, fashion_mnist
from attnbench.data.idx import find_idx
from attnbench.errors import DataError, SpecError
from tests.data.test_idx import idx_bytes

TRAIN_LABELS = np.repeat(np.arange(10), 12).astype(np.uint8)[np.random.RandomState(0).permutation(120)]
TEST_LABELS = np.arange(10, dtype=np.uint8)


@pytest.fixture(autouse=True)
def no_system_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fashion_mnist, "SYSTEM_FOLDER", tmp_path / "system")


def write(folder: Path) -> Path:
    """Images that carry their own index as the first pixel; half of the files are gzipped."""
    folder.mkdir(parents=True)
    for part, labels in (("train", TRAIN_LABELS), ("t10k", TEST_LABELS)):
        pixels = np.random.RandomState(len(labels)).randint(256, size=(len(labels), 5, 4)).astype(np.uint8)
        pixels[:, 0, 0] = np.arange(len(labels))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx_bytes(pixels))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(labels)))
    return folder


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """The URL of a folder on this machine."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def indices(data: ImageData, split: str) -> list[int]:
    loader = {"train": data.train_dataloader, "validation": data.val_dataloader, "test": data.test_dataloader}[split]()
    return loader.images[:, 0, 0, 0].tolist()


def test_divides_the_training_file(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    data = build("fashion-mnist", root=write(tmp_path / "files"))
    data.setup()
    assert data.num_classes == 10
    assert data.image_shape == (1, 5, 4)
    assert data.num_images == {"train": 110, "validation": 10, "test": 10}
    assert sorted(indices(data, "train") + indices(data, "validation")) == list(range(120))
    assert indices(data, "test") == list(range(10))
    for split, labels in (("train", TRAIN_LABELS), ("validation", TRAIN_LABELS), ("test", TEST_LABELS)):
        loader = data._after_setup().loaders[split]
        assert loader.labels.tolist() == labels[indices(data, split)].tolist()
    assert sorted(data.val_dataloader().labels.tolist()) == list(range(10))


def test_the_split_does_not_follow_the_seed(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    root = write(tmp_path / "files")
    first, second = build("fashion-mnist", root=root, seed=0), build("fashion-mnist", root=root, seed=7)
    first.setup()
    second.setup()
    assert indices(first, "validation") == indices(second, "validation")
    assert next(iter(first.train_dataloader()))[1].tolist() != next(iter(second.train_dataloader()))[1].tolist()


def test_takes_a_stratified_subset(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    root = write(tmp_path / "files")
    whole, few = build("fashion-mnist", root=root), build("fashion-mnist:train_images=20", root=root)
    whole.setup()
    few.setup()
    assert set(indices(few, "train")) < set(indices(whole, "train"))
    assert np.bincount(few.train_dataloader().labels).tolist() == [2] * 10
    assert indices(few, "validation") == indices(whole, "validation")


def test_more_images_than_there_are(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    data = build("fashion-mnist:train_images=111", root=write(tmp_path / "files"))
    with pytest.raises(SpecError, match=r"\[1, 110\]"):
        data.setup()


@pytest.mark.parametrize("place", ["system", "cache", "cache/FashionMNIST/raw"])
def test_finds_the_files_where_they_usually_lie(tmp_path: Path, place: str, build: Callable[..., ImageData]) -> None:
    write(tmp_path / place)
    data = build("fashion-mnist")
    data.setup()
    assert data.num_images["train"] == 110


def test_says_where_it_looked_and_how_to_get_it(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    with pytest.raises(DataError) as caught:
        build("fashion-mnist").setup()
    message = str(caught.value)
    for part in (str(tmp_path / "system"), str(tmp_path / "cache"), "--root", "fashion-mnist:download=true"):
        assert part in message


def test_a_root_is_the_only_place(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    write(tmp_path / "system")
    with pytest.raises(DataError, match=r"Fashion-MNIST is not in .*elsewhere"):
        build("fashion-mnist", root=tmp_path / "elsewhere").setup()


def test_a_truncated_file_is_named(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    root = write(tmp_path / "files")
    file = root / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(
        DataError, match="train-images-idx3-ubyte is damaged: it must hold 2400 values, and has only 2399"
    ):
        build("fashion-mnist", root=root).setup()


def test_a_download_with_a_wrong_checksum_is_refused_each_time(
    tmp_path: Path, build: Callable[..., ImageData], monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    mirror = write(tmp_path / "mirror")
    (mirror / "mirrored").mkdir()
    checksums = []
    for name in fashion_mnist._FILES:
        content = find_idx(mirror, name).read_bytes()  # type: ignore[union-attr]
        packed = content if content[:2] == b"\x1f\x8b" else gzip.compress(content)
        (mirror / "mirrored" / f"{name}.gz").write_bytes(packed)
        checksums.append((f"{name}.gz", hashlib.md5(packed).hexdigest()))
    published = torchvision.datasets.FashionMNIST
    last, _ = checksums[-1]
    # The last one, since the files would all be there afterwards.
    monkeypatch.setattr(published, "resources", [*checksums[:-1], (last, "0" * 32)])
    with serving(mirror / "mirrored") as url:
        monkeypatch.setattr(published, "mirrors", [url])
        for _ in range(2):
            with pytest.raises(DataError, match=f"cannot be downloaded into {cache}: .* not found or corrupted"):
                build("fashion-mnist:download=true").setup()
        monkeypatch.setattr(published, "resources", checksums)
        data = build("fashion-mnist:download=true")
        data.setup()
    assert data.num_images == {"train": 110, "validation": 10, "test": 10}


def test_files_that_do_not_belong_together(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    root = write(tmp_path / "files")
    (root / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(TRAIN_LABELS)))
    with pytest.raises(
        DataError, match=r"do not belong together: images of shape \(10, 5, 4\), labels of shape \(120,\)"
    ):
        build("fashion-mnist", root=root).setup()


def test_a_label_out_of_range(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    root = write(tmp_path / "files")
    (root / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx_bytes(TEST_LABELS + 1)))
    with pytest.raises(DataError, match=r"a label must lie in \[0, 10\); got 10"):
        build("fashion-mnist", root=root).setup()
