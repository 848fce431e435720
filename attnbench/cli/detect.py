"""`attnbench detect`: what a trained detector finds, drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter
from rich.console import Console
from rich.table import Table

from attnbench.cli.drawings import SUFFIX, drawings_of, marks_of, one_line, shown, summary_of, write_picture
from attnbench.cli.running import check_counts
from attnbench.errors import SpecError
from attnbench.paths import make_output_folder

if TYPE_CHECKING:
    from torch import nn

    from attnbench.data.detection import DetectionData
    from attnbench.detection.saved import DetectorDescription

_DATA = Group("On a data set, beside what is there (instead of IMAGE)", sort_key=1)
_LEAST_SIDE, _LEAST_SHEET_SIDE, _MOST_SHEET_SIDE = 640, 384, 768
_NUM_IMAGES = 8


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """Test images of a data set."""

    data: Annotated[str | None, Parameter(group=_DATA)] = None
    """Data set with its settings, such as cluttered-scenes; its first test images are drawn on one sheet."""
    num_images: Annotated[int | None, Parameter(group=_DATA)] = None
    """How many; by default 8."""
    root: Annotated[str | None, Parameter(group=_DATA)] = None
    """Folder of the data set, where it has one."""
    annotations: Annotated[tuple[str, str] | None, Parameter(group=_DATA, negative=())] = None
    """Two files of COCO annotations within the root: for training and for the test."""
    localise: Annotated[int | None, Parameter(group=_DATA)] = None
    """Also score how much of the attention lies on the objects, in the first so many test images that have any."""


def detect(
    *images: Annotated[Path, Parameter(name="IMAGE")],
    checkpoint: Path,
    output: Path | None = None,
    score: float = 0.5,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    imports: Annotated[tuple[str, ...], Parameter(name="--import", negative=(), show_default=False)] = (),
    options: DataOptions | None = None,
) -> int:
    """Draw what a trained detector finds in images: boxes with class and score, and masks where it gives them.

    The drawing of photo.jpg is photo-detections.png, beside it or in the folder of
    --output; an older drawing of that name is replaced, an image never. With --data,
    one sheet shows the first test images of a data set, what is there beside what is
    found; it is named after the checkpoint, and goes to the current folder or --output.

    Parameters
    ----------
    images
        Files of the images.
    checkpoint
        The detector: a file of attnbench leaderboard --task detection --checkpoints.
    output
        Folder of the drawings; it is made where it is missing.
    score
        Score from which on detections are drawn. Most detectors give none below 0.05.
    device
        Device; auto takes the GPU where there is one.
    imports
        Python file or module to import first, which registers the attention module, detector or data set of your own;
        may be repeated.
    """
    options = options or DataOptions()
    _check(images, score, options)
    files = drawings_of(images, output)
    model, description = _loaded(checkpoint, device, imports)
    if output is not None:
        make_output_folder(output, option="output")
    if options.data is None:
        _draw_files(files, output, model, description, score)
    else:
        sheet = (output or Path()) / f"{checkpoint.stem}{SUFFIX}"
        _draw_sheet(options.data, options, sheet, model, description, score)
    return 0


def _check(images: Sequence[Path], score: float, options: DataOptions) -> None:
    if not 0 <= score <= 1:
        raise SpecError(f"score must lie in [0, 1]; got score={score}")
    if (options.data is None) != bool(images):
        raise SpecError(f"name files of images or --data, one of them; got {'both' if images else 'neither'}")
    for name in ("num_images", "root", "annotations", "localise"):
        if options.data is None and getattr(options, name) is not None:
            raise SpecError(f"--{name.replace('_', '-')} goes with --data; got it with files of images")
    check_counts(num_images=options.num_images, localise=options.localise)
    for image in images:
        if not image.is_file():
            raise SpecError(f"there is no image {str(image)!r}")


def _loaded(checkpoint: Path, device: str, imports: tuple[str, ...]) -> "tuple[nn.Module, DetectorDescription]":
    with Console(stderr=True).status("Loading torch and the detector …"):
        from attnbench.detection.saved import load_detector
        from attnbench.hardware import resolve_device
        from attnbench.plugins import import_plugins
        from attnbench.spec import Compute

        import_plugins(imports)
        where = resolve_device(Compute(device=device))  # type: ignore[arg-type]
        model, description = load_detector(checkpoint)
        return model.to(where), description


def _draw_files(
    files: dict[Path, Path],
    output: Path | None,
    model: "nn.Module",
    description: "DetectorDescription",
    score: float,
) -> None:
    import numpy as np
    from PIL import ImageOps

    from attnbench.data.folder_loader import read_image
    from attnbench.detections import detect_objects
    from attnbench.visualize import draw_marks, fitting_scale

    for image in files:
        read_image(str(image))  # a damaged one is named before any is drawn
    table = _table("image", "found", "classes, with their best scores")
    for image, file in files.items():
        # As a photo is looked at, and not as the camera was held.
        pixels = np.array(ImageOps.exif_transpose(read_image(str(image))))
        found = detect_objects(model, pixels, least_score=score)
        scale = fitting_scale(*pixels.shape[:2], least=_LEAST_SIDE)
        write_picture(draw_marks(pixels, marks_of(found, description.classes), scale=scale), file)
        table.add_row(shown(image), str(len(found.labels)), summary_of(found, description.classes))
    _print(table, _whereabouts(list(files.values()), output))


def _draw_sheet(
    data: str,
    options: DataOptions,
    sheet: Path,
    model: "nn.Module",
    description: "DetectorDescription",
    score: float,
) -> None:
    from attnbench.detections import annotated_data, annotated_images, detect_objects
    from attnbench.visualize import Panel, contact_sheet, draw_marks, fitting_scale

    pairs = []
    table = _table("image", "there", "found", "classes found, with their best scores")
    read = annotated_data(description, data, root=options.root, annotations=options.annotations)
    for name, pixels, there in annotated_images(read, number=options.num_images or _NUM_IMAGES):
        found = detect_objects(model, pixels, least_score=score)
        scale = fitting_scale(*pixels.shape[:2], least=_LEAST_SHEET_SIDE, most=_MOST_SHEET_SIDE)
        left, right = (
            draw_marks(pixels, marks_of(objects, description.classes), scale=scale) for objects in (there, found)
        )
        numbers = str(len(there.labels)), str(len(found.labels))
        pairs.append((Panel(left, f"{one_line(name)}: {numbers[0]} there"), Panel(right, f"{numbers[1]} found")))
        table.add_row(shown(name), *numbers, summary_of(found, description.classes))
    spec = description.spec
    title = (
        f"{spec.detector.partition(':')[0]} with {spec.attention} in {spec.backbone}, seed {spec.seed}, on the first "
        f"{len(pairs)} test images of {data}: left what is there, right what is found with a score of at least {score}"
    )
    write_picture(contact_sheet(title, pairs), sheet)
    _print(table, f"The sheet is in {shown(sheet)}.")
    if options.localise is not None:
        _print_localisation(model, read, options.localise)


def _print_localisation(model: "nn.Module", data: "DetectionData", num_images: int) -> None:
    from attnbench.cli.localised import print_localisation
    from attnbench.localising_detectors import localise_detector

    with Console(stderr=True).status("Looking at attention …"):
        found = localise_detector(model, data, num_images=num_images)
    print_localisation(found, Console())


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, justify="right" if column in ("there", "found") else "left", overflow="fold")
    return table


def _print(table: Table, sentence: str) -> None:
    console = Console()
    console.print(table, highlight=False)
    console.print(f"\n{sentence}", highlight=False, soft_wrap=True)


def _whereabouts(files: Sequence[Path], output: Path | None) -> str:
    if len(files) == 1:
        return f"The drawing is in {shown(files[0])}."
    where = "beside the images" if output is None else f"in {shown(output)}"
    return f"The drawings are {where}: {shown(files[0].name)} and so on."
