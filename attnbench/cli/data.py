"""`attnbench data`: writes a made detection data set for other tools, and checks a user's own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table

from attnbench.printable import printable

if TYPE_CHECKING:
    from attnbench.data.detection import DetectionData

data = App(name="data", help="Write an embedded detection data set as a folder, or check one of your own.")


@data.command
def make(
    name: Annotated[str, Parameter(name="NAME")] = "cluttered-scenes",
    /,
    *,
    out: Path,
    root: str | None = None,
) -> int:
    """Write a detection data set as images with annotations in COCO's JSON format.

    Made images are written as PNG; files of images are copied as they are, under their names.
    Images go to train/, validation/ and test/, annotations to annotations/train.json and so on.

    Parameters
    ----------
    name
        Data set with its settings, such as cluttered-scenes:items=fashion-mnist,size=256.
    out
        Folder to write; it must be empty, missing, or hold this very data set.
    root
        Folder of what it is made from, where it has one.
    """
    from attnbench.data.detection.writing import write_folder

    made = _set_up(name, root=root, annotations=None)
    files = write_folder(made, out, description=f"attnbench {name}")
    console = Console()
    _print_counts(console, made)
    console.print(f"The images and annotations are in {out}.", highlight=False, markup=False, soft_wrap=True)
    annotations = " ".join(str(files[split].relative_to(out)) for split in ("train", "test"))
    options = f"--data coco --root {out} --annotations {annotations}"
    console.print(
        f"To train on them: attnbench leaderboard --task detection {options}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    return 0


@data.command
def check(
    *,
    root: str,
    annotations: Annotated[tuple[str, str] | None, Parameter(show_default=False)] = None,
    name: Annotated[str, Parameter(name="--data")] = "coco",
) -> int:
    """Read a folder of images with annotations in COCO's format, and say what is in it and what is broken.

    Parameters
    ----------
    root
        Folder of the data set.
    annotations
        Files of the training and of the test annotations within it; by default those of COCO 2017.
    name
        Data set with its settings, such as coco:validation_images=500.
    """
    from attnbench.data.detection import fault_sentences

    checked = _set_up(name, root=root, annotations=annotations)
    console = Console()
    _print_counts(console, checked)
    sentences = fault_sentences(checked.faults)
    for sentence in sentences or ["Nothing is broken in the annotations."]:
        console.print(sentence, highlight=False)
    return 0


def _set_up(name: str, *, root: str | None, annotations: tuple[str, str] | None) -> "DetectionData":
    from attnbench.data.detection import build_detection_data
    from attnbench.detection_spec import DetectionRecipe

    built = build_detection_data(name, root=root, annotations=annotations, recipe=DetectionRecipe(), seed=0)
    built.prepare_data()
    built.setup()
    return built


def _print_counts(console: Console, built: "DetectionData") -> None:
    from attnbench.data.base import SPLITS

    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("split")
    for column in ("images", "objects", "small", "medium", "large", "crowd"):
        table.add_column(column, justify="right")
    for split in SPLITS:
        if built.num_images[split]:
            counts = built.split(split).annotations.count_objects()
            table.add_row(split, f"{built.num_images[split]:,}", *(f"{number:,}" for number in counts.values()))
    console.print(table)
    console.print(f"{built.num_classes} classes: {printable(', '.join(built.classes))}", highlight=False, markup=False)
