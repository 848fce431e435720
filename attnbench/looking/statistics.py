"""Activation statistics of a classifier's attention over many test images, and their figure."""

import io
from dataclasses import replace

from torch import nn

from attnbench.data import ImageData
from attnbench.looking.images import batches_of
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
    batches = batches_of(data, range(min(number, data.num_images["test"])))
    images = (images.to(device) for images, _ in batches)
    return replace(look, statistics=tuple(activation_statistics(model, images)))


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
