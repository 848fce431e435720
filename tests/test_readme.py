"""Every command of the README and of the tutorial, typed as it stands."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from attnbench.record import Store
from attnbench.spec import SuiteSpec, digest
from attnbench.spec_io import from_yaml
from attnbench.suite import expand

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
TUTORIAL = ROOT / "docs" / "tutorial.md"


def fenced(page: Path) -> list[tuple[str, str]]:
    """Language and text of each fenced block, in order."""
    return re.findall(r"```(\w+)\n(.*?)```", page.read_text(), re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for of, text in fenced(page) if of == language]


def commands() -> list[str]:
    """Commands of the README's console blocks; what tox has done to get here (installing) is left out."""
    lines = [line for block in blocks(README, "console") for line in block.splitlines()]
    return [re.sub(r"^python -m pip install \S+( && )?", "", line) for line in lines]


def typed(command: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    # The interpreter's own folder first, so that `attnbench` is the one under test.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        shell=True,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": path, "COLUMNS": "80", "PYTHONIOENCODING": "utf-8", **environment},
    )


def test_the_readme_begins_with_two_commands() -> None:
    text = README.read_text()
    assert "\npython -m pip install . && attnbench leaderboard\n" in text
    assert "\npython -m pip install tox && tox\n" in text


def stop_before_its_end(folder: Path) -> None:
    """Leave what the first leaderboard leaves where it is stopped with two runs to go; only two are really trained.

    It takes minutes less so, and the command itself still trains what is missing. These are two variants, so that
    differences vary over the seeds; for the others stands a record of SGE.
    """
    variants = ("none", "sge")
    done = typed(f"attnbench leaderboard --seeds 1 --attention {','.join(variants)}", folder)
    assert done.returncode == 0, done.stderr
    printed = typed("attnbench leaderboard --print-spec", folder)
    assert printed.returncode == 0, printed.stderr
    suite = from_yaml(printed.stdout, SuiteSpec, source="--print-spec")
    store = Store(folder / "records")
    trained = {record.spec.attention: record for record in list(store)}
    for spec in expand(suite):
        if not (spec.seed == 2 and spec.attention in variants):
            record = trained.get(spec.attention, trained["sge"])
            store.add(replace(record, spec=spec, digest=digest(spec)))


@pytest.mark.slow
def test_every_command_works_as_it_stands(tmp_path: Path) -> None:
    (module,) = blocks(README, "python")
    (tmp_path / "gap_gate.py").write_text(module)
    assert len(module.strip().splitlines()) <= 15
    stop_before_its_end(tmp_path)
    assert len(list((tmp_path / "records").glob("*.json"))) == 19
    ran = 0
    for command in commands():
        if command in ("", "tox"):
            continue
        done = typed(command, tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        assert done.stdout or ">" in command, command
        assert ran or "19 of 21 runs are recorded already" in done.stderr
        ran += 1
    assert ran >= 10
    assert len(list((tmp_path / "records").glob("*.json"))) >= 21


def test_the_readmes_module_holds_the_contract(tmp_path: Path) -> None:
    (module,) = blocks(README, "python")
    (tmp_path / "gap_gate.py").write_text(module)
    (command,) = (command for command in commands() if command.startswith("attnbench check"))
    done = typed(command, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_tutorials_checks_print_what_it_shows(tmp_path: Path) -> None:
    printed: list[str] = []
    codes: list[int] = []
    for language, text in fenced(TUTORIAL):
        if "register_attention" in text:
            (tmp_path / "contrast_gate.py").write_text(text)
        elif language == "console" and text.startswith("attnbench check"):
            done = typed(text, tmp_path)
            assert done.stderr == ""
            codes.append(done.returncode)
            printed = without_small_numbers(done.stdout)
        elif language == "console":
            printed = []
        elif language == "text" and printed:
            assert [line for line in without_small_numbers(text) if line not in printed] == []
    assert codes == [1, 0]


def without_small_numbers(text: str) -> list[str]:
    """Lines without what differs in the last bits from machine to machine."""
    return [re.sub(r"\d+e-\d+", "#", line).rstrip() for line in text.splitlines()]


def test_the_tutorials_leaderboards_are_suites(tmp_path: Path) -> None:
    modules = [text for text in blocks(TUTORIAL, "python") if "register_attention" in text]
    (tmp_path / "contrast_gate.py").write_text(modules[-1])
    lines = [line.strip() for line in TUTORIAL.read_text().splitlines()]
    commands = [line for line in lines if line.startswith("attnbench leaderboard ")]
    assert len(commands) == 2
    for command in commands:
        done = typed(f"{command} --print-spec", tmp_path)
        assert done.returncode == 0, done.stderr
        assert "contrast-gate" in done.stdout


def test_the_tutorials_package_needs_no_import(tmp_path: Path) -> None:
    modules = [text for text in blocks(TUTORIAL, "python") if "register_attention" in text]
    (tmp_path / "contrast_gate.py").write_text(modules[-1])
    (pyproject,) = blocks(TUTORIAL, "toml")
    group, entry = re.findall(r'\[project\.entry-points\."(.+)"\]\n(.+)\n', pyproject)[0]
    # What an installer makes of it.
    installed = tmp_path / "contrast_gate-0.1.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: contrast-gate\nVersion: 0.1\n")
    (installed / "entry_points.txt").write_text(f"[{group}]\n{entry.replace(chr(34), '')}\n")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = typed("attnbench check contrast-gate:shared=true", elsewhere, PYTHONPATH=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 parameters" in done.stdout


@pytest.mark.slow
def test_the_tutorial_ends_with_records(tmp_path: Path) -> None:
    failed: list[str] = []
    for language, text in fenced(TUTORIAL):
        if "register_attention" in text:
            (tmp_path / "contrast_gate.py").write_text(text)
        elif language == "console":
            done = typed(text, tmp_path)
            failed += [text] if done.returncode else []
        elif language == "python":
            (tmp_path / "read.py").write_text(text)
            done = typed("python read.py", tmp_path)
            assert done.returncode == 0, done.stderr
            assert len(done.stdout.splitlines()) == 8
            assert done.stdout.count("attnbench's own") == 4
    assert failed == ["attnbench check contrast_gate.py\n"]
    assert len(list((tmp_path / "contrast-records").glob("*.json"))) == 8
