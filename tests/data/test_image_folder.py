import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from attnbench.data import ImageData
from attnbench.data.folder_loader import FolderLoader, read_image
from attnbench.data.image_folder import MEAN, STD
from attnbench.errors import DataError, SpecError
from attnbench.ranks import Share

NAMES = ("cat", "dog")


def write(root: Path, **numbers: int) -> Path:
    """One class of red images and one of blue; green is the file's number, brightness grows to the right."""
    for part, number in numbers.items():
        for label, name in enumerate(NAMES):
            folder = root / part / name
            folder.mkdir(parents=True)
            for index in range(number):
                image = Image.new("RGB", (24, 16))
                image.putdata(
                    [(100 * (1 - label) + x, 10 * index, 100 * label + x) for _ in range(16) for x in range(24)]
                )
                image.save(folder / f"{index}.png")
    return root


def epoch(data: ImageData, number: int) -> tuple[torch.Tensor, torch.Tensor]:
    loader = data.train_dataloader()
    loader.set_epoch(number)
    images, labels = zip(*loader, strict=True)
    return torch.cat(images), torch.cat(labels)


def made(build: Callable[..., ImageData], root: Path, settings: str = "", name: str = "folder", **recipe: object):
    data = build(f"{name}:image_size=8{settings}", root=root, **recipe)
    data.setup()
    return data


def files_of(data: ImageData, split: str) -> set[str]:
    return {path for path, _ in data._after_setup().loaders[split].dataset.files}


def test_validation_is_held_out_of_train_where_there_is_no_test(
    tmp_path: Path, build: Callable[..., ImageData]
) -> None:
    data = made(build, write(tmp_path, train=10, val=3), ",validation_fraction=0.2")
    assert data.classes == NAMES
    assert data.num_classes == 2
    assert data.image_shape == (3, 8, 8)
    assert data.num_images == {"train": 16, "validation": 4, "test": 6}
    assert not files_of(data, "train") & files_of(data, "validation")
    assert files_of(data, "train") | files_of(data, "validation") == set(map(str, (tmp_path / "train").rglob("*.png")))
    assert files_of(data, "test") == set(map(str, (tmp_path / "val").rglob("*.png")))
    assert [label for _, labels in data.val_dataloader() for label in labels.tolist()] == [0, 0, 1, 1]


def test_ranks_share_each_batch(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    data = made(build, write(tmp_path, train=10, val=3), batch_size=4, horizontal_flip=True)
    images, labels = epoch(data, 1)
    for index in range(2):
        data.train_dataloader().share = Share(index=index, number=2)
        of_rank, its_labels = epoch(data, 1)
        assert torch.equal(of_rank, images[index::2])
        assert torch.equal(its_labels, labels[index::2])


def test_val_validates_where_there_is_a_test(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    data = made(build, write(tmp_path, train=4, val=3, test=2), name="imagenet")
    assert data.num_images == {"train": 8, "validation": 6, "test": 4}
    assert all("/val/" in file for file in files_of(data, "validation"))


def test_evaluation_crops_the_middle_and_normalises(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    data = made(build, write(tmp_path, train=2, val=2), ",crop_ratio=0.5")
    images, labels = next(iter(data.test_dataloader()))
    assert labels.tolist() == [0, 0, 1, 1]
    # 16 pixels high stays 16, of which the middle 8×8 is cut: columns 8 to 15.
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    columns = torch.arange(8, 16)
    expected = torch.stack([100 + columns, torch.full((8,), 10), columns]) / 255
    expected = (expected - mean[:, None]) / std[:, None]
    torch.testing.assert_close(images[1], expected[:, None].expand(3, 8, 8), rtol=0, atol=1e-5)


def test_normalises_to_torchvisions_last_bit(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    data = made(build, write(tmp_path, train=2, val=2))
    loader = data.test_dataloader()
    assert isinstance(loader, FolderLoader)
    normalise = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])
    pixels, _ = loader.dataset[1, 0]
    assert pixels.dtype == torch.uint8
    assert torch.equal(next(iter(loader))[0][1], normalise(pixels))


def test_order_and_augmentation_follow_seed_and_epoch_only(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    root = write(tmp_path, train=10, val=1)
    first = epoch(made(build, root, horizontal_flip=True), 1)
    torch.manual_seed(99)
    state = torch.get_rng_state()
    with_workers = epoch(made(build, root, ",workers=1", horizontal_flip=True), 1)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(first[0], with_workers[0])
    assert torch.equal(first[1], with_workers[1])
    assert not torch.equal(first[0], epoch(made(build, root, horizontal_flip=True), 2)[0])
    assert not torch.equal(first[0], epoch(made(build, root, horizontal_flip=True, seed=1), 1)[0])


def test_mirrors_only_if_the_recipe_says_so(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    root = write(tmp_path, train=12, val=1)
    for flip in (False, True):
        images, _ = epoch(made(build, root, horizontal_flip=flip), 0)
        is_mirrored = images[:, 0, 4, 0] > images[:, 0, 4, -1]
        assert is_mirrored.any() == flip
        assert not is_mirrored.all()


def test_resumes_in_mid_epoch(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    root = write(tmp_path, train=10, val=1)
    whole = epoch(made(build, root), 3)
    loader = made(build, root).train_dataloader()
    loader.load_state_dict({"epoch": 3, "served": 2})
    images, labels = zip(*loader, strict=True)
    assert len(loader) == 4
    assert torch.equal(torch.cat(images), whole[0][8:])
    assert torch.equal(torch.cat(labels), whole[1][8:])


def test_classes_must_agree(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    root = write(tmp_path, train=2, val=2)
    (root / "val" / "dog").rename(root / "val" / "fox")
    with pytest.raises(DataError, match="must have the same class folders; only one of them has: dog, fox"):
        made(build, root)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_corrupt_image_is_named(tmp_path: Path, build: Callable[..., ImageData], workers: int) -> None:
    root = write(tmp_path, train=2, val=2)
    file = root / "val" / "dog" / "1.png"
    file.write_bytes(file.read_bytes()[:60])
    with pytest.raises(DataError, match=rf"^{file} is damaged or no image: .*; replace or remove it$") as caught:
        list(made(build, root, f",workers={workers}").test_dataloader())
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_an_image_that_is_cut_off_is_named_in_a_sentence(tmp_path: Path, kind: str) -> None:
    file, pixels = tmp_path / "image", np.random.default_rng(0).integers(0, 256, (24, 31, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, format=kind)
    content, num_named = file.read_bytes(), 0
    for length in range(0, len(content), len(content) // 23):
        file.write_bytes(content[:length])
        try:
            read_image(str(file))
        except DataError as error:
            num_named += (
                re.fullmatch(rf"{file} is damaged or no image: .+; replace or remove it", str(error)) is not None
            )
    assert num_named > 15


def test_a_missing_folder(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    with pytest.raises(DataError, match=r"train must hold .*: there is no such folder; name the folder .* with --root"):
        made(build, tmp_path)
    with pytest.raises(DataError, match="needs a root"):
        made(build, None)  # type: ignore[arg-type]


def test_a_class_without_images(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    root = write(tmp_path, train=2, val=2)
    (root / "train" / "fox").mkdir()
    with pytest.raises(DataError, match=r"train must hold one folder of images a class: .*fox"):
        made(build, root)


@pytest.mark.parametrize(
    ("settings", "recipe", "message"),
    [
        ("", {"crop_padding": 4}, "crop_padding must be 0; got crop_padding=4"),
        (",crop_ratio=0", {}, r"crop_ratio must be in \(0, 1\]; got crop_ratio=0"),
        (",validation_fraction=1", {}, r"validation_fraction must be in \(0, 1\); got"),
        (",workers=-1", {}, "workers must be at least 0; got workers=-1"),
    ],
)
def test_settings_out_of_range(
    settings: str, recipe: dict[str, int], message: str, build: Callable[..., ImageData]
) -> None:
    with pytest.raises(SpecError, match=message):
        build(f"folder:image_size=8{settings}", **recipe)


@pytest.mark.parametrize("part", ["val", "test"])
def test_the_test_split_needs_no_training_images(part: str, tmp_path: Path, build: Callable[..., ImageData]) -> None:
    data = build("folder:image_size=8", root=write(tmp_path, **{part: 3}))
    data.setup("test")
    assert files_of(data, "test") == {str(path) for path in (tmp_path / part).glob("*/*.png")}
    assert (data.num_classes, data.image_shape) == (2, (3, 8, 8))
    with pytest.raises(DataError, match="train must hold one folder of images a class"):
        build("folder:image_size=8", root=tmp_path).setup("fit")


def test_images_of_sixteen_bits_are_those_of_eight(tmp_path: Path) -> None:
    ramp = np.arange(256, dtype=np.uint16).reshape(16, 16)
    Image.fromarray((257 * ramp).astype(np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray(ramp.astype(np.uint8)).save(tmp_path / "flat.png")
    deep, flat = (np.asarray(read_image(str(tmp_path / f"{name}.png"))) for name in ("deep", "flat"))
    np.testing.assert_array_equal(deep, flat)
