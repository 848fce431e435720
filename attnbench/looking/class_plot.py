"""A plot of the channel weights of each class."""

import io

from attnbench.looking.images import Images
from attnbench.looking.look import Look
from attnbench.looking.tiles import class_name, identity
from attnbench.pictures import Picture
from attnbench.printable import printable
from attnbench.report.plots.figure import plot_style
from attnbench.visualize import plot_channel_weights


def draw_class_weights(look: Look, images: Images, *, file: str, maker: str) -> tuple[Picture, bytes]:
    """A plot of the channel weights of each class, a panel for each module.

    Args:
        look: The classifier; a module of it must have weights of channels.
        images: The images that they are means over.
        file: Name of the picture.
        maker: What the file says of its origin.
    """
    assert images.labels is not None
    classes = {label: class_name(look, label) for label in dict.fromkeys(images.labels.tolist())}
    title = f"{look.name}: channel weights by class"
    over = f"Over {images.source}."
    with plot_style():
        figure = plot_channel_weights(look.class_weights, classes, title=title, caption=[over, f"Of {identity(look)}"])
        content = io.BytesIO()
        figure.savefig(content, format="png", dpi=150, metadata={"Software": maker})
    caption = (
        f"Mean value for each channel over the images of a class; black the mean of all classes that have images. "
        f"{over} Where classes share their weights, a module prepares features for all of them; where they differ, it "
        f"tells them apart. Panels: {', '.join(look.class_weights)}."
    )
    return Picture(file=file, title=title, caption=printable(caption)), content.getvalue()
