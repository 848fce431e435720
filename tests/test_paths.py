import os
from pathlib import Path

import pytest

from attnbench.errors import SpecError
from attnbench.paths import check_output_file


@pytest.mark.parametrize("name", ["old.json", "new.json", "folder/new.json"])
def test_takes_files_in_folders_that_exist(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "old.json").touch()
    check_output_file(tmp_path / name, option="output")


@pytest.mark.parametrize("name", ["", "nowhere/new.json", "old.json/new.json", "pipe"])
def test_refuses_what_cannot_be_written_whole(name: str, tmp_path: Path) -> None:
    (tmp_path / "old.json").touch()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SpecError) as raised:
        check_output_file(tmp_path / name, option="checkpoint")
    expected = f"checkpoint must be a file in a folder that exists; got checkpoint='{tmp_path / name}'"
    assert str(raised.value) == expected


def test_a_name_alone_is_in_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    check_output_file(Path("new.json"), option="output")
