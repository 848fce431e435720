import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from attnbench.cli import main
from attnbench.record import Record, Store
from attnbench.spec import SuiteSpec, digest
from attnbench.spec_io import from_yaml
from attnbench.suite import expand
from tests.records import make_record
from tests.source import source_environment
from tests.tiny import BACKBONE, DATA

TINY = ["--data", DATA, "--backbone", BACKBONE, "--epochs", "1", "--batch-size", "32", "--workers", "1"]
TINY += ["--set", "recipe.warmup_epochs=0", "--set", "measure.throughput_rounds=2"]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")


def suite_of(words: list[str], capsys: pytest.CaptureFixture[str]) -> SuiteSpec:
    assert main([*words, "--print-spec"]) == 0
    return from_yaml(capsys.readouterr().out, SuiteSpec, source="output")


def fill(words: list[str], capsys: pytest.CaptureFixture[str], store: str = "records") -> list[Record]:
    """Synthetic records of every run that a command would do."""
    records = []
    for spec in expand(suite_of(words, capsys)):
        record = make_record(spec.attention, spec.seed, 85.0 + 0.1 * spec.seed)
        records.append(replace(record, spec=spec, digest=digest(spec)))
        Store(Path(store)).add(records[-1])
    return records


def test_trains_prints_and_prints_again(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ablate", "normalization", "--attention", "sge:groups=4", *TINY, "--seeds", "1"]
    assert main(words) == 0
    output = capsys.readouterr()
    said = " ".join(output.out.split())
    for expected in ("Ablation of normalization: sge:groups=4 in cifar-resnet", "normalize=true", "(reference)",
                     "normalize=false", "none (baseline)", "40 test images", "attnbench report records"):  # fmt: skip
        assert expected in said
    assert "3/3 sge:groups=4,normalize=false seed 0: top-1" in " ".join(output.err.split())
    assert main(words) == 0
    again = capsys.readouterr()
    assert again.out == output.out
    assert "3 of 3 runs are recorded already." in again.err


def test_prints_the_suite_that_it_would_run(capsys: pytest.CaptureFixture[str]) -> None:
    suite = suite_of(["ablate", "groups", "--attention", "sge", *TINY, "--seeds", "2"], capsys)
    assert suite.attention == ("none", "sge:groups=1", "sge:groups=2", "sge:groups=4", "sge:groups=8")
    assert (suite.seeds, suite.recipe.epochs, suite.data) == ((0, 1), 1, DATA)


def test_its_runs_are_those_of_a_leaderboard(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--attention", "none,sge:groups=4,sge:groups=4,normalize=false", *TINY, "--seeds", "2"]
    board = suite_of(["leaderboard", *words], capsys)
    suite = suite_of(["ablate", "normalization", "--attention", "sge:groups=4", *TINY, "--seeds", "2"], capsys)
    assert list(map(digest, expand(suite))) == list(map(digest, expand(board)))


def test_a_users_module_is_ablated(capsys: pytest.CaptureFixture[str]) -> None:
    Path("mine.py").write_text(
        "from typing import ClassVar\n"
        "import torch\n"
        "from torch import nn\n"
        "import attnbench\n"
        "from attnbench.space import Choices, SearchSpace\n"
        "@attnbench.register_attention('ablated-gate', placement='block')\n"
        "class Gate(nn.Module):\n"
        "    search_space: ClassVar[SearchSpace] = {'normalize': Choices((True, False))}\n"
        "    def __init__(self, channels: int, *, normalize: bool = True) -> None:\n"
        "        super().__init__()\n"
        "    def forward(self, x: torch.Tensor) -> torch.Tensor:\n"
        "        return x\n"
    )
    words = ["ablate", "normalization", "--attention", "ablated-gate", "--import", "mine.py", *TINY]
    assert suite_of(words, capsys).attention == ("none", "ablated-gate", "ablated-gate:normalize=false")


def test_a_whole_store_is_shown_in_every_format_without_training(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ablate", "groups", "--attention", "sge:groups=4", *TINY, "--seeds", "3"]
    records = fill(words, capsys)
    files = list(Path("records").iterdir())
    assert main([*words, "--format", "csv", "--plots", "figures"]) == 0
    captured = capsys.readouterr()
    lines = list(csv.DictReader(io.StringIO(captured.out)))
    assert [line["setting_groups"] for line in lines] == ["", "1", "2", "4", "8"]
    assert [file.name for file in sorted(Path("figures").iterdir())] == ["ablation-groups.png", "ablation-groups.svg"]
    assert "The figure is in figures/ablation-groups.png." in captured.err
    assert main([*words, "--format", "json", "--output", "made/ablation.json"]) == 0
    assert capsys.readouterr().out == "The report is in made/ablation.json.\n"
    content = json.loads(Path("made/ablation.json").read_text(encoding="utf-8"))
    assert content["design"]["reference"] == "sge:groups=4"
    assert len([name for row in content["rows"] for name in row["digests"]]) == len(records) == 15
    assert main([*words, "--format", "markdown"]) == 0
    assert "| groups=4 (reference) |" in capsys.readouterr().out
    assert list(Path("records").iterdir()) == files


def test_a_dry_run_lists_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["ablate", "normalization", "--attention", "sge:groups=4", *TINY, "--seeds", "1"]
    records = fill(words, capsys)
    assert main([*words, "--dry-run"]) == 0
    assert "3 runs, of which 0 would be trained; nothing was." in capsys.readouterr().out
    assert len(list(Path("records").iterdir())) == len(records)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("ablate groups", "--attention"),
        ("ablate grops --attention sge", 'Invalid value "grops" for KIND'),
        ("ablate groups --attention simam", "simam has no setting groups for the ablation 'groups'; modules that have"),
        ("ablate placement --attention sk", "sk has no setting at for the ablation 'placement'; modules that have one"),
        ("ablate groups --attention none", "an ablation changes settings of an attention module; got 'none'"),
        ("ablate groups --attention sge,se", "unknown attention module 'sge,se'"),
        ("ablate groups --attention sge --seeds 0", "seeds must be at least 1; got seeds=0"),
        ("ablate groups --attention sge --workers 0", "workers must be at least 1; got workers=0"),
        ("ablate groups --attention sge --output x.csv", "--output needs a format for files; got --format table"),
        ("ablate groups --attention sge --format json --output records/x.json", "would be taken for a record"),
        ("ablate groups --attention sge --logger wandb --dry-run", "--dry-run trains nothing that could be logged"),
        ("ablate groups --attention sge --backbone resnet5", "unknown backbone 'resnet5'; did you mean"),
    ],
)
def test_a_mistake_is_one_sentence(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.splitlines()[-1].startswith("error: ")
    assert not Path("records").exists()


def test_help_does_not_wait_for_torch() -> None:
    program = (
        "import sys; from attnbench.cli import main; status = main(['ablate', '--help']);"
        "sys.exit(status if 'torch' not in sys.modules else 99)"
    )
    environment = source_environment()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr.decode()
