"""Activation statistics of a classifier's attention over many test images, and their figure."""

import io
from collections.abc import Iterator
from dataclasses import replace

import torch
from torch import nn

from attnbench.data import ImageData
from attnbench.looking.look import Look
from attnbench.looking.tiles import identity
from attnbench.pictures import Picture
from attnbench.printable import printable
from attnbench.report.plots.figure import plot_style
from attnbench.visualize import STATISTICS_LEGEND, activation_statistics, plot_statistics


def with_statistics(look: Look, model: nn.Module, data: ImageData, *, number: int) -> Look:
    """A look with the statistics of all its attention modules; as it was where it has none.

    Args:
        look: What the model does with a few images.
        model: The model, in evaluation mode.
        data: The data set, read.
        number: Test images that are counted, the first ones.
    """
    if not look.views:
        return look
    device = next(model.parameters()).device
    return replace(look, statistics=tuple(activation_statistics(model, _batches(data, number, device))))


def draw_statistics(look: Look, *, file: str, maker: str) -> tuple[Picture, bytes]:
    """A figure of the statistics of a look, which has some.

    Args:
        look: The classifier.
        file: Name of the picture.
        maker: What the file says of its origin.
    """
    title = f"{look.name}: attention over {look.statistics[0].num_images:,} test images"
    with plot_style():
        figure = plot_statistics(look.statistics, title=title)
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=150, metadata={"Software": maker})
    words = "; ".join(f"{name}: {meaning}" for name, meaning in STATISTICS_LEGEND.items())
    caption = (
        f"What the attention modules do over the first {look.statistics[0].num_images:,} test images of "
        f"{look.spec.data}, layer by layer, of {identity(look)}. {words}."
    )
    return Picture(file=file, title=title, caption=printable(caption)), content.getvalue()


def _batches(data: ImageData, number: int, device: torch.device) -> Iterator[torch.Tensor]:
    loader = data.test_dataloader()
    for images, _ in loader.batches(loader.order()[:number], 0):
        if not len(images):
            return
        yield images.to(device)
