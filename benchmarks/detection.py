"""Each detector beside torchvision's own on the same backbone: seconds of a step, and the most memory it needs.

    python benchmarks/detection.py --output results

A training step is forward, backward and SGD's update on the same images and boxes. An inference step goes from the
image to final boxes; the detectors are not trained, and their boxes score too low for a mask head to run.
The two detectors of a row take turns, so that a drift of the machine meets both. torchvision's builds its body by its
own ResNet with trained batch norms, so that both train the same layers. It has no Cascade R-CNN; that row stands
beside its Faster R-CNN, and shows what two more heads cost. Memory is the peak of a process that makes one
detector and takes two training steps.
"""

import argparse
import json
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median_high
from typing import Any

import torch
from rich.console import Console
from rich.table import Table
from torch import nn
from torchvision.models import resnet18, resnet50
from torchvision.models.detection import FasterRCNN, MaskRCNN, RetinaNet
from torchvision.models.detection.backbone_utils import _resnet_fpn_extractor
from torchvision.ops.feature_pyramid_network import LastLevelP6P7

from attnbench.detection import create_detector
from attnbench.environment import capture_environment
from attnbench.hardware import resolve_device
from attnbench.measure.memory import memory_scope, peak_memory_bytes
from attnbench.measure.stopwatch import Step
from attnbench.measure.timing import time_interleaved
from attnbench.spec import Compute
from attnbench.stats import paired_ratio_interval

PEERS = {"faster-rcnn": FasterRCNN, "mask-rcnn": MaskRCNN, "cascade-rcnn": FasterRCNN, "retinanet": RetinaNet}
BODIES = {"resnet18": resnet18, "resnet50": resnet50}
CLASSES = 90
OURS, THEIRS = "attnbench", "torchvision"


@dataclass(frozen=True)
class Row:
    """One detector beside its peer; ratios are ours over theirs."""

    detector: str
    training_ms: float
    training_ratio: tuple[float, float, float]
    inference_ms: float
    inference_ratio: tuple[float, float, float]
    rounds: int
    peak_bytes: int
    peak_bytes_of_peer: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--detectors", nargs="+", choices=tuple(PEERS), default=list(PEERS))
    parser.add_argument("--backbone", choices=tuple(BODIES), default="resnet50")
    parser.add_argument("--size", type=int, default=320, help="height and width of the images")
    parser.add_argument("--batch-size", type=int, default=2)
    parser.add_argument("--budget", type=float, default=120, help="seconds for each pair of steps")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, default=1, help="of a CPU")
    parser.add_argument("--output", type=Path, help="folder for detection.json and detection.txt")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    settings = settings_of(options)
    rows = []
    for detector in options.detectors:
        rows.append(measure(detector, settings))
        if options.output is not None:
            write(options.output, settings, rows)
    show(settings, rows, Console())
    return 0


def settings_of(options: argparse.Namespace) -> dict[str, Any]:
    """What is measured, and where."""
    compute = Compute(device=options.device, threads=options.threads)
    device = resolve_device(compute)
    return {
        "backbone": options.backbone,
        "size": options.size,
        "images": options.batch_size,
        "budget_s": options.budget,
        "device": device.type,
        "threads": options.threads,
        "memory_scope": memory_scope(device),
        "command": f"python benchmarks/detection.py --detectors {' '.join(options.detectors)} "
        f"--backbone {options.backbone} --size {options.size} "
        f"--batch-size {options.batch_size} --budget {options.budget:g} --device {device.type} "
        f"--threads {options.threads}",
        "environment": asdict(capture_environment(compute)),
    }


def measure(detector: str, settings: dict[str, Any]) -> Row:
    """Both detectors' steps in turn, and each one's memory in a process of its own."""
    made = {side: make(side, detector, settings) for side in (OURS, THEIRS)}
    training = timed({side: training_step(model, detector, settings) for side, model in made.items()}, settings)
    inference = timed({side: inference_step(model, settings) for side, model in made.items()}, settings)
    del made
    peaks = {}
    for side in (OURS, THEIRS):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            peaks[side] = pool.submit(peak_of, side, detector, settings).result()
    ratios = [paired_ratio_interval(ms[OURS], ms[THEIRS]) for ms in (training, inference)]
    return Row(
        detector=detector,
        training_ms=median_high(training[OURS]),
        training_ratio=(ratios[0].median, ratios[0].low, ratios[0].high),
        inference_ms=median_high(inference[OURS]),
        inference_ratio=(ratios[1].median, ratios[1].low, ratios[1].high),
        rounds=len(training[OURS]),
        peak_bytes=peaks[OURS],
        peak_bytes_of_peer=peaks[THEIRS],
    )


def timed(steps: dict[str, Step], settings: dict[str, Any]) -> dict[str, tuple[float, ...]]:
    """Milliseconds of each side's steps."""
    return time_interleaved(
        steps, baseline=THEIRS, device=torch.device(settings["device"]), half_width=0, budget_s=settings["budget_s"]
    ).ms


def make(side: str, detector: str, settings: dict[str, Any]) -> nn.Module:
    """One side's detector, in training mode."""
    torch.manual_seed(0)
    size = settings["size"]
    if side == OURS:
        model = create_detector(detector, settings["backbone"], num_classes=CLASSES, short_side=size, long_side=size)
    else:
        body = BODIES[settings["backbone"]](weights=None)
        coarser = LastLevelP6P7(body.fc.in_features, 256)
        of_retinanet = {"returned_layers": [2, 3, 4], "extra_blocks": coarser} if detector == "retinanet" else {}
        pyramid = _resnet_fpn_extractor(body, 5, **of_retinanet)
        model = PEERS[detector](pyramid, CLASSES + 1, min_size=size, max_size=size)
    return model.to(settings["device"]).train()


def training_step(model: nn.Module, detector: str, settings: dict[str, Any]) -> Step:
    """Forward, backward and update, always on the same images."""
    images, targets = batch(settings, with_masks=detector == "mask-rcnn")
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-5, momentum=0.9)

    def step() -> None:
        model.train()
        loss = torch.stack(list(model(images, targets).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def inference_step(model: nn.Module, settings: dict[str, Any]) -> Step:
    """From images to final boxes."""
    images, _ = batch(settings, with_masks=False)

    def step() -> None:
        model.eval()
        with torch.inference_mode():
            model(images)

    return step


def batch(settings: dict[str, Any], *, with_masks: bool) -> tuple[list[torch.Tensor], list[dict[str, torch.Tensor]]]:
    """Noise with eight objects an image, small and large."""
    generator = torch.Generator().manual_seed(0)
    size, device = settings["size"], settings["device"]
    images, targets = [], []
    for _ in range(settings["images"]):
        images.append(torch.rand(3, size, size, generator=generator).to(device))
        sides = torch.linspace(size / 20, size / 2, 8)
        corners = torch.rand(8, 2, generator=generator) * (size - sides)[:, None]
        boxes = torch.cat([corners, corners + sides[:, None]], dim=1)
        target = {"boxes": boxes, "labels": torch.randint(1, CLASSES + 1, (8,), generator=generator)}
        if with_masks:
            target["masks"] = torch.zeros(8, size, size, dtype=torch.uint8)
            for mask, (x0, y0, x1, y1) in zip(target["masks"], boxes.int().tolist(), strict=True):
                mask[y0:y1, x0:x1] = 1
        targets.append({name: value.to(device) for name, value in target.items()})
    return images, targets


def peak_of(side: str, detector: str, settings: dict[str, Any]) -> int:
    """The most memory of one side's second training step, in this process."""
    torch.set_num_threads(settings["threads"])
    step = training_step(make(side, detector, settings), detector, settings)
    step()
    return peak_memory_bytes(step, torch.device(settings["device"]))


def write(folder: Path, settings: dict[str, Any], rows: list[Row]) -> None:
    """Write what there is so far."""
    folder.mkdir(parents=True, exist_ok=True)
    written = {"settings": settings, "rows": [asdict(row) for row in rows]}
    (folder / "detection.json").write_text(json.dumps(written, indent=1) + "\n", encoding="utf-8")
    with (folder / "detection.txt").open("w", encoding="utf-8") as file:
        show(settings, rows, Console(file=file, width=120))


def show(settings: dict[str, Any], rows: list[Row], console: Console) -> None:
    """Print heading and table."""
    environment = settings["environment"]
    console.print(
        f"Detectors on {settings['backbone']} beside torchvision {environment['packages']['torchvision']}'s, "
        f"{settings['images']} images of {settings['size']}×{settings['size']} a step\n"
        f"{environment['processor']}, {environment['device']}, {settings['threads']} threads, "
        f"torch {environment['packages']['torch']}\n{settings['command']}\n"
        "Ratios are attnbench's time over torchvision's: median of the rounds and its 95 % interval.\n"
        f"Memory: {settings['memory_scope']}.\n",
        highlight=False,
    )
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("detector", "training ms", "ratio", "inference ms", "ratio", "peak MB", "ratio", "rounds"):
        table.add_column(column, justify="left" if column == "detector" else "right", no_wrap=True)
    for row in rows:
        table.add_row(
            row.detector,
            f"{row.training_ms:.0f}",
            shown(row.training_ratio),
            f"{row.inference_ms:.0f}",
            shown(row.inference_ratio),
            f"{row.peak_bytes / 1e6:.0f}",
            f"{row.peak_bytes / row.peak_bytes_of_peer:.3f}",
            str(row.rounds),
        )
    console.print(table)
    if any(row.detector == "cascade-rcnn" for row in rows):
        console.print("\ncascade-rcnn stands beside torchvision's Faster R-CNN: it has no Cascade.", highlight=False)


def shown(ratio: tuple[float, float, float]) -> str:
    """Median and interval."""
    middle, low, high = ratio
    return f"{middle:.3f} [{low:.3f} … {high:.3f}]"


if __name__ == "__main__":
    sys.exit(main())
