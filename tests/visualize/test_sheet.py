import numpy as np
from numpy.typing import NDArray
from PIL import Image

from attnbench.visualize import Panel, Row, contact_sheet, grid_sheet


def plain(colour: tuple[int, int, int], width: int = 90, height: int = 60) -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def found(sheet: NDArray[np.uint8], colour: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """First and last row and column of a colour, which must fill all between."""
    rows, columns = np.nonzero((sheet == colour).all(-1))
    top, bottom, left, right = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    assert (sheet[top:bottom, left:right] == colour).all()
    return int(top), int(bottom), int(left), int(right)


def test_every_picture_stands_whole_in_its_place() -> None:
    colours = [(10 * number + 50, 200, 0) for number in range(6)]
    panels = [Panel(plain(colour), f"picture {number}") for number, colour in enumerate(colours)]
    pairs = list(zip(panels[::2], panels[1::2], strict=True))
    sheet = np.array(contact_sheet("a title", pairs, columns=2))
    places = [found(sheet, colour) for colour in colours]
    assert {(bottom - top, right - left) for top, bottom, left, right in places} == {(60, 90)}
    first, second, third, fourth, fifth, sixth = places
    assert first[0] == second[0] == third[0] == fourth[0] < fifth[0] == sixth[0]
    assert first[3] < second[2] < second[3] < third[2] < third[3] < fourth[2]
    assert (fifth[2], sixth[2]) == (first[2], second[2])


def test_a_long_title_is_broken_and_moves_the_pictures_down() -> None:
    pair = (Panel(plain((0, 200, 0)), "left"), Panel(plain((0, 0, 200)), "right"))
    short, long = (np.array(contact_sheet(title, [pair])) for title in ("title", "a longer title of many words " * 3))
    assert long.shape[1] == short.shape[1]
    lower = found(long, (0, 200, 0))[0] - found(short, (0, 200, 0))[0]
    assert lower >= 3 * 26
    assert (long[:, -4:] == 255).all()  # no word runs beyond the sheet


def test_pictures_of_several_sizes_do_not_meet() -> None:
    pairs = [
        (Panel(plain((0, 200, 0), 40, 80), "tall"), Panel(plain((0, 0, 200), 40, 80), "tall")),
        (Panel(plain((200, 0, 0), 120, 30), "wide"), Panel(plain((200, 0, 200), 120, 30), "wide")),
    ]
    sheet = np.array(contact_sheet("title", pairs, columns=1))
    sizes = [
        (bottom - top, right - left)
        for top, bottom, left, right in (
            found(sheet, colour) for colour in ((0, 200, 0), (0, 0, 200), (200, 0, 0), (200, 0, 200))
        )
    ]
    assert sizes == [(80, 40), (80, 40), (30, 120), (30, 120)]


def test_a_grid_has_its_pictures_in_rows_and_columns_and_headings_beside_them() -> None:
    colours = [(10 * number + 50, 200, 0) for number in range(3)]
    first, second, third = (plain(colour) for colour in colours)
    rows = [Row("layer1.0.se", [first, second]), Row("a long name of several words", [None, third])]
    sheet = np.array(grid_sheet("a title", ["image", "gate"], rows, caption="what it is"))
    places = [found(sheet, colour) for colour in colours]
    assert {(bottom - top, right - left) for top, bottom, left, right in places} == {(60, 90)}
    upper_left, upper_right, lower_right = places
    assert upper_left[0] == upper_right[0] < upper_left[1] < lower_right[0]
    assert upper_left[2] < upper_left[3] < upper_right[2] == lower_right[2]
    dark = (sheet < 100).all(-1)
    assert dark[upper_left[0] : upper_left[1], : upper_left[2]].any()  # the row's heading
    assert dark[upper_left[0] - 24 : upper_left[0], upper_left[2] : upper_left[3]].any()  # the column's
    assert dark[: upper_left[0] - 24].any()  # the title
    assert (sheet[lower_right[1] + 1 :] < 150).all(-1).any()  # the caption
    assert (sheet[:, :20] == 255).all()
    assert (sheet[:, -20:] == 255).all()


def test_a_grids_columns_and_rows_are_as_large_as_they_must_be() -> None:
    tall, wide, small = plain((0, 200, 0), 40, 120), plain((0, 0, 200), 200, 30), plain((200, 0, 0), 40, 30)
    plainest, long = (
        np.array(grid_sheet("t", ["a", "b"], [Row("", [tall, wide]), Row("", [small, None])], caption=caption))
        for caption in ("", "a caption of very many words " * 10 + "\nand a second line")
    )
    places = [found(plainest, colour) for colour in ((0, 200, 0), (0, 0, 200), (200, 0, 0))]
    assert [(bottom - top, right - left) for top, bottom, left, right in places] == [(120, 40), (30, 200), (30, 40)]
    assert places[0][3] < places[1][2]
    assert places[0][1] < places[2][0]
    assert long.shape[0] > plainest.shape[0] + 5 * 13
    assert (long[:, -20:] == 255).all()
