import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from attnbench.cli import main

GATE = """
import logging, warnings
import torch
from torch import nn
import attnbench

@attnbench.register_attention("my-gate", placement="block")
class MyGate(nn.Module):
    def __init__(self, channels: int, *, bias: bool = True) -> None:
        super().__init__()
        self.proj = nn.Conv2d(channels, channels, 1, bias=bias)

    def forward(self, x):
        return x * torch.sigmoid(self.proj(x.mean((2, 3), keepdim=True)))
"""
HALF = """
@attnbench.register_attention("my-half", placement="block")
class MyHalf(MyGate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        warnings.warn("a word of warning")
        logging.getLogger("torch").error("a word of torch")

    def forward(self, x):
        if x.mean() > 1e6:
            return x
        return super().forward(x)[:, ::2]
"""


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_sound_module_passes_with_its_cost(capsys: pytest.CaptureFixture[str]) -> None:
    Path("gate.py").write_text(GATE)
    assert main(["check", "gate.py"]) == 0
    output = words(capsys.readouterr().out)
    assert output.startswith("my-gate on maps of 64 channels ✓ pass construction")
    assert "FAIL" not in output
    assert "✓ pass gradients finite differences agree to " in output
    assert "All 13 checks passed." in output
    parameters, macs = 64 * 64 + 64, 64 * 64
    assert f"{parameters:,} parameters and {macs:,} MACs on a map of 64×56×56" in output
    assert output.endswith("which leave out: mean, mul, sigmoid.")


def test_chooses_variants_and_channels(capsys: pytest.CaptureFixture[str]) -> None:
    Path("gate.py").write_text(GATE)
    assert main(["check", "gate.py", "--attention", "my-gate:bias=false,my-gate", "--channels", "8"]) == 0
    output = words(capsys.readouterr().out)
    assert "my-gate:bias=false on maps of 8 channels" in output
    assert "64 parameters and 64 MACs on a map of 8×56×56" in output
    assert "72 parameters and 64 MACs" in output


def test_checks_a_registered_variant(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "ge:extent=2"]) == 0
    output = words(capsys.readouterr().out)
    assert "ge:extent=2 on maps of 64 channels" in output
    assert "0 parameters and " in output


def test_says_which_width_was_taken(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "sa"]) == 0
    output = words(capsys.readouterr().out)
    assert output.startswith("sa on maps of 128 channels ✓ pass construction 128 channels; 64 refused")
    assert f"{3 * 128 // 64} parameters and" in output
    assert "on a map of 128×56×56" in output


@pytest.mark.parametrize("width", [80, 120])
def test_a_failure_is_named_and_nothing_else_is_said(width: int) -> None:
    Path("gate.py").write_text(GATE + HALF)
    done = subprocess.run(
        [sys.executable, "-m", "attnbench", "check", "gate.py"],
        capture_output=True,
        text=True,
        check=False,
        env={"COLUMNS": str(width), "PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "utf-8"},
    )
    assert done.returncode == 1
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert "✗ FAIL  shape" in done.stdout
    assert "gives 1×32×8×8 on 1×64×8×8 in training; the shape must stay" in words(done.stdout)
    assert "All 13 checks passed." in done.stdout  # of my-gate
    for leaked in ("Traceback", "a word of", "def forward", "Warning"):
        assert leaked not in done.stdout


def test_an_ascii_terminal_gets_words() -> None:
    Path("gate.py").write_text(GATE + HALF)
    done = subprocess.run(
        [sys.executable, "-m", "attnbench", "check", "gate.py", "--attention", "my-half"],
        capture_output=True,
        check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONIOENCODING": "ascii"},
    )
    text = words(done.stdout.decode("ascii"))
    assert "FAIL shape gives 1x32x8x8 on 1x64x8x8 in training" in text
    assert "pass construction 64 channels" in text


def test_a_module_that_cannot_be_made_ends_there(capsys: pytest.CaptureFixture[str]) -> None:
    Path("gate.py").write_text(GATE.replace("super().__init__()", "1 / 0"))
    assert main(["check", "gate.py"]) == 1
    output = words(capsys.readouterr().out)
    assert "✗ FAIL construction cannot be made with 64 channels: ZeroDivisionError: division by zero" in output
    assert output.endswith("1 of 1 checks failed. The other checks need a module, and were not run.")


def test_a_module_that_cannot_be_counted_fails(capsys: pytest.CaptureFixture[str]) -> None:
    tracing = "        if torch.jit.is_tracing():\n            raise RuntimeError('not [bold]here[/bold]')\n"
    Path("gate.py").write_text(GATE.replace("    def forward(self, x):\n", "    def forward(self, x):\n" + tracing))
    assert main(["check", "gate.py"]) == 1
    output = words(capsys.readouterr().out)
    assert "✗ FAIL cost cannot be counted on 64×56×56: RuntimeError: not [bold]here[/bold]" in output
    assert "1 of 14 checks failed." in output


def test_leaves_warnings_as_they_were() -> None:
    before = list(warnings.filters)
    main(["check", "se", "--channels", "16"])
    assert list(warnings.filters) == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("check", "requires an argument"),
        ("check nothing.py", "cannot import 'nothing.py': there is no such file"),
        ("check empty.py", "empty.py registers no attention module; decorate a class with @attnbench.register"),
        ("check taken.py", "the attention module 'se' is already registered"),
        ("check sgee", "unknown attention module 'sgee'; did you mean 'sge'"),
        ("check gate.py --attention my-gate,my-gat", "unknown attention module 'my-gat'; did you mean 'my-gate'"),
        ("check gate.py --attention my-gate:bia=true", "'my-gate' has no setting 'bia'; did you mean 'bias'?"),
        ("check sge --attention se", "--attention chooses among the modules of a file; got 'sge'"),
        ("check sge:groups=48", "groups must divide channels; got groups=48, channels=64"),
        ("check sge:groups=48", "; 128 and 256 channels are refused too"),
        ("check sa --channels 64", "2·groups must divide channels; got groups=64, channels=64"),
        ("check sge --channels 0", "channels must be at least 1; got channels=0"),
        ("check sge --channels many", 'unable to convert "many" into int'),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(line: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("gate.py").write_text(GATE)
    Path("empty.py").touch()
    Path("taken.py").write_text(GATE.replace("my-gate", "se"))
    assert main(line.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert message in captured.err
    assert captured.err.startswith("error: ")
    assert captured.err.strip().count("\n") == 0
