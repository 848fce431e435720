from collections.abc import Mapping

import numpy as np
import pytest
import torch

from attnbench.data import Images, InMemoryData, Split
from attnbench.data.in_memory import channel_statistics
from attnbench.errors import DataError, SpecError
from attnbench.spec import Recipe


class Small(InMemoryData):
    reads = 0

    def read(self) -> tuple[int, Mapping[Split, Images]]:
        self.reads += 1
        random = np.random.RandomState(0)
        sizes: dict[Split, int] = {"train": 10, "validation": 3, "test": 5}
        return 2, {
            split: Images(random.randint(256, size=(number, 2, 6, 8)).astype(np.uint8), np.arange(number) % 2)
            for split, number in sizes.items()
        }


def small(**recipe: int) -> Small:
    return Small(root=None, recipe=Recipe(batch_size=4, **recipe), seed=0, device=torch.device("cpu"))


def test_statistics_equal_numpy() -> None:
    pixels = np.random.RandomState(0).randint(200, size=(4_100, 2, 3, 3)).astype(np.uint8)
    pixels[:, 1] //= 7
    mean, std = channel_statistics(pixels)
    np.testing.assert_allclose(mean, pixels.astype(float).mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(std, pixels.astype(float).std((0, 2, 3)), rtol=1e-12)


def test_a_constant_channel_is_not_divided_by_zero() -> None:
    assert channel_statistics(np.full((5, 1, 2, 2), 7, dtype=np.uint8)) == ((7.0,), (1.0,))


def test_reads_once_and_knows_its_sizes() -> None:
    data = small()
    with pytest.raises(RuntimeError, match=r"Small has not been read yet; call setup\(\) first"):
        _ = data.num_classes
    data.setup("fit")
    data.setup("test")
    assert data.reads == 1
    assert data.num_classes == 2
    assert data.image_shape == (2, 6, 8)
    assert data.num_images == {"train": 10, "validation": 3, "test": 5}


def test_only_training_is_shuffled_and_augmented() -> None:
    data = small(crop_padding=2)
    data.setup()
    for loader in (data.val_dataloader(), data.test_dataloader()):
        images = torch.cat([images for images, _ in loader])
        mean, std = (torch.tensor(values).view(2, 1, 1) for values in (data.mean, data.std))
        torch.testing.assert_close(images * std + mean, loader.images.float(), atol=1e-3, rtol=0)
    images, labels = next(iter(data.train_dataloader()))
    assert labels.dtype == torch.int64
    assert images.dtype == torch.float32
    train = data.train_dataloader()
    assert not torch.equal(images * std + mean, train.images[train.order()[:4]].float())


def test_a_crop_larger_than_the_image() -> None:
    with pytest.raises(SpecError, match=r"whose size is 6×8; got crop_padding=6"):
        small(crop_padding=6).setup()


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((0, 2, 6, 8), r"Small: the test split must have an image; got \(0, 2, 6, 8\)"),
        ((5, 2, 0, 8), r"Small: the test split must have an image; got \(5, 2, 0, 8\)"),
        ((5, 2, 8, 6), "Small: images of all splits must have one shape; got 2×6×8 in train and 2×8×6 in test"),
    ],
)
def test_a_split_of_other_images_is_refused(
    shape: tuple[int, ...], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = small()
    number, images = data.read()
    test = Images(np.zeros(shape, dtype=np.uint8), np.zeros(shape[0], dtype=np.int64))
    monkeypatch.setattr(data, "read", lambda: (number, {**images, "test": test}))
    with pytest.raises(DataError, match=message):
        data.setup()
