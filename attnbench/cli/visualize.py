"""`attnbench visualize`: what trained classifiers look at, drawn."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Group, Parameter
from rich.console import Console
from rich.table import Table

from attnbench.cli.album import check_replaced, write_pictures
from attnbench.cli.drawings import shown
from attnbench.cli.running import check_counts
from attnbench.errors import SpecError
from attnbench.paths import make_output_folder
from attnbench.variant import split_variants

if TYPE_CHECKING:
    from attnbench.data import ImageData
    from attnbench.looking import Drawn, Images, Look
    from attnbench.models.saved import ClassifierDescription
    from attnbench.pictures import Album

_WHICH = Group("Which of a folder's checkpoints", sort_key=1)
_IMAGES = Group("Which images", sort_key=2)
_FOREIGN = Group("What the weights are of, where the file does not say", sort_key=3)
_DRAWN = Group("What is drawn", sort_key=4)
_NUM_IMAGES = 8
_IMAGES_A_CLASS, _MOST_CLASSES = 32, 10


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LookOptions:
    """Which models, and which images."""

    compare: Annotated[str | None, Parameter(group=_WHICH)] = None
    """Variants of a folder of checkpoints, with commas between them, in the order of the columns: none,se,sge."""
    seed: Annotated[int | None, Parameter(group=_WHICH)] = None
    """Seed of the runs to take of a folder; by default the one that has the most variants, the lowest of several."""
    checkpoints: Annotated[Path | None, Parameter(group=_WHICH)] = None
    """Folder where the weights of records are: that of attnbench leaderboard --checkpoints."""
    images: Annotated[
        tuple[Path, ...], Parameter(group=_IMAGES, negative=(), consume_multiple=True, show_default=False)
    ] = ()
    """Files of images, and folders of them, of any size; by default the first test images of the run's data set, one of
    each class first."""
    num_images: Annotated[int | None, Parameter(group=_IMAGES)] = None
    """How many of the data set, or of a folder; by default 8."""
    attention: Annotated[str | None, Parameter(group=_FOREIGN)] = None
    """Variant, such as none, sge or bam:source=official."""
    backbone: Annotated[str | None, Parameter(group=_FOREIGN)] = None
    """Network, with settings."""
    data: Annotated[str | None, Parameter(group=_FOREIGN)] = None
    """Data set with settings, whose test images are looked at and whose classes the weights know."""
    root: Annotated[str | None, Parameter(group=_FOREIGN)] = None
    """Folder of the data set, where it is not where the run had it."""
    modules: Annotated[
        tuple[str, ...], Parameter(group=_DRAWN, negative=(), consume_multiple=True, show_default=False)
    ] = ()
    """Names of the attention modules whose maps are drawn; by default the last one of each stage."""
    groups: Annotated[int, Parameter(group=_DRAWN)] = 2
    """How many groups of SGE are drawn in each module: those whose gates vary most."""
    statistics: Annotated[int | None, Parameter(group=_DRAWN)] = None
    """Also the statistics of every attention module over the first so many test images: distributions before and after
    normalisation, closed, open and dead gates, and whether groups are distinct or copies."""


def visualize(
    *targets: Annotated[Path, Parameter(name="TARGET")],
    output: Path = Path("pictures"),
    options: LookOptions | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    imports: Annotated[tuple[str, ...], Parameter(name="--import", negative=(), show_default=False)] = (),
) -> int:
    """Draw what trained classifiers look at: Grad-CAM of all side by side, and the maps of each attention module.

    Writes compare.png, VARIANT-maps.png for each variant with attention,
    VARIANT-classes.png where it weights channels, VARIANT-statistics.png with
    --statistics, pictures.json with what each shows, and
    index.html with all of them. attnbench report --pictures puts them into the page of a
    leaderboard. Older pictures of attnbench visualize are replaced, and no other file.

    Parameters
    ----------
    targets
        Checkpoints, folders of them as attnbench leaderboard --checkpoints writes them, or files of records.
    output
        Folder of the pictures; it is made where it is missing.
    device
        Device; auto takes the GPU where there is one.
    imports
        Python file or module to import first, which registers the attention module or data set of your own; may be
        repeated.
    """
    options = options or LookOptions()
    check_counts(num_images=options.num_images, groups=options.groups, statistics=options.statistics)
    if not targets:
        raise SpecError("name a checkpoint, a folder of checkpoints or a record's file; got none")
    make_output_folder(output, option="output")
    with Console(stderr=True).status("Loading torch …") as status:
        looks, drawn = _drawn(targets, options, output, device, imports, say=lambda words: status.update(shown(words)))
    write_pictures(drawn, output)
    if any(look.statistics for look in looks):
        from attnbench.cli.statistics import print_statistics

        print_statistics({look.name: look.statistics for look in looks if look.statistics}, Console())
    _print(drawn.album, output)
    return 0


def _drawn(
    targets: Sequence[Path],
    options: LookOptions,
    output: Path,
    device: str,
    imports: tuple[str, ...],
    *,
    say: Callable[[str], None],
) -> "tuple[list[Look], Drawn]":
    from attnbench.hardware import resolve_device
    from attnbench.looking import (
        Given,
        check_comparable,
        draw_looks,
        find_weights,
        fitting_test_images,
        load_weights,
        look_at,
        run_names,
        with_statistics,
    )
    from attnbench.plugins import import_plugins
    from attnbench.spec import Compute
    from attnbench.visualize import check_colours, check_grad_cam

    check_grad_cam()
    check_colours()
    import_plugins(imports)
    where = resolve_device(Compute(device=device))  # type: ignore[arg-type]
    compare = split_variants(options.compare) if options.compare else ()
    files = find_weights(targets, checkpoints=options.checkpoints, compare=compare, seed=options.seed)
    given = Given(attention=options.attention, backbone=options.backbone, data=options.data, root=options.root)
    say(f"Loading {len(files)} checkpoints …")
    loaded = [load_weights(file, given) for file in files]
    names = run_names([weights for _, weights in loaded])
    check_replaced(names, output)
    all_weights = [weights for _, weights in loaded]
    check_comparable(all_weights)
    data = None if options.images else fitting_test_images(all_weights[0].description)
    images, class_images = _images(all_weights[0].description, data, options)
    looks = []
    for (model, weights), name in zip(loaded, names, strict=True):
        say(f"Looking at {len(images.names)} images with {name} …")
        look = look_at(
            model.to(where), weights, images, name=name, modules=options.modules, most_groups=options.groups,
            class_images=class_images,
        )  # fmt: skip
        if options.statistics is not None:
            data = data or fitting_test_images(weights.description)
            say(f"Looking at {options.statistics:,} images with {name} …")
            look = with_statistics(look, model, data, number=options.statistics)
        looks.append(look)
    say("Drawing …")
    return looks, draw_looks(looks, images, class_images)


def _images(
    description: "ClassifierDescription", data: "ImageData | None", options: LookOptions
) -> "tuple[Images, Images | None]":
    """The images, and labelled ones of the same classes where the data set has them."""
    from attnbench.looking import images_of_classes, images_of_data, images_of_files

    number = options.num_images or _NUM_IMAGES
    if data is None:
        return images_of_files(options.images, description, number=number), None
    name = description.spec.data
    images = images_of_data(data, name, number=number)
    assert images.labels is not None
    classes = list(dict.fromkeys(images.labels.tolist()))[:_MOST_CLASSES]
    return images, images_of_classes(data, name, classes, number=_IMAGES_A_CLASS)


def _print(album: "Album", output: Path) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column("file", overflow="fold")
    table.add_column("what it shows", overflow="fold")
    for file, words in _written(album):
        table.add_row(shown(file), shown(words))
    console = Console()
    for line in album.conditions:
        console.print(shown(line), highlight=False)
    console.print()
    console.print(table, highlight=False)
    console.print(f"\nThe pictures are in {shown(output)}.", highlight=False, soft_wrap=True)


def _written(album: "Album") -> Iterator[tuple[str, str]]:
    for picture in album.pictures:
        rows = f", {len(picture.lines)} rows" if picture.lines else ""
        yield picture.file, f"{picture.title}{rows}"
    yield "index.html", "all of them, with what each shows"
    yield "pictures.json", "the same for attnbench report --pictures"
