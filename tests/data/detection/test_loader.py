import itertools
from typing import Any

import numpy as np
import pytest
import torch

from attnbench.data.detection import Annotations, Examples, Target
from attnbench.data.detection.loader import DetectionBatch, DetectionLoader
from attnbench.ranks import Share

HEIGHT, WIDTH = 12, 17


def examples(num_images: int = 11) -> Examples:
    """Images with one object each, at a fractional place."""
    random = np.random.RandomState(0)
    corners = random.uniform(1, 8, size=(num_images, 2))
    boxes = np.concatenate([corners, corners + random.uniform(2, 4, size=(num_images, 2))], axis=1)
    annotations = Annotations(
        classes=("thing",),
        file_names=tuple(map(str, range(num_images))),
        image_ids=np.arange(num_images),
        sizes=np.full((num_images, 2), (HEIGHT, WIDTH)),
        starts=np.arange(num_images + 1),
        labels=np.ones(num_images, dtype=np.int64),
        boxes=boxes,
        areas=np.full(num_images, 9.0),
        crowds=np.zeros(num_images, dtype=np.bool_),
        segmentations=(b"",) * num_images,
    )
    pixels = random.randint(256, size=(num_images, HEIGHT, WIDTH, 3)).astype(np.uint8)
    return Examples(pixels, annotations, training=True)


def loader(num_images: int = 11, **changes: Any) -> DetectionLoader:
    return DetectionLoader(examples(num_images), **{"batch_size": 2, "seed": 0, "horizontal_flip": True, **changes})


def epoch_of(batches: DetectionLoader, epoch: int) -> list[tuple[torch.Tensor, Target]]:
    batches.set_epoch(epoch)
    return [pair for images, targets in batches for pair in zip(images, targets, strict=True)]


def ids(pairs: list[tuple[torch.Tensor, Target]]) -> list[int]:
    return [target["image_id"] for _, target in pairs]


def same(first: list[DetectionBatch], second: list[DetectionBatch]) -> bool:
    return len(first) == len(second) and all(
        all(map(torch.equal, images, others)) and [t["image_id"] for t in targets] == [t["image_id"] for t in those]
        for (images, targets), (others, those) in zip(first, second, strict=True)
    )


def test_mirroring_is_exact() -> None:
    held = examples()
    for index in range(len(held)):
        (image, target), (mirrored, moved) = held[index, False], held[index, True]
        assert torch.equal(mirrored, image.flip(2))
        assert torch.equal(moved["masks"], target["masks"].flip(2))
        torch.testing.assert_close(moved["boxes"][:, [2, 0]], WIDTH - target["boxes"][:, [0, 2]])
        assert torch.equal(moved["boxes"][:, [1, 3]], target["boxes"][:, [1, 3]])
        for key in ("labels", "area", "iscrowd"):
            assert torch.equal(moved[key], target[key])


def test_order_and_mirroring_follow_seed_epoch_and_image_alone() -> None:
    first = epoch_of(loader(), 1)
    used = loader(batch_size=3, accumulate=1)
    epoch_of(used, 0)
    again = epoch_of(used, 1)
    assert ids(first)[:9] == ids(again)
    for (image, _), (other, _) in zip(first, again, strict=False):
        assert torch.equal(image, other)
    for seed, epoch in ((0, 0), (1, 1)):
        assert ids(epoch_of(loader(seed=seed), epoch)) != ids(first)


def test_an_image_is_mirrored_in_some_epochs() -> None:
    plain = examples()
    mirrored = []
    for epoch in range(6):
        for image, target in epoch_of(loader(), epoch):
            original, _ = plain[target["image_id"], False]
            assert torch.equal(image, original) or torch.equal(image, original.flip(2))
            mirrored.append(not torch.equal(image, original))
    assert 0.3 < np.mean(mirrored) < 0.7


def test_evaluates_every_image_once_as_it_is() -> None:
    pairs = epoch_of(loader(seed=None), 3)
    assert ids(pairs) == list(range(11))
    for index, (image, _) in enumerate(pairs):
        assert torch.equal(image, examples()[index, False][0])


@pytest.mark.parametrize(("num_images", "accumulate", "num_batches"), [(11, 1, 5), (11, 2, 4), (11, 3, 3), (1, 1, 1)])
def test_an_epoch_ends_with_a_whole_step(num_images: int, accumulate: int, num_batches: int) -> None:
    batches = loader(num_images, accumulate=accumulate)
    assert len(batches) == num_batches == len(list(batches))


@pytest.mark.parametrize("seed", [0, None])
def test_ranks_share_each_batch(seed: int | None) -> None:
    whole = loader(batch_size=4, seed=seed)
    whole.set_epoch(1)
    shares = []
    for index in range(2):
        shared = loader(batch_size=4, seed=seed)
        shared.share = Share(index=index, number=2)
        shared.set_epoch(1)
        shares.append(list(shared))
    for step, (images, targets) in enumerate(whole):
        for index, of_rank in enumerate(shares):
            assert same([of_rank[step]], [(images[index::2], targets[index::2])])


@pytest.mark.parametrize("served", [0, 1, 3, 5])
def test_resumes_in_mid_epoch(served: int) -> None:
    whole = loader()
    whole.set_epoch(2)
    batches = list(whole)
    stopped = loader()
    stopped.set_epoch(2)
    list(itertools.islice(stopped, served))
    resumed = loader()
    resumed.load_state_dict(stopped.state_dict())
    iterator = iter(resumed)
    resumed.sampler.set_epoch(2)
    assert same(list(iterator), batches[served:] if served < 5 else batches)


def test_leaves_the_global_generators_alone() -> None:
    before, before_numpy = torch.get_rng_state(), np.random.get_state()[1].tolist()
    epoch_of(loader(), 0)
    assert torch.equal(torch.get_rng_state(), before)
    assert np.random.get_state()[1].tolist() == before_numpy
