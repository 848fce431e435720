"""How much of one model's maps lies on the objects of a data set, as a table."""

from rich.console import Console
from rich.table import Table

from attnbench.cli.drawings import shown
from attnbench.localisation_record import STEPS, Localisation
from attnbench.packed import PackedIntegers
from attnbench.report.leaderboard.localised import CONTROLS
from attnbench.report.leaderboard.localised_table import NAMES, control_name
from attnbench.stats import t_interval

_MEANING = (
    "On object: the share of a map's sum, stretched to [0, 1] image by image, that lies on the objects; IoU at the "
    "level that is best on {chosen} images, by which the layer is chosen too. ± is half the width of a 95 % interval "
    "over images, taken as independent, of this one network. Controls know nothing of the model; the objects' share "
    "of an image is {share}."
)


def print_localisation(found: Localisation, console: Console) -> None:
    """Print where a model's maps lie, beside controls.

    Args:
        found: The scores.
        console: Where to.
    """
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("map", "on object % ± 95 %", "IoU % ± 95 %", "layer"):
        table.add_column(column, justify="right" if "%" in column else "left", overflow="fold")
    for scores in found.maps:
        name = control_name(scores.kind) if scores.kind in CONTROLS else NAMES[scores.kind]
        table.add_row(name, _percent(scores.energy), _percent(scores.iou), shown(scores.layer))
    console.print(f"\nWhere its maps lie, in {found.num_images:,} test images:", highlight=False)
    console.print(table, highlight=False)
    words = _MEANING.format(chosen=f"{found.num_validation_images:,} other", share=f"{100 * found.object_share:.1f} %")
    console.print(f"\n{words}", highlight=False)
    if not found.layers:
        console.print("It has no attention module whose maps could be scored.", highlight=False)


def _percent(packed: PackedIntegers) -> str:
    interval = t_interval((packed.unpack() * (100 / STEPS)).tolist())
    half = "–" if interval.half_width is None else f"{interval.half_width:.2f}"
    return f"{interval.mean:.2f} ± {half}"
