"""timm's own training script beside `attnbench train`: the same network, images, recipe and number of passes.

The script is `train.py` of https://github.com/huggingface/pytorch-image-models, which is not in timm's wheel. Both read
the same folder of images by as many processes and move them alike, by random resized crops and mirroring. Both
validate after each epoch. attnbench reads the test images besides, counts operations and times a forward pass.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image

from benchmarks.overhead.bare import Tensors
from benchmarks.overhead.spent import Spent, of_command

SIZE, BATCH_SIZE, RATE, DECAY = 32, 64, 0.05, 5e-4


@dataclass(frozen=True, kw_only=True)
class Beside:
    """Both trainings, one right after the other, in processes of their own."""

    timm: Spent
    attnbench: Spent


def write_folder(tensors: Tensors, root: Path) -> None:
    """The images of three splits as a folder of PNG files, in train/, val/ and test/."""
    for split, part in {"train": "train", "validation": "val", "test": "test"}.items():
        for label in tensors[f"{split}_labels"].unique().tolist():
            (root / part / str(label)).mkdir(parents=True)
        pairs = zip(tensors[f"{split}_images"], tensors[f"{split}_labels"].tolist(), strict=True)
        for index, (pixels, label) in enumerate(pairs):
            image = Image.fromarray(pixels.expand(3, -1, -1).permute(1, 2, 0).contiguous().numpy())
            image.save(root / part / str(label) / f"{index:06}.png")


def measure_timm(
    script: Path, tensors: Tensors, *, rounds: int, model: str, epochs: int, readers: int, device: str, threads: int
) -> list[Beside]:
    """Train by timm's script and by attnbench, in turn.

    Args:
        script: timm's `train.py`.
        tensors: The images.
        rounds: How often.
        model: A model that timm knows by that name.
        epochs: Passes over the training images.
        readers: Processes that read images; 0 reads in the one that trains.
        device: ``cpu`` or ``cuda``.
        threads: CPU threads of attnbench; timm's script has what `OMP_NUM_THREADS` says, which must be the same.
    """
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "images"
        write_folder(tensors, root)
        num_classes = int(torch.cat([tensors[f"{split}_labels"] for split in ("train", "test")]).max()) + 1
        theirs = (
            f"--data-dir {root} --model {model} --num-classes {num_classes} --img-size {SIZE} --epochs {epochs} "
            f"--batch-size {BATCH_SIZE} --opt sgd --momentum 0.9 --weight-decay {DECAY} --lr {RATE} --sched cosine "
            f"--warmup-epochs 0 --min-lr 0 --color-jitter 0 --hflip 0.5 --workers {readers} --device {device} "
            f"--channels-last --output {folder}/timm"
        )
        ours = (
            f"train --attention none --backbone {model} --data folder:image_size={SIZE},workers={readers} "
            f"--root {root} --epochs {epochs} --batch-size {BATCH_SIZE} --learning-rate {RATE} --weight-decay {DECAY} "
            f"--set recipe.warmup_epochs=0 --set recipe.label_smoothing=0 --set measure.throughput_rounds=1 "
            f"--precision float32 --device {device} --threads {threads}"
        )
        for number in range(rounds):
            timm = of_command([sys.executable, str(script), *theirs.split()])
            words = [*ours.split(), "--store", f"{folder}/records-{number}"]
            attnbench = of_command([sys.executable, "-m", "attnbench", *words])
            measured.append(Beside(timm=timm, attnbench=attnbench))
    return measured
