import itertools
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.callbacks import Callback
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from attnbench.data.augmentation import crop_and_flip, draw_placements
from attnbench.data.loader import TensorLoader, seeded_generator
from attnbench.ranks import Share


def loader(num_images: int = 22, *, seed: int | None = 0, batch_size: int = 4, **augmentation: Any) -> TensorLoader:
    pixels = torch.randint(256, (num_images, 2, 6, 6), generator=torch.Generator().manual_seed(9), dtype=torch.uint8)
    return TensorLoader(
        pixels,
        torch.arange(num_images),
        mean=torch.tensor([100.0, 50.0]),
        std=torch.tensor([2.0, 4.0]),
        batch_size=batch_size,
        seed=seed,
        **augmentation,
    )


def epoch_of(batches: TensorLoader, epoch: int) -> tuple[torch.Tensor, torch.Tensor]:
    batches.set_epoch(epoch)
    images, labels = zip(*batches, strict=True)
    return torch.cat(images), torch.cat(labels)


def test_evaluates_every_image_once_and_in_order() -> None:
    batches = loader(seed=None)
    sizes = [len(labels) for _, labels in batches]
    images, labels = epoch_of(batches, 3)
    assert sizes == [4, 4, 4, 4, 4, 2]
    assert len(batches) == 6
    assert labels.tolist() == list(range(22))
    expected = (batches.images.double() - torch.tensor([100.0, 50.0]).view(2, 1, 1)) / torch.tensor([2.0, 4.0]).view(
        2, 1, 1
    )
    torch.testing.assert_close(images.double(), expected, rtol=1e-6, atol=1e-6)


def test_training_shuffles_and_drops_what_fills_no_batch() -> None:
    batches = loader()
    images, labels = epoch_of(batches, 0)
    assert len(batches) == 5
    assert len(set(labels.tolist())) == 20
    assert labels.tolist() != sorted(labels.tolist())
    torch.testing.assert_close(images[:, 0] * 2 + 100, batches.images[labels, 0].float())


def test_a_split_smaller_than_a_batch_is_one_batch() -> None:
    batches = loader(3)
    assert len(batches) == 1
    assert sorted(epoch_of(batches, 0)[1].tolist()) == [0, 1, 2]


def test_order_and_augmentation_follow_seed_and_epoch_only() -> None:
    settings = {"crop_padding": 2, "horizontal_flip": True}
    first = epoch_of(loader(**settings), 1)
    torch.manual_seed(123)
    used = loader(**settings)
    epoch_of(used, 0)
    again = epoch_of(used, 1)
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    for seed, epoch in ((0, 0), (0, 2), (1, 1), (1, 0)):
        assert epoch_of(loader(seed=seed, **settings), epoch)[1].tolist() != first[1].tolist()


def test_augmentation_changes_with_the_epoch_and_not_the_order() -> None:
    plain, augmented = loader(), loader(horizontal_flip=True)
    moved = []
    for epoch in range(2):
        (images, labels), (flipped, same) = epoch_of(plain, epoch), epoch_of(augmented, epoch)
        assert torch.equal(labels, same)
        is_mirrored = (flipped == images.flip(3)).flatten(1).all(1)
        assert torch.equal(is_mirrored, ~(flipped == images).flatten(1).all(1))
        moved.append(dict(zip(labels.tolist(), is_mirrored.tolist(), strict=True)))
    assert any(moved[0][label] != moved[1][label] for label in moved[0].keys() & moved[1].keys())


@pytest.mark.parametrize("num_images", [22, 3])
def test_each_step_draws_its_own_augmentation(num_images: int) -> None:
    """The numbers must stay what they are: every record was made with them."""
    batches = loader(num_images, crop_padding=2, horizontal_flip=True)
    batches.set_epoch(4)
    for step, (images, labels) in enumerate(batches):
        generator = seeded_generator(0, 4, step, purpose="augmentation")
        moves = draw_placements(len(labels), crop_padding=2, horizontal_flip=True, generator=generator)
        pixels = images * torch.tensor([2.0, 4.0]).view(2, 1, 1) + torch.tensor([100.0, 50.0]).view(2, 1, 1)
        torch.testing.assert_close(pixels, crop_and_flip(batches.images, labels, moves).float())


class _Transfers(TorchDispatchMode):
    """Counts the tensors that are moved from one device to another."""

    number = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        if function is torch.ops.aten._to_copy.default and made.device != args[0].device:
            self.number += 1
        return made


@pytest.mark.parametrize("augmentation", [{}, {"crop_padding": 2, "horizontal_flip": True}])
def test_no_step_moves_anything_to_the_device(augmentation: dict[str, Any]) -> None:
    """A GPU is waited for at each transfer. Here tensors without content stand for those on it."""
    transfers = []
    for num_images in (8, 80):
        pixels = torch.empty(num_images, 2, 6, 6, dtype=torch.uint8, device="meta")
        labels = torch.empty(num_images, dtype=torch.int64, device="meta")
        level = torch.ones(2)
        batches = TensorLoader(pixels, labels, mean=level, std=level, batch_size=4, seed=0, **augmentation)
        with _Transfers() as counted:
            assert len(list(batches)) == num_images // 4
        transfers.append(counted.number)
    assert transfers == [4 if augmentation else 1] * 2


def test_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    epoch_of(loader(crop_padding=1, horizontal_flip=True), 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_generators_of_neighbours_are_unrelated() -> None:
    places = itertools.product((0, 1), (0, 1), (0, 1), ("order", "augmentation"))
    draws = torch.stack(
        [torch.rand(2_000, generator=seeded_generator(*place[:3], purpose=place[3])) for place in places]
    )
    assert (torch.corrcoef(draws) - torch.eye(16)).abs().max() < 0.12


@pytest.mark.parametrize("served", [0, 1, 3, 5])
def test_resumes_in_mid_epoch(served: int) -> None:
    settings = {"crop_padding": 2, "horizontal_flip": True}
    whole = loader(**settings)
    whole.set_epoch(2)
    batches = list(whole)
    stopped = loader(**settings)
    stopped.set_epoch(2)
    list(itertools.islice(stopped, served))
    state = stopped.state_dict()
    assert state == {"epoch": 2, "served": served}

    resumed = loader(**settings)
    resumed.load_state_dict(state)
    assert len(resumed) == 5
    iterator = iter(resumed)
    resumed.set_epoch(2)
    rest = list(iterator)
    expected = batches[served:] if served < 5 else batches
    assert len(rest) == len(expected)
    for (images, labels), (expected_images, expected_labels) in zip(rest, expected, strict=True):
        assert torch.equal(images, expected_images)
        assert torch.equal(labels, expected_labels)
    resumed.set_epoch(3)
    whole.set_epoch(3)
    assert [labels.tolist() for _, labels in resumed] == [labels.tolist() for _, labels in whole]


def test_ranks_share_each_batch_with_the_augmentation_of_one_process() -> None:
    settings = {"crop_padding": 2, "horizontal_flip": True}
    whole = loader(**settings)
    whole.set_epoch(3)
    batches = list(whole)
    for index in range(2):
        shared = loader(**settings)
        shared.share = Share(index=index, number=2)
        shared.set_epoch(3)
        assert len(shared) == 5
        for (images, labels), (all_images, all_labels) in zip(shared, batches, strict=True):
            assert torch.equal(images, all_images[index::2])
            assert torch.equal(labels, all_labels[index::2])


@pytest.mark.parametrize(
    ("num_images", "sizes"), [(8, ([2, 2], [2, 2])), (9, ([2, 2, 1], [2, 2])), (10, ([2, 2, 1], [2, 2, 1]))]
)
def test_each_image_is_evaluated_by_one_rank(num_images: int, sizes: tuple[list[int], list[int]]) -> None:
    met: list[int] = []
    for index in range(2):
        shared = loader(num_images, seed=None)
        shared.share = Share(index=index, number=2)
        batches = [labels.tolist() for _, labels in shared]
        assert list(map(len, batches)) == sizes[index]
        assert len(shared) == len(batches)
        met += [label for batch in batches for label in batch]
    assert sorted(met) == list(range(num_images))


def test_a_checkpoint_of_another_epoch_does_not_shorten_the_next() -> None:
    batches = loader()
    batches.load_state_dict({"epoch": 0, "served": 3})
    assert len(epoch_of(batches, 1)[1]) == 20


class _Recording(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(72, 1)
        self.seen: list[tuple[int, list[int]]] = []

    def training_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_index: int) -> torch.Tensor:
        images, labels = batch
        self.seen.append((self.current_epoch, labels.tolist()))
        return self.linear(images.flatten(1)).square().mean()

    def validation_step(self, batch: tuple[torch.Tensor, torch.Tensor], batch_index: int) -> None:
        pass

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=1e-6)


class _Stop(Callback):
    def __init__(self, step: int, checkpoint: Path) -> None:
        self.step = step
        self.checkpoint = checkpoint

    def on_train_batch_end(self, trainer: lightning.Trainer, *args: Any) -> None:
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.checkpoint)
            raise RuntimeError("stopped by the test")


def trainer(*callbacks: Callback) -> lightning.Trainer:
    return lightning.Trainer(
        max_epochs=3,
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


# Lightning uses what torch has deprecated.
@pytest.mark.filterwarnings("ignore:GPU available but not used", "ignore:.*LeafSpec.*:FutureWarning")
@pytest.mark.parametrize("step", [2, 5, 8])
def test_lightning_sets_the_epoch_and_resumes_with_the_rest_of_it(tmp_path: Path, step: int) -> None:
    whole = _Recording()
    trainer().fit(whole, loader(), loader(seed=None))
    orders = [epoch_of(loader(), epoch)[1].view(5, 4).tolist() for epoch in range(3)]
    expected = [(epoch, labels) for epoch, order in enumerate(orders) for labels in order]
    assert whole.seen == expected

    with pytest.raises(RuntimeError, match="stopped by the test"):
        trainer(_Stop(step, tmp_path / "checkpoint")).fit(_Recording(), loader(), loader(seed=None))
    resumed = _Recording()
    trainer().fit(resumed, loader(), loader(seed=None), ckpt_path=tmp_path / "checkpoint")
    assert resumed.seen == expected[step:]
