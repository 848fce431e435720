"""`attnbench export` from its words to the files."""

import sys
from pathlib import Path

import pytest
from pyarrow import parquet

from attnbench.cli import main
from attnbench.detection_record import DetectionStore
from attnbench.diverged_record import DivergedStore
from attnbench.record import Store
from tests.detection_records import make_detection_record
from tests.diverged_records import diverged_in_place_of
from tests.records import make_record
from tests.report.leaderboard.further import further_records


@pytest.fixture
def store(tmp_path: Path) -> Path:
    for seed in range(3):
        Store(tmp_path / "records").add(make_record(seed=seed, top1=80.0 + seed))
    return tmp_path / "records"


def test_writes_runs_and_curves(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, curves = tmp_path / "runs.parquet", tmp_path / "curves.parquet"
    assert main(["export", str(store), "--parquet", str(runs), "--curves", str(curves), "--correct"]) == 0
    assert capsys.readouterr().out == f"3 runs in {runs}\n18 epochs in {curves}\n"
    table = parquet.read_table(runs).sort_by("seed")
    assert table["test_top1_percent"].to_pylist() == [80.0, 81.0, 82.0]
    assert [sum(answers) for answers in table["test_correct"].to_pylist()] == [8_000, 8_100, 8_200]
    assert set(parquet.read_table(curves)["digest"].to_pylist()) == set(table["digest"].to_pylist())


def test_a_run_in_several_stores_counts_once_and_damage_is_named(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other"
    Store(other).add(make_record(seed=0, top1=10.0))
    Store(other).add(make_record(seed=7))
    (other / "0123456789abcdef.json").write_text("{")
    assert main(["export", str(store), str(other), "--parquet", str(tmp_path / "runs")]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"4 runs in {tmp_path / 'runs'}\n"
    assert captured.err.startswith(f"{other / '0123456789abcdef.json'} is damaged: ")
    assert captured.err.count("\n") == 1
    table = parquet.read_table(tmp_path / "runs").sort_by("seed")
    assert table["seed"].to_pylist() == [0, 1, 2, 7]
    assert table["test_top1_percent"].to_pylist()[0] == 80.0
    assert "test_correct" not in table.column_names


def test_says_how_many_runs_diverged(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lost = [make_record(seed=7), make_record(seed=8), make_detection_record()]
    for record in lost:
        DivergedStore(store).add(diverged_in_place_of(record))
    assert main(["export", str(store), "--parquet", str(tmp_path / "runs")]) == 0
    captured = capsys.readouterr()
    assert captured.out == f"3 runs in {tmp_path / 'runs'}\n"
    assert captured.err == "2 runs diverged and are in no file.\n"


def test_a_store_in_which_all_diverged_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for record in (make_record(), make_detection_record()):
        DivergedStore(tmp_path).add(diverged_in_place_of(record))
    assert main(["export", str(tmp_path), "--parquet", str(tmp_path / "runs")]) == 2
    diverged, error = capsys.readouterr().err.splitlines()
    assert diverged == "2 runs diverged and are in no file."
    assert error == f"error: {tmp_path} holds no record of a run that can be read"


def test_runs_of_detection_are_written_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for seed in range(2):
        DetectionStore(tmp_path / "records").add(make_detection_record(seed=seed))
    runs, curves = tmp_path / "runs.parquet", tmp_path / "curves.parquet"
    assert main(["export", str(tmp_path / "records"), "--parquet", str(runs), "--curves", str(curves)]) == 0
    assert capsys.readouterr().out == f"2 runs in {runs}\n12 epochs in {curves}\n"
    assert parquet.read_table(runs).sort_by("seed")["detector"].to_pylist() == ["faster-rcnn"] * 2
    assert main(["export", str(tmp_path / "records"), "--parquet", str(runs), "--correct"]) == 2
    assert "--correct is of images that were classified" in capsys.readouterr().err


def test_writes_maps_and_corrupted_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for record in further_records(("none", "se"), num_seeds=1):
        Store(tmp_path / "records").add(record)
    files = {name: tmp_path / f"{name}.parquet" for name in ("parquet", "maps", "corrupted")}
    words = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    assert main(["export", str(tmp_path / "records"), *words, "--correct"]) == 0
    assert capsys.readouterr().out == (
        f"2 runs in {files['parquet']}\n9 maps in {files['maps']}\n"
        f"24 passes over corrupted images in {files['corrupted']}\n"
    )
    digests = set(parquet.read_table(files["parquet"])["digest"].to_pylist())
    for name in ("maps", "corrupted"):
        assert set(parquet.read_table(files[name])["digest"].to_pylist()) == digests
    assert "test_correct" in parquet.read_table(files["corrupted"]).column_names


def test_detectors_have_no_maps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DetectionStore(tmp_path / "records").add(make_detection_record())
    command = ["export", str(tmp_path / "records"), "--parquet", str(tmp_path / "runs")]
    assert main([*command, "--maps", str(tmp_path / "maps")]) == 2
    assert "--maps and --corrupted are of images that were classified" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_store_of_both_kinds_needs_a_task(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    DetectionStore(store).add(make_detection_record())
    command = ["export", str(store), "--parquet", str(tmp_path / "runs")]
    assert main(command) == 2
    assert "holds runs of classification and of detection: choose one by --task" in capsys.readouterr().err
    for task, number in (("classification", 3), ("detection", 1)):
        assert main([*command, "--task", task]) == 0
        assert parquet.read_table(tmp_path / "runs").num_rows == number


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nowhere", "--parquet", "runs"], "there is no store of records at nowhere"),
        (["empty", "--parquet", "runs"], "empty holds no record of a run that can be read"),
        (
            ["records", "--parquet", "runs", "--task", "detection"],
            "records holds no record of a run of detection that can be read",
        ),
        (
            ["records", "--parquet", "new/runs"],
            "parquet must be a file in a folder that exists; got parquet='new/runs'",
        ),
        (["records", "--parquet", "runs", "--curves", "empty"], "curves must be a file in a folder that exists"),
        (["records", "--parquet", "runs", "--curves", "./runs"], "runs and curves need files of their own; got 'runs'"),
        (
            ["records", "--parquet", "runs", "--maps", "more", "--corrupted", "more"],
            "maps and corrupted images need files of their own; got 'more' for both",
        ),
    ],
)
def test_says_in_one_sentence_what_is_wrong(
    store: Path,
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    assert main(["export", *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "records"]


def test_names_what_is_not_installed(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    assert main(["export", str(store), "--parquet", str(tmp_path / "runs")]) == 2
    assert "Parquet needs pyarrow: pip install attnbench[export]" in capsys.readouterr().err
