import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from attnbench.cli import main
from attnbench.detection_record import DetectionStore
from attnbench.record import Store
from tests.records import make_record
from tests.report.detection.records import some


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


def detection_store() -> None:
    for record in some():
        DetectionStore(Path("records")).add(record)


def mixed_store() -> None:
    detection_store()
    for variant in ("none", "sge"):
        Store(Path("records")).add(make_record(variant))


@pytest.mark.parametrize(
    ("format_", "words"),
    [
        ("table", "Detection: faster-rcnn in resnet18 on cluttered-scenes"),
        ("markdown", "### faster-rcnn"),
        ("latex", r"\label{tab:detection-1}"),
        ("csv", "board,data,backbone,epochs,baseline,detector,variant,"),
        ("json", '"detection": ['),
        ("html", "<!doctype html>"),
    ],
)
def test_prints_each_format(format_: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    detection_store()
    assert main(["report", "records", "--format", format_]) == 0
    assert words in capsys.readouterr().out


@pytest.mark.parametrize("format_", ["table", "markdown", "latex", "html"])
def test_both_tasks_stand_below_each_other(format_: str, capsys: pytest.CaptureFixture[str]) -> None:
    mixed_store()
    assert main(["report", "records", "--format", format_]) == 0
    shown = capsys.readouterr().out
    classifiers, detectors = "cifar-resnet:depth=20 on fashion-mnist", "Detection: faster-rcnn in resnet18"
    assert 0 <= shown.index(classifiers) < shown.index(detectors)


def test_a_task_is_shown_alone(capsys: pytest.CaptureFixture[str]) -> None:
    mixed_store()
    assert main(["report", "records", "--task", "detection", "--format", "csv"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert {line["detector"] for line in lines} == {"faster-rcnn"}
    assert main(["report", "records", "--task", "classification", "--format", "json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"leaderboards", "without_table", "problems"}


def test_draws_the_plots_of_both_tasks(capsys: pytest.CaptureFixture[str]) -> None:
    mixed_store()
    assert main(["report", "records", "--plots", "plots", "--format", "html"]) == 0
    captured = capsys.readouterr()
    assert "14 plots are in plots/detection." in captured.err
    assert {"accuracy-macs.png", "learning-curves.svg", "detection"} <= {path.name for path in Path("plots").iterdir()}
    drawn = {path.name for path in Path("plots/detection").iterdir()}
    assert {"ap-macs.png", "ap-by-size.svg", "precision-recall.png", "learning-curves.svg"} <= drawn
    assert main(["report", "records", "--plots", "alone", "--task", "classification"]) == 0
    assert not Path("alone/detection").exists()


def test_a_store_of_detectors_alone_is_drawn(capsys: pytest.CaptureFixture[str]) -> None:
    detection_store()
    assert main(["report", "records", "--plots", "plots"]) == 0
    assert [path.name for path in Path("plots").iterdir()] == ["detection"]
    assert capsys.readouterr().err == "14 plots are in plots/detection.\n"


def test_a_board_is_shown_without_detection_tables(capsys: pytest.CaptureFixture[str]) -> None:
    mixed_store()
    assert main(["report", "records", "--board", "1"]) == 0
    assert "Detection" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--format csv", "holds runs of classification and of detection: choose one by --task"),
        ("--task detection --board 1", "--board and --against are of leaderboards of classification"),
        ("--task detection --against records", "got one of them with --task detection"),
        ("--task segmentation", 'Invalid value "segmentation" for --task'),
    ],
)
def test_a_mistake_is_one_sentence(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    mixed_store()
    assert main(["report", "records", *words.split()]) == 2
    assert message in capsys.readouterr().err


def test_a_store_without_the_task_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    Store(Path("records")).add(make_record())
    assert main(["report", "records", "--task", "detection"]) != 0
    assert "records holds no record of detection that can be read" in capsys.readouterr().err


def test_a_damaged_record_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    detection_store()
    Path("records/0123456789abcdef.detection.json").write_text("{")
    assert main(["report", "records"]) == 0
    assert "0123456789abcdef.detection.json is damaged" in " ".join(capsys.readouterr().out.split())
    assert main(["report", "records", "--format", "json"]) == 0
    assert "0123456789abcdef" in json.loads(capsys.readouterr().out)["problems"][0]


def test_a_damaged_detection_record_is_named_beside_runs_alone(capsys: pytest.CaptureFixture[str]) -> None:
    Store(Path("records")).add(make_record())
    Path("records/0123456789abcdef.detection.json").write_text("{")
    assert main(["report", "records"]) == 0
    assert "left out: records/0123456789abcdef.detection.json is damaged" in capsys.readouterr().err


def test_no_format_needs_torch() -> None:
    detection_store()
    code = (
        "import sys; from attnbench.cli import main\n"
        "for format_ in ('table', 'markdown', 'latex', 'csv', 'json', 'html'):\n"
        "    assert main(['report', 'records', '--format', format_]) == 0\n"
        "assert main(['report', 'records', '--plots', 'plots']) == 0\n"
        "heavy = {'torch', 'lightning', 'timm'} & set(sys.modules)\n"
        "sys.exit(f'imported: {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
