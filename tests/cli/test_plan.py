import sys
from pathlib import Path

import pytest

from attnbench.cli import main
from attnbench.diverged_record import DivergedStore
from attnbench.record import Store
from attnbench.spec import Recipe
from attnbench.spec_io import to_yaml
from tests.diverged_records import diverged_in_place_of
from tests.records import make_record
from tests.tiny import tiny_suite


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def _records() -> None:
    store = Store(Path("records"))
    for seed in range(3):
        store.add(make_record("none", seed, 80.0))
        store.add(make_record("sge", seed, 80.5 + 0.3 * seed))


@pytest.mark.usefixtures("_records")
def test_plans_the_asked_difference_or_a_ladder_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "records"]) == 0
    output = capsys.readouterr().out
    rows = [line.split()[0] for line in output.splitlines() if "against the baseline (1)" in line]
    assert rows == ["0.2", "0.5", "1", "2"]
    assert main(["plan", "records", "--difference", "0.5", "--workers", "3"]) == 0
    output = capsys.readouterr().out
    # The deviation is 0.3, and two families of one comparison are one.
    assert output.count("(1)") == 1
    assert "3 runs at a time" in output


@pytest.mark.usefixtures("_records")
def test_runs_that_diverged_count_as_no_seeds(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "records", "--difference", "0.5"]) == 0
    before = capsys.readouterr().out
    for seed in (3, 4):
        DivergedStore(Path("records")).add(diverged_in_place_of(make_record("sge", seed)))
    assert main(["plan", "records", "--difference", "0.5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    said = [line for line in lines if line.startswith("Runs that diverged")]
    assert said == ["Runs that diverged count as no seeds, and further ones may diverge as well: sge (2 runs)."]
    assert [line for line in lines if line not in said] == before.splitlines()


@pytest.mark.usefixtures("_records")
def test_plans_the_other_way_round(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "records", "--seeds", "20"]) == 0
    (row,) = [line for line in capsys.readouterr().out.splitlines() if "against the baseline" in line]
    assert row.startswith("0.2 (0.1")
    assert row.split()[-3:-2] == ["34"]


@pytest.mark.usefixtures("_records")
def test_no_more_workers_than_further_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("attnbench.executors.devices.num_cores", lambda: 64)
    assert main(["plan", "records", "--seeds", "5"]) == 0
    # Two more seeds of two variants, of 105 s each.
    output = capsys.readouterr().out
    assert "), 4 runs at a time" in output.replace("\n", " ")
    (row,) = [line for line in output.splitlines() if "against the baseline" in line]
    assert row.endswith("4  105 s")


def _many_boards(number: int) -> None:
    store = Store(Path("records"))
    for epochs in range(1, number + 1):
        for seed in range(3):
            store.add(make_record("none", seed, 80.0, recipe=Recipe(epochs=epochs)))
            store.add(make_record("sge", seed, 80.0 - epochs * seed, recipe=Recipe(epochs=epochs)))


def test_more_than_ten_leaderboards_are_chosen_from(capsys: pytest.CaptureFixture[str]) -> None:
    _many_boards(11)
    assert main(["plan", "records"]) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: --board must say which leaderboards are planned")
    assert "records holds 11" in error
    assert error.count("\n") == 0
    assert main(["plan", "records", "--board", "3", "--board", "11", "--seeds", "9"]) == 0
    output = capsys.readouterr().out
    # The deviation of seeds 0, 1 and 2 is as large as the number of epochs.
    assert "deviation of 3.00 points" in output.replace("\n", " ")
    assert "deviation of 11.00 points" in output.replace("\n", " ")
    assert output.count("cifar-resnet") == 2
    assert main(["plan", "records", "--board", "12"]) == 2
    assert "--board must be a number from 1 to 11; got 12" in capsys.readouterr().err


def test_ten_leaderboards_are_planned_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    _many_boards(10)
    assert main(["plan", "records", "--seeds", "9"]) == 0
    assert capsys.readouterr().out.count("cifar-resnet") == 10


@pytest.mark.usefixtures("_records")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--difference 0", "must be finite and not 0"),
        ("--difference 1 --seeds 9", "exclude each other"),
        ("--power 1", "power must lie in (0, 1); got power=1"),
        ("--alpha 0", "alpha must lie in (0, 1)"),
        ("--seeds 1", "at least 2; got num_seeds=1"),
        ("--workers 0", "workers must be at least 1"),
    ],
)
def test_a_mistake_is_one_sentence(words: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "records", *words.split()]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.count("\n") == 0


def test_one_seed_knows_no_noise(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("none", "sge"):
        Store(Path("records")).add(make_record(name))
    assert main(["plan", "records"]) == 2
    assert "nothing is known of the noise over seeds" in capsys.readouterr().err


def test_a_dry_run_lists_and_trains_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Path("suite.yaml").write_text(to_yaml(tiny_suite(epochs=1)))
    assert main(["leaderboard", "suite.yaml", "--dry-run"]) == 0
    output = capsys.readouterr().out
    assert output.count("missing") == 2
    assert "96 training images × 1 epoch × 2 runs = 192" in output
    assert [path.name for path in Path().iterdir()] == ["suite.yaml"]


def test_a_leaderboard_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    Path("suite.yaml").write_text(to_yaml(tiny_suite(epochs=1)))
    words = ["leaderboard", "suite.yaml", "--workers", "1", "--logger", "tensorboard", "--log-dir", "there"]
    assert main(words) == 0
    assert sorted(path.name.rpartition("-")[0] for path in Path("there").iterdir()) == [
        "none-seed0",
        "sge_groups_4-seed0",
    ]


def test_a_logger_that_is_not_installed_shows_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    assert main(["leaderboard", "--logger", "tensorboard"]) == 2
    assert "pip install attnbench[tensorboard]" in capsys.readouterr().err
