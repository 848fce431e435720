"""What the attention modules of one classifier do: a row for each thing that they show, a column for each image."""

from PIL import Image, ImageDraw

from attnbench.looking.images import Images
from attnbench.looking.look import Look
from attnbench.looking.tiles import INK, Tiles, identity
from attnbench.pictures import Line, Picture
from attnbench.printable import printable
from attnbench.visualize import Row, View, bars, colour_bar, grid_sheet, overlaid
from attnbench.visualize.captions import font_of_size

_BARS_HEIGHT, _KEY_WIDTH = 60, 100


def draw_maps(look: Look, images: Images, *, file: str) -> tuple[Picture, Image.Image]:
    """A sheet of what a classifier's attention modules show.

    Args:
        look: What it does; it must have attention.
        images: The images.
        file: Name of the picture.
    """
    tiles = Tiles(images=images, least=96, most=128)
    numbers = range(len(images.names))
    rows = [Row(heading="image", pictures=[*map(tiles.image, numbers), None])]
    lines = []
    for module, shown in look.views.items():
        for view in shown:
            name = f"{module} {view.name}"
            rows.append(Row(heading=name, pictures=[*(_tile(view, tiles, number) for number in numbers), _key(view)]))
            lines.append(Line(name=name, caption=view.caption))
    title = f"{look.name}: attention maps"
    which = "The attention modules asked for" if look.is_chosen else "The last attention module of each stage"
    caption = (
        f"{which}: {', '.join(look.views)}. Maps lie over the image, enlarged from the module's own resolution; bars "
        "are channels; the last column has the limits of each row, the same for all its images."
    )
    columns = [*(tiles.heading(number, look) for number in numbers), ""]
    heading = printable(f"Attention maps of {identity(look)}, on {images.source}")
    sheet = grid_sheet(heading, columns, rows, caption=printable(caption))
    return Picture(file=file, title=title, caption=caption, lines=tuple(lines)), sheet


def _tile(view: View, tiles: Tiles, number: int) -> Image.Image:
    values = view.values[number]
    if view.kind == "map":
        return overlaid(tiles.images.pixels[number], values, low=view.low, high=view.high, scale=tiles.scale)
    width, height = tiles.size
    return bars(values, low=view.low, high=view.high, width=width, height=min(height, _BARS_HEIGHT))


def _key(view: View) -> Image.Image:
    if view.kind == "map":
        return colour_bar(view.low, view.high, width=_KEY_WIDTH)
    picture = Image.new("RGB", (_KEY_WIDTH, 18), (255, 255, 255))
    ImageDraw.Draw(picture).text((0, 2), f"{view.low:.3g} to {view.high:.3g}", INK, font=font_of_size(12))
    return picture
