from pathlib import Path

import pytest

from attnbench.errors import RecordError, SpecError
from attnbench.pictures import ALBUM, Album, Line, Picture, read_album, write_album

PNG = b"\x89PNG\r\n\x1a\n..."
PICTURES = Album(
    title="What sge looks at",
    conditions=("Images: two.",),
    pictures=(Picture(file="a.png", title="A", caption="an a", lines=(Line(name="row", caption="a row"),)),),
)


def test_pictures_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_album(tmp_path / "new", PICTURES, {"a.png": PNG})
    assert read_album(tmp_path / "new") == (PICTURES, {"a.png": PNG})
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["a.png", ALBUM]


def test_a_folder_without_pictures_is_named(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"holds no pictures\.json; attnbench visualize --output"):
        read_album(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"a.png"', '"../a.png"', r"damaged: a picture must be a file beside it; got '\.\./a\.png'"),
        ('"a.png"', '"b.png"', "cannot read .*b.png"),
        ('"schema": 1', '"schema": 2', "has schema 2; this attnbench reads up to 1"),
        ('"title"', '"name"', "is damaged"),
    ],
)
def test_what_is_damaged_is_named(old: str, new: str, message: str, tmp_path: Path) -> None:
    write_album(tmp_path, PICTURES, {"a.png": PNG})
    text = (tmp_path / ALBUM).read_text()
    assert old in text
    (tmp_path / ALBUM).write_text(text.replace(old, new, 1))
    with pytest.raises(RecordError, match=message):
        read_album(tmp_path)


def test_what_is_no_png_is_not_put_into_a_page(tmp_path: Path) -> None:
    write_album(tmp_path, PICTURES, {"a.png": b"<script>"})
    with pytest.raises(RecordError, match=r"a\.png is damaged: it is no PNG"):
        read_album(tmp_path)
