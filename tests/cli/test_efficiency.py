import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from attnbench.cli import main
from attnbench.efficiency_record import EfficiencyStore
from attnbench.record import Store
from tests.records import make_record
from tests.source import source_environment

TINY = [
    "efficiency", "--backbone", "cifar-resnet:depth=8,stem_stride=2,width=8", "--input-size", "16x24",
    "--num-classes", "5", "--batch-size", "4", "--threads", "1",
]  # fmt: skip
BOTH = ["--attention", "none,se:reduction=2"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--input-size large", "input-size must be one number, or height x width; got 'large'"),
        ("--input-size 0", "input-size must be positive; got '0'"),
        ("--batch-size 0", "batch_size must be at least 1; got batch_size=0"),
        ("--threads 0", "threads must be at least 1; got threads=0"),
        ("--phases speed", "phases must be none, or some of inference, training, latency; got 'speed'"),
        ("--precision tf32 --device cpu", "precision tf32 needs a GPU"),
        ("--precision fp8", "Choose from"),
        ("--compile everything", "Choose from"),
        ("--budget 0", "budget_s must be positive; got budget_s=0.0"),
        ("--half-width -1", "half_width must not be negative; got half_width=-1.0"),
        ("--latency-samples 0", "latency_samples must be at least 1"),
        ("--attention none,sgee", "unknown attention module 'sgee'; did you mean 'sge'"),
        ("--backbone resnet5", "unknown backbone 'resnet5'; did you mean 'resnet50'"),
        ("--import none.py", "cannot import 'none.py': there is no such file"),
        ("--store /dev/null/x", "cannot write records into /dev/null/x"),
        ("--show", "there is no store of records at efficiency-records; attnbench efficiency --store makes one"),
        ("--compare a b", "there is no store of records at a"),
        ("--layers cbamm", "--layers must name a row that is counted; got 'cbamm', allowed: none, sge"),
        ("--rank-by latency --phases none", "--rank-by latency needs that phase; got --phases none"),
        ("--show --batch-size 4", "--show and --compare measure nothing, so that options of measuring do not go"),
        ("--show --compare a b", "--show and --compare are two things; got both"),
        ("--compare a b --plot x.png --accuracy a", "--compare draws no plot; got --plot beside it"),
        ("--cost params", "--cost goes with --plot; got it alone"),
        ("--show --plot x.png", "--plot FILE and --accuracy STORE go together"),
        ("--plot x.gif --accuracy a", "a plot is a file that ends in .png, .svg or .pdf; got 'x.gif'"),
        ("--plot x.png --accuracy nowhere", "there is no store of records at nowhere"),
        ("--rank-by speed", "Choose from"),
    ],
)
def test_mistakes_end_in_one_sentence(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["efficiency", *words.split()]) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert errors[-1].startswith("error: ")
    assert message in errors[-1]


def test_counts_and_shows_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TINY, *BOTH, "--phases", "none", "--layers", "se:reduction=2"]) == 0
    first = capsys.readouterr().out
    assert "16×24" in first
    assert "Layers of se:reduction=2" in first
    records, problems = EfficiencyStore(Path("efficiency-records")).read()
    assert [record.spec.image_shape for record in records] == [(3, 16, 24)] * 2
    assert problems == []
    assert main(["efficiency", "--show"]) == 0
    shown = capsys.readouterr().out
    assert shown.strip() in first
    assert main(["report", "efficiency-records"]) == 0
    assert capsys.readouterr().out == shown


def test_layers_name_a_row_in_any_spelling(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--attention", "ge:extent=2,parametric=false", "--phases", "none"]
    assert main([*TINY, *words, "--layers", "ge:parametric=False, extent=2"]) == 0
    assert "Layers of ge:extent=2,parametric=false" in capsys.readouterr().out


def test_layers_of_a_row_that_is_not_there_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*TINY, *BOTH, "--phases", "none", "--layers", "sge"]) == 2
    assert "--layers must name a row that is counted; got 'sge', allowed: none, se:reduction=2" in (
        capsys.readouterr().err
    )


def test_times_compares_and_reports_both_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    for store in ("a", "b"):
        words = ["--budget", "0.4", "--half-width", "1", "--latency-samples", "3", "--store", store]
        assert main([*TINY, *BOTH, *words]) == 0
    assert "95 %" in capsys.readouterr().out
    assert main(["efficiency", "--compare", "a", "b"]) == 0
    compared = capsys.readouterr().out
    assert "A: a" in compared
    (record, *_) = EfficiencyStore(Path("a"))
    for phase in ("inference", "training", "latency"):
        assert record.timing(phase) is not None
        assert phase in compared
    assert "failed" not in compared
    Store(Path("a")).add(make_record())
    assert main(["report", "a"]) == 0
    both = capsys.readouterr().out
    assert "fashion-mnist" in both
    assert "se:reduction=2" in both


def test_a_rows_error_is_shown_and_told_by_the_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wrong.py").write_text(
        "import torch, attnbench\n"
        "@attnbench.register_attention('narrow-gate', placement='block')\n"
        "class NarrowGate(torch.nn.Module):\n"
        "    def __init__(self, channels: int) -> None:\n"
        "        super().__init__()\n"
        "    def forward(self, x):\n"
        "        return x[:, :1]\n"
    )
    words = ["--attention", "none,narrow-gate", "--import", "wrong.py", "--phases", "none"]
    assert main([*TINY, *words]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "narrow-gate" in out
    assert "ContractError: narrow-gate at layer1.0" in out


@pytest.mark.slow
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_measurement_goes_on(tmp_path: Path, kill: signal.Signals) -> None:
    command = [sys.executable, "-m", "attnbench", *TINY, *BOTH, "--budget", "8", "--half-width", "0"]
    environment = source_environment()
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell lets what it starts in the background ignore Ctrl-C, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stderr is not None
    while "training" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(2)
    process.send_signal(kill)
    _, errors = process.communicate(timeout=60)
    if kill == signal.SIGINT:
        assert process.returncode == 130
        assert "the same command goes on from there" in errors
    again = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    told = again.stderr.split()
    assert "training" in told
    assert "inference" not in told
    records, problems = EfficiencyStore(tmp_path / "efficiency-records").read()
    assert problems == []
    assert [[timing.phase for timing in record.timings] for record in records] == [
        ["inference", "training", "latency"]
    ] * 2
