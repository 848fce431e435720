from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from attnbench.data import ClutteredDigits, ImageData, cluttered_digits
from attnbench.data.cluttered_digits import _source_digits, source_splits
from attnbench.errors import SpecError

TINY = "cluttered-digits:train_images=60,validation_images=20,test_images=30"


@pytest.fixture
def tiny(build: Callable[..., Any]) -> Callable[..., ClutteredDigits]:
    def make(text: str = TINY, **settings: object) -> ClutteredDigits:
        data: ClutteredDigits = build(text, **settings)
        data.setup()
        return data

    return make


def test_splits_come_from_disjoint_sources(tiny: Callable[..., ClutteredDigits]) -> None:
    _, labels = _source_digits()
    splits = source_splits(labels)
    assert sorted(np.concatenate(list(splits.values()))) == list(range(1797))
    for split, share in (("train", 0.6), ("validation", 0.15), ("test", 0.25)):
        counts = np.bincount(labels[splits[split]], minlength=10)
        np.testing.assert_allclose(counts, share * np.bincount(labels), atol=2)
    for split, scenes in tiny()._scenes().items():
        assert set(scenes.sources) <= set(splits[split])
        assert scenes.labels.tolist() == labels[scenes.sources].tolist()


def test_fragments_come_from_the_splits_own_sources(
    tiny: Callable[..., ClutteredDigits], monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[bytes] = []
    draw = cluttered_digits.draw_scenes

    def spy(digits: np.ndarray, *args: Any, **kwargs: Any) -> Any:
        given.append(digits.tobytes())
        return draw(digits, *args, **kwargs)

    monkeypatch.setattr(cluttered_digits, "draw_scenes", spy)
    tiny()
    digits, labels = _source_digits()
    assert given == [digits[chosen].tobytes() for chosen in source_splits(labels).values()]


def test_sizes(tiny: Callable[..., ClutteredDigits]) -> None:
    data = tiny(TINY + ",size=32")
    assert data.num_classes == 10
    assert data.image_shape == (1, 32, 32)
    assert data.num_images == {"train": 60, "validation": 20, "test": 30}


def test_objects_are_those_of_the_images_in_the_test_order(tiny: Callable[..., ClutteredDigits]) -> None:
    data = tiny(TINY + ",clutter=0,noise=0")
    objects = data.objects("test")
    images = data.test_dataloader().images[:, 0]
    assert objects.masks.shape == images.shape
    # Nothing is brighter than the mask's level, 0.4 · 255, but the digit; at the level rounding decides.
    assert (images[objects.masks] >= 102).all()
    assert (images[~objects.masks] <= 102).all()
    for mask, (x0, y0, x1, y1) in zip(objects.masks, objects.boxes.tolist(), strict=True):
        inside = torch.zeros_like(mask)
        inside[y0:y1, x0:x1] = True
        assert not (mask & ~inside).any()
        assert mask[y0].any()
        assert mask[y1 - 1].any()
        assert mask[:, x0].any()
        assert mask[:, x1 - 1].any()


def test_the_cache_gives_back_the_same(
    tiny: Callable[..., ClutteredDigits], monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    made = tiny()
    assert [file.name for file in cache.iterdir()] == [made.cache_file.name]
    monkeypatch.setattr(ClutteredDigits, "_draw", lambda self: pytest.fail("drawn although it is in the cache"))
    read = tiny(seed=5)
    for split in ("train", "validation", "test"):
        ours, theirs = made._after_setup().loaders[split], read._after_setup().loaders[split]
        assert torch.equal(ours.images, theirs.images)
        assert torch.equal(ours.labels, theirs.labels)
        assert torch.equal(made.objects(split).boxes, read.objects(split).boxes)
        assert torch.equal(made.objects(split).masks, read.objects(split).masks)


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "text", "other"])
def test_a_damaged_cache_is_made_anew(tiny: Callable[..., ClutteredDigits], damage: str) -> None:
    made = tiny()
    content = made.cache_file.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    kept = {"empty": b"", "cut": content[:-40], "flipped": bytes(flipped), "text": b"no archive"}
    if damage == "other":
        np.savez(made.cache_file, train_masks=np.zeros(4, dtype=np.uint8))
    else:
        made.cache_file.write_bytes(kept[damage])
    again = tiny()
    assert torch.equal(made.test_dataloader().images, again.test_dataloader().images)
    assert made.cache_file.read_bytes() == content


def test_works_where_nothing_can_be_cached(
    tiny: Callable[..., ClutteredDigits], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("ATTNBENCH_CACHE", str(tmp_path / "file"))
    assert tiny().num_images["train"] == 60


@pytest.mark.parametrize("change", ["size=32", "clutter=1", "noise=3", "data_seed=1", "test_images=31"])
def test_every_setting_is_part_of_the_caches_name(tiny: Callable[..., ClutteredDigits], change: str) -> None:
    base = TINY.removesuffix(",test_images=30") if change.startswith("test_images") else TINY
    first, second = tiny(), tiny(f"{base},{change}")
    assert first.cache_file != second.cache_file
    assert not torch.equal(first.train_dataloader().images, second.train_dataloader().images) or "test" in change


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size=23", r"size must lie in \[24, 512\]; got size=23"),
        ("clutter=-1", r"clutter must lie in \[0, 64\]; got clutter=-1"),
        ("noise=256", r"noise must lie in \[0, 255\]; got noise=256"),
        ("test_images=0", r"test_images must lie in \[1, 10000000\]; got test_images=0"),
        ("data_seed=-1", r"data_seed must lie in"),
    ],
)
def test_settings_out_of_range(text: str, message: str, build: Callable[..., ImageData]) -> None:
    with pytest.raises(SpecError, match=message):
        build(f"cluttered-digits:{text}")


def test_takes_no_root(tmp_path: Path, build: Callable[..., ImageData]) -> None:
    with pytest.raises(SpecError, match="is made, not read, and takes no root"):
        build("cluttered-digits", root=tmp_path)
