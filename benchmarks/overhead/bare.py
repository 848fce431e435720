"""A leaderboard's trainings as a loop in plain PyTorch: the least that they can take.

    python -m benchmarks.overhead.bare SUITE TENSORS

The models are attnbench's, and so are the numbers that order and move the images, so that each training can be held
to attnbench's bit by bit. All else is written anew: no Lightning, no metrics' package, nothing of attnbench's own
training. The images lie in memory and are moved and normalised a batch at a time, on the device.
"""

import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from torch import nn
from torch.nn import functional

import attnbench
from attnbench.spec import Recipe, SuiteSpec
from attnbench.spec_io import from_yaml

Tensors: TypeAlias = dict[str, torch.Tensor]
"""`train_images`, `train_labels` and those of `validation` and `test`; `mean` and `std` of each channel."""

ORDER, AUGMENTATION = 0, 1
"""What attnbench's numbers are drawn for."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What one pass over a split gave."""

    top1_percent: float
    top5_percent: float
    loss: float


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What one training gave."""

    attention: str
    seed: int
    train_losses: list[float]
    """Of each epoch."""
    validation: list[Scores]
    """Of each epoch."""
    test: Scores
    test_correct: list[bool]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train all runs of a suite, and print what they gave as JSON."""
    suite_file, tensors_file = map(Path, sys.argv[1:] if arguments is None else arguments)
    suite = from_yaml(suite_file.read_text(encoding="utf-8"), SuiteSpec, source=str(suite_file))
    tensors = torch.load(tensors_file, weights_only=True)
    print(json.dumps([asdict(trained) for trained in train_all(suite, tensors)]))
    return 0


def train_all(suite: SuiteSpec, tensors: Tensors) -> list[Trained]:
    """The trainings of a suite, one after the other, as attnbench orders them."""
    torch.set_num_threads(suite.compute.threads)
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    torch.use_deterministic_algorithms(suite.compute.deterministic)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    on_gpu = suite.compute.device != "cpu" and torch.cuda.is_available()
    device = torch.device("cuda" if on_gpu else "cpu")
    moved = {name: tensor.to(device) for name, tensor in tensors.items()}
    return [train(suite, attention, seed, moved)[0] for seed in suite.seeds for attention in suite.attention]


def train(suite: SuiteSpec, attention: str, seed: int, tensors: Tensors) -> tuple[Trained, nn.Module]:
    """One training, and the model with the selected weights."""
    recipe, images, labels = suite.recipe, tensors["train_images"], tensors["train_labels"]
    _, channels, height, width = images.shape
    num_classes = int(labels.max()) + 1
    model = attnbench.create_model(
        suite.backbone, attention, num_classes=num_classes, in_channels=channels, image_size=(height, width), seed=seed
    ).to(images.device, memory_format=torch.channels_last if suite.compute.channels_last else torch.contiguous_format)
    torch.manual_seed(seed)
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=recipe.learning_rate,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
    )
    steps_an_epoch = max(1, len(images) // recipe.batch_size)
    step = 0
    train_losses, validation, best = list[float](), list[Scores](), dict[str, torch.Tensor]()
    for epoch in range(recipe.epochs):
        model.train()
        losses = []
        for pixels, wanted in training_batches(tensors, recipe, seed, epoch):
            optimizer.param_groups[0]["lr"] = recipe.learning_rate * rate(recipe, step / steps_an_epoch)
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(pixels), wanted, label_smoothing=recipe.label_smoothing)
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            losses.append(loss.detach())
            step += 1
        train_losses.append(float(torch.stack(losses).double().mean()))
        validation.append(evaluate(model, tensors, "validation", recipe)[0])
        if validation[-1].top1_percent > max((scores.top1_percent for scores in validation[:-1]), default=-1):
            best = {name: value.clone() for name, value in model.state_dict().items()}
    if recipe.selection == "best":
        model.load_state_dict(best)
    test, correct = evaluate(model, tensors, "test", recipe)
    made = Trained(
        attention=attention,
        seed=seed,
        train_losses=train_losses,
        validation=validation,
        test=test,
        test_correct=correct.tolist(),
    )
    return made, model


def training_batches(
    tensors: Tensors, recipe: Recipe, seed: int, epoch: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """The batches of an epoch: shuffled, cropped, mirrored and normalised."""
    images, labels = tensors["train_images"], tensors["train_labels"]
    number, size = len(images), min(recipe.batch_size, len(images))
    order = torch.randperm(number, generator=generator(seed, epoch, 0, ORDER)).to(images.device)
    moves = draw_moves(number // size, size, recipe, seed, epoch).to(images.device)
    padded, channels = reflected(images, recipe.crop_padding), torch.arange(images.shape[1], device=images.device)
    for step in range(number // size):
        chosen = order[step * size : (step + 1) * size]
        if recipe.crop_padding or recipe.horizontal_flip:
            down, right, mirrored = moves[step]
            rows = torch.arange(images.shape[2], device=images.device) + down[:, None]
            columns = torch.arange(images.shape[3], device=images.device).expand(size, -1)
            columns = torch.where(mirrored[:, None].bool(), columns.flip(1), columns) + right[:, None]
            pixels = padded[
                chosen[:, None, None, None], channels[:, None, None], rows[:, None, :, None], columns[:, None, None, :]
            ]
        else:
            pixels = images[chosen]
        yield normalised(pixels, tensors), labels[chosen]


def draw_moves(num_steps: int, size: int, recipe: Recipe, seed: int, epoch: int) -> torch.Tensor:
    """Rows down, columns to the right and whether to mirror, of each image: (num_steps, 3, size)."""
    moves = torch.empty(num_steps, 3, size, dtype=torch.int64)
    for step in range(num_steps):
        numbers = generator(seed, epoch, step, AUGMENTATION)
        for place, highest in enumerate((2 * recipe.crop_padding, 2 * recipe.crop_padding, 1)):
            moves[step, place] = torch.randint(highest + 1, (size,), generator=numbers)
    return moves if recipe.horizontal_flip else moves * torch.tensor([[1], [1], [0]])


def reflected(images: torch.Tensor, padding: int) -> torch.Tensor:
    """Images with a border that mirrors them."""
    rows, columns = (
        (size - 1 - (size - 1 - torch.arange(-padding, size + padding, device=images.device).abs()).abs())
        for size in images.shape[2:]
    )
    return images[:, :, rows][:, :, :, columns]


def generator(seed: int, epoch: int, index: int, purpose: int) -> torch.Generator:
    """attnbench's numbers, which depend on nothing else."""
    (mixed,) = np.random.SeedSequence([seed, epoch, index, purpose]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(mixed))


def normalised(pixels: torch.Tensor, tensors: Tensors) -> torch.Tensor:
    """Grey levels by mean and deviation."""
    mean, scale = tensors["mean"].view(1, -1, 1, 1), 1 / tensors["std"].view(1, -1, 1, 1)
    return pixels.float().sub_(mean).mul_(scale)


def rate(recipe: Recipe, epoch: float) -> float:
    """What the learning rate is multiplied with: a linear warm-up, then half a cosine."""
    if epoch < recipe.warmup_epochs:
        return epoch / recipe.warmup_epochs
    progress = (epoch - recipe.warmup_epochs) / (recipe.epochs - recipe.warmup_epochs)
    return round(0.5 * (1 + math.cos(math.pi * progress)), 12)


@torch.inference_mode()
def evaluate(model: nn.Module, tensors: Tensors, split: str, recipe: Recipe) -> tuple[Scores, torch.Tensor]:
    """Accuracies and loss on a split, and whether each image is right."""
    images, labels = tensors[f"{split}_images"], tensors[f"{split}_labels"]
    model.eval()
    loss, correct, among_five = torch.zeros((), device=images.device), [], []
    for start in range(0, len(images), recipe.batch_size):
        part = slice(start, start + recipe.batch_size)
        logits = model(normalised(images[part], tensors))
        loss += functional.cross_entropy(logits, labels[part], reduction="none").sum()
        correct.append(logits.argmax(1) == labels[part])
        among_five.append((logits.topk(min(5, logits.shape[1])).indices == labels[part, None]).any(1))
    right = torch.cat(correct)
    top1, top5 = (100 * float(hits.sum().float() / len(images)) for hits in (right, torch.cat(among_five)))
    return Scores(top1_percent=top1, top5_percent=top5, loss=float(loss / len(images))), right.cpu()


if __name__ == "__main__":
    sys.exit(main())
