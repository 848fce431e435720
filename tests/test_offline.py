"""Nothing is fetched from a network but a data set that the user asks for with `download=true`."""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from attnbench.cli import main
from attnbench.data import DATA, build_data
from attnbench.errors import DataError
from attnbench.spec import Recipe
from attnbench.spec_io import to_yaml
from attnbench.variant import settings_of
from tests.tiny import tiny_suite


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What this process asks of a network: addresses of connections, and names to look up. Each of them fails."""
    told: list[object] = []

    def forbidden(real: Callable[..., Any], where: int) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if isinstance(arguments[0], socket.socket) and arguments[0].family == socket.AF_UNIX:
                return real(*arguments, **options)
            told.append(arguments[where])
            raise OSError("there is no network")

        return call

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, forbidden(getattr(socket.socket, name), 1))
    for name in ("getaddrinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, forbidden(getattr(socket, name), 0))
    return told


def test_a_leaderboard_its_reports_and_lists_ask_no_network(
    asked: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("suite.yaml").write_text(to_yaml(tiny_suite(epochs=1)))
    commands = [
        ["list"],
        ["leaderboard", "suite.yaml", "--workers", "1", "--checkpoints", "weights"],
        ["report", "records"],
        ["report", "records", "--format", "html", "--output", "page.html"],
        ["export", "records", "--parquet", "runs.parquet"],
        ["visualize", "weights", "--num-images", "2"],
        ["efficiency", "--attention", "none,sge", "--backbone", "resnet18", "--input-size", "32", "--phases", "none"],
    ]
    for words in commands:
        assert main(words) == 0, (words, capsys.readouterr().err)
    assert asked == []


@pytest.mark.parametrize("name", sorted(name for name in DATA.names() if "download" in settings_of(DATA.get(name))))
def test_a_data_set_is_fetched_only_where_that_is_asked_for(
    name: str, asked: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")

    def set_up(text: str) -> None:
        build_data(text, root=str(tmp_path), recipe=Recipe(), seed=0, device=torch.device("cpu")).setup()

    with pytest.raises(DataError, match=f"--data {name}:download=true"):
        set_up(name)
    assert asked == []
    with pytest.raises(DataError, match=r"cannot be downloaded into .*there is no network"):
        set_up(f"{name}:download=true")
    assert asked != []
