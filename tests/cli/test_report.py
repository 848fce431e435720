import csv
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from attnbench.cli import main
from attnbench.diverged_record import DivergedStore
from attnbench.efficiency_record import EfficiencyStore
from attnbench.record import Record, Store
from tests.diverged_records import diverged_in_place_of
from tests.efficiency_records import make_row
from tests.records import make_record
from tests.report.leaderboard.test_table import clear


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


def store_of(records: list[Record], name: str = "records") -> Path:
    store = Store(Path(name))
    for record in records:
        store.add(record)
    return store.path


def few() -> list[Record]:
    """Two leaderboards of two variants with two seeds each."""
    return [
        make_record(variant, seed, 85.0 + seed, data=data)
        for data in ("cifar10", "fashion-mnist")
        for variant in ("none", "sge")
        for seed in range(2)
    ]


@pytest.mark.parametrize(
    ("format_", "words"),
    [
        ("table", "Variants that share a rank letter"),
        ("markdown", "| variant | rank | top-1 % ± 95 % |"),
        ("latex", r"\toprule"),
        ("csv", "leaderboard,data,backbone,epochs,baseline,variant,rank,"),
        ("json", '"leaderboards": ['),
        ("html", "<!doctype html>"),
    ],
)
def test_prints_each_format(format_: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    store_of(clear())
    assert main(["report", "records", "--format", format_]) == 0
    assert words in capsys.readouterr().out


def test_writes_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    store_of(few())
    assert main(["report", "records", "--format", "csv", "--output", "made/table.csv"]) == 0
    assert capsys.readouterr().out == "The report is in made/table.csv.\n"
    lines = list(csv.DictReader(io.StringIO(Path("made/table.csv").read_text(encoding="utf-8"))))
    assert [(line["leaderboard"], line["variant"]) for line in lines] == [
        ("1", "none"), ("1", "sge"), ("2", "none"), ("2", "sge"),
    ]  # fmt: skip


def test_shows_the_leaderboard_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    store_of(few())
    assert main(["report", "records", "--board", "2", "--format", "json"]) == 0
    (board,) = json.loads(capsys.readouterr().out)["leaderboards"]
    assert board["facts"]["spec"]["data"] == "fashion-mnist"


def test_very_many_leaderboards_are_an_overview(capsys: pytest.CaptureFixture[str]) -> None:
    store_of([make_record(variant, data=f"data{number:02}") for number in range(11) for variant in ("none", "sge")])
    assert main(["report", "records"]) == 0
    shown = capsys.readouterr().out
    assert "11 leaderboards in records" in shown
    assert "One of them: attnbench report records --board N" in shown
    assert len(re.findall(r"on data\d\d", shown)) == 11
    assert main(["report", "records", "--board", "11"]) == 0
    shown = capsys.readouterr().out
    assert "on data10" in shown
    assert "on data09" not in shown


def test_draws_the_plots_of_each_leaderboard(capsys: pytest.CaptureFixture[str]) -> None:
    store_of(few())
    assert main(["report", "records", "--board", "1", "--plots", "plots", "--format", "json"]) == 0
    drawn = {file.name for file in Path("plots").iterdir()}
    assert {"accuracy-macs.png", "accuracy-macs.svg", "learning-curves.svg", "seed-differences.png"} <= drawn
    captured = capsys.readouterr()
    assert json.loads(captured.out)["leaderboards"]
    assert f"{len(drawn)} plots are in plots." in captured.err


def test_says_what_has_changed(capsys: pytest.CaptureFixture[str]) -> None:
    store_of(clear(3), "before")
    store_of([*clear(3), make_record("bam", 0)], "after")
    assert main(["report", "after", "--against", "before"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "A, what is reported: after" in shown
    assert "The records are identical, bit for bit" in shown


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("records --output x.txt", "--output needs a format for files; got --format table, allowed: markdown"),
        ("records --format json --output records/x.json", "would be taken for a record; got --output records/x.json"),
        ("records --format xml", 'Invalid value "xml" for --format'),
        ("records --board 3", "--board must be a number from 1 to 2; got 3"),
        ("records --board 0", "--board must be a number from 1 to 2; got 0"),
        ("records --against records --format csv", "got --format or --plots beside it"),
        ("records --against nowhere", "there is no store of records at nowhere"),
        ("records --format csv --output /dev/null/x.csv", "cannot write /dev/null/x.csv: "),
        ("records --plots /dev/null/x", "cannot write"),
    ],
)
def test_a_mistake_is_one_sentence(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    store_of(few())
    assert main(["report", *words.split()]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.splitlines()[-1].startswith("error: ")


@pytest.mark.parametrize("format_", ["table", "markdown", "latex", "csv", "json", "html"])
def test_damaged_and_hostile_records_do_not_stop_a_report(format_: str, capsys: pytest.CaptureFixture[str]) -> None:
    name = "</script><script>alert(1)</script>"
    path = store_of([make_record("none"), make_record(name), make_record("se", seed=1, processor="\x1b[31m<b>")])
    whole = make_record("sge").to_json()
    (path / "0123456789abcdef.json").write_bytes(whole[: len(whole) // 2])
    (path / ".fedcba9876543210.json.1234.tmp").write_bytes(whole[:100])
    (path / "fedcba9876543210.json").write_bytes(b"\x00" * 500)
    assert main(["report", "records", "--format", format_]) == 0
    captured = capsys.readouterr()
    assert "\x1b" not in captured.out
    said = captured.out + captured.err
    assert "0123456789abcdef.json is damaged" in said.replace("\n", " ").replace("  ", " ")
    assert "fedcba9876543210.json is damaged" in said.replace("\n", " ").replace("  ", " ")
    if format_ == "csv":
        assert {line["variant"] for line in csv.DictReader(io.StringIO(captured.out))} == {"none", name, "se"}
    if format_ in ("markdown", "html"):
        assert "<script>alert" not in captured.out


def test_a_damaged_run_is_named_beside_efficiency_rows_alone(capsys: pytest.CaptureFixture[str]) -> None:
    EfficiencyStore(Path("records")).add(make_row())
    Path("records/0123456789abcdef.json").write_text("{")
    assert main(["report", "records"]) == 0
    assert "left out: records/0123456789abcdef.json is damaged" in capsys.readouterr().err


def test_a_damaged_efficiency_row_is_named_beside_runs_alone(capsys: pytest.CaptureFixture[str]) -> None:
    path = store_of(few())
    (path / "0123456789abcdef.efficiency.json").write_text("{")
    assert main(["report", "records"]) == 0
    assert "left out: records/0123456789abcdef.efficiency.json is damaged" in capsys.readouterr().err


def test_a_pipe_that_is_ascii_gets_utf8() -> None:
    store_of(few())
    for format_ in ("markdown", "latex", "csv", "json", "html"):
        done = subprocess.run(
            [sys.executable, "-m", "attnbench", "report", "records", "--format", format_],
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode("utf-8")


def test_no_format_needs_torch() -> None:
    store_of(few())
    code = (
        "import sys; from attnbench.cli import main\n"
        "for format_ in ('table', 'markdown', 'latex', 'csv', 'json', 'html'):\n"
        "    assert main(['report', 'records', '--format', format_]) == 0\n"
        "assert main(['report', 'records', '--plots', 'plots']) == 0\n"
        "assert main(['report', 'records', '--against', 'records']) == 0\n"
        "heavy = {'torch', 'lightning', 'timm'} & set(sys.modules)\n"
        "sys.exit(f'imported: {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def diverged_store(records: list[Record], name: str = "records") -> DivergedStore:
    store = DivergedStore(Path(name))
    for record in records:
        store.add(diverged_in_place_of(record))
    return store


def test_runs_that_diverged_stand_below_their_table_and_others_below_all(capsys: pytest.CaptureFixture[str]) -> None:
    store_of(few())
    others = [make_record("none", seed, data="imagenet") for seed in range(2)]
    diverged_store([make_record("sge", 2), make_record("sge", 0), *others])
    assert main(["report", "records"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (of_table,) = (
        place for place, line in enumerate(lines) if line.startswith("sge seed 2 diverged at step 57 (epoch")
    )
    (of_others,) = (place for place, line in enumerate(lines) if line.startswith("cifar-resnet:depth=20 on imagenet: "))
    again = [place for place, line in enumerate(lines) if line == "This table again: attnbench report records"]
    assert again[0] < of_table < again[1] < of_others
    assert "none seeds 0 and 1 diverged" in " ".join(lines[of_others:])
    assert "sge seed 0" not in " ".join(lines)
    assert main(["report", "records", "--board", "2"]) == 0
    assert "imagenet" not in capsys.readouterr().out


@pytest.mark.parametrize("format_", ["markdown", "latex", "csv", "json", "html"])
def test_files_say_what_has_no_table(format_: str, capsys: pytest.CaptureFixture[str]) -> None:
    store_of(few())
    diverged_store([make_record("none", data="imagenet")])
    assert main(["report", "records", "--format", format_]) == 0
    captured = capsys.readouterr()
    place = captured.out if format_ in ("json", "html") else captured.err
    assert "on imagenet: every run that is recorded has diverged, so there is no table" in place


def test_where_all_runs_diverged_there_is_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    diverged_store([make_record("none"), make_record("sge")])
    assert main(["report", "records"]) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert said == (
        "cifar-resnet:depth=20 on fashion-mnist: every run that is recorded has diverged, so there is no table. none "
        "seed 0 diverged at step 57 (epoch 2 of 6); sge seed 0 diverged at step 57 (epoch 2 of 6)."
    )
    for format_ in ("csv", "json", "html"):
        assert main(["report", "records", "--format", format_]) == 2
        error = capsys.readouterr().err
        assert "left out: cifar-resnet:depth=20 on fashion-mnist: every run that is recorded has diverged" in error
        assert "holds no record of a run" in error
    assert main(["report", "records", "--task", "detection"]) == 2
    assert "records holds no record of detection that can be read" in capsys.readouterr().err


def test_a_damaged_record_of_a_divergence_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    store_of(few())
    store = diverged_store([make_record("sge", 2)])
    (run_digest,) = store.digests()
    store.file_of(run_digest).write_text("{")
    assert main(["report", "records"]) == 0
    said = capsys.readouterr().out
    assert "Records that could not be read and are left out:" in said
    assert f"{run_digest}.diverged.json is damaged" in said
    assert "seed 2 diverged" not in said


def test_many_leaderboards_count_what_diverged(capsys: pytest.CaptureFixture[str]) -> None:
    store_of([make_record("none", data=f"set{number}") for number in range(11)])
    diverged_store([make_record("none", 1, data="set3")])
    assert main(["report", "records"]) == 0
    said = capsys.readouterr().out
    assert "1 run diverged and is in no leaderboard; the table of each names its own." in said
