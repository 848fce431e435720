import numpy as np
import pytest
from numpy.typing import NDArray

from attnbench.visualize import Mark, class_colour, draw_marks, fitting_scale
from attnbench.visualize.captions import Rectangle, draw_caption

RED, GREY, BLACK, WHITE = (255, 0, 0), (100, 100, 100), (0, 0, 0), (255, 255, 255)


def grey(height: int = 40, width: int = 40) -> NDArray[np.uint8]:
    return np.full((height, width, 3), GREY, dtype=np.uint8)


def noise(height: int, width: int) -> NDArray[np.uint8]:
    return np.random.RandomState(0).randint(256, size=(height, width, 3)).astype(np.uint8)


def drawn(pixels: NDArray[np.uint8], *marks: Mark, scale: float = 1) -> NDArray[np.uint8]:
    return np.array(draw_marks(pixels, marks, scale=scale))


def band(left: int, top: int, right: int, bottom: int, width: int, side: int = 40) -> NDArray[np.bool_]:
    """The pixels along the edges of a rectangle, within it."""
    where = np.zeros((side, side), dtype=bool)
    where[top:bottom, left:right] = True
    where[top + width : bottom - width, left + width : right - width] = False
    return where


def test_a_box_is_its_edges_with_a_dark_rim_and_nothing_else() -> None:
    pixels = noise(40, 40)
    picture = drawn(pixels, Mark(box=(10, 12, 30, 28), colour=RED))
    edge, rimmed = band(10, 12, 30, 28, 2), band(9, 11, 31, 29, 4)
    assert (picture[edge] == RED).all()
    assert (picture[rimmed & ~edge] == BLACK).all()
    assert (picture[~rimmed] == pixels[~rimmed]).all()


def test_a_small_image_is_enlarged_pixel_by_pixel_and_the_box_with_it() -> None:
    pixels = noise(10, 10)
    picture = drawn(pixels, Mark(box=(2, 3, 8, 7), colour=RED), scale=4)
    edge, rimmed = band(8, 12, 32, 28, 2), band(7, 11, 33, 29, 4)
    assert (picture[edge] == RED).all()
    enlarged = pixels.repeat(4, axis=0).repeat(4, axis=1)
    assert (picture[~rimmed] == enlarged[~rimmed]).all()


def test_a_large_image_is_shrunk() -> None:
    picture = drawn(grey(400, 200), Mark(box=(0, 0, 200, 400), colour=RED), scale=0.1)
    assert picture.shape == (40, 20, 3)
    assert (picture[0] == RED).all()
    assert (picture[:, -1] == RED).all()
    assert (picture[3:-3, 3:-3] == GREY).all()


def test_a_dashed_box_shows_on_light_and_on_dark() -> None:
    for background in (0, 255):
        pixels = np.full((40, 40, 3), background, dtype=np.uint8)
        picture = drawn(pixels, Mark(box=(4, 4, 36, 36), dashed=True))
        upper = picture[4, 4:36]
        assert (upper[:6] == WHITE).all()
        assert (upper[6:12] == BLACK).all()
        assert (upper[12:18] == WHITE).all()
        rimmed = band(3, 3, 37, 37, 4)
        assert (picture[~rimmed] == background).all()


def test_a_mask_is_tinted_inside_and_coloured_at_its_border() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[10:30, 14:26] = True
    picture = drawn(grey(), Mark(box=(0, 0, 40, 40), colour=RED, mask=mask))
    border = band(14, 10, 26, 30, 1)
    assert (picture[border] == RED).all()
    assert (picture[mask & ~border] == (162, 60, 60)).all()  # 0.6 × 100 + 0.4 × the colour
    outside = ~mask & ~band(0, 0, 40, 40, 3)
    assert (picture[outside] == GREY).all()


def test_boxes_beyond_the_image_or_without_area_stay_inside_and_are_seen() -> None:
    picture = drawn(grey(), Mark(box=(-10, -10, 60, 60), colour=RED))
    assert (picture[band(0, 0, 40, 40, 2)] == RED).all()
    for box in ((20.0, 20.0, 20.0, 20.0), (50.0, 50.0, 60.0, 60.0)):
        assert (drawn(grey(), Mark(box=box, colour=RED)) == RED).all(-1).sum() == 1


def test_the_first_mark_lies_on_top() -> None:
    box = (10.0, 10.0, 30.0, 30.0)
    picture = drawn(grey(), Mark(box=box, colour=RED), Mark(box=box, colour=WHITE))
    assert (picture[band(10, 10, 30, 30, 2)] == RED).all()


def test_captions_stand_inside_the_picture_and_beside_one_another() -> None:
    picture = draw_marks(grey(200, 200), [])
    taken: list[Rectangle] = []
    for box in [Rectangle(40, 60, 120, 140)] * 4 + [Rectangle(0, 0, 5, 5), Rectangle(195, 195, 200, 200)]:
        draw_caption(picture, "dog 0.93", box, colour=RED, size=12, taken=taken)
    covered = np.zeros((200, 200), dtype=int)
    for place in taken:
        assert 0 <= place.left < place.right <= 200
        assert 0 <= place.top < place.bottom <= 200
        covered[place.top : place.bottom, place.left : place.right] += 1
    assert covered.max() == 1
    assert len(taken) == 6
    changed = (np.array(picture) != GREY).any(-1)
    assert (changed == (covered == 1)).all()


@pytest.mark.parametrize(("colour", "ink"), [((255, 255, 0), BLACK), ((0, 0, 160), WHITE)])
def test_a_caption_is_written_in_what_stands_out(colour: tuple[int, int, int], ink: tuple[int, int, int]) -> None:
    picture = drawn(grey(60, 200), Mark(box=(20, 30, 190, 50), caption="HHHHH", colour=colour))
    above = picture[:29]
    assert (np.abs(above - np.array(ink)).sum(-1) < 30).sum() > 80  # letters have soft edges


def test_neighbouring_classes_differ_and_colours_come_again() -> None:
    assert len({class_colour(label) for label in range(1, 11)}) == 10
    assert class_colour(11) == class_colour(1)


def test_the_scale_is_whole_where_it_enlarges() -> None:
    assert fitting_scale(192, 128, least=384, most=768) == 2
    assert fitting_scale(200, 200, least=640) == 4
    assert fitting_scale(480, 640, least=384, most=768) == 1
    assert fitting_scale(1024, 1536, least=384, most=768) == 0.5
