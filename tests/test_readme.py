"""Every command of the README, typed as it stands."""

import os
import re
import subprocess
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README.read_text(), re.DOTALL)


def commands() -> list[str]:
    """Commands of the console blocks; what tox has done to get here (installing) is left out."""
    lines = [line for block in blocks("console") for line in block.splitlines()]
    return [re.sub(r"^python -m pip install \S+( && )?", "", line) for line in lines]


def test_the_readme_begins_with_two_commands() -> None:
    text = README.read_text()
    assert "\npython -m pip install . && attnbench leaderboard\n" in text
    assert "\npython -m pip install tox && tox\n" in text


@pytest.mark.slow
def test_every_command_works_as_it_stands(tmp_path: Path) -> None:
    (module,) = blocks("python")
    (tmp_path / "gap_gate.py").write_text(module)
    assert len(module.strip().splitlines()) <= 15
    ran = 0
    for command in commands():
        if command in ("", "tox"):
            continue
        done = subprocess.run(
            command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=False, env={**os.environ}
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert done.stdout or ">" in command, command
        ran += 1
    assert ran >= 9
    assert len(list((tmp_path / "records").glob("*.json"))) >= 21
