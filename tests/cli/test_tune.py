import re
import shlex
from pathlib import Path

import pytest
import yaml
from optuna.exceptions import StorageInternalError

from attnbench.cli import main
from attnbench.diverged_record import DivergedStore
from attnbench.record import Store
from attnbench.tune import objective
from attnbench.tune.storage import open_storage, sqlite_url
from attnbench.tune.study import study_spec
from attnbench.tune_spec import FIRST_FRESH_SEED
from tests.diverged_records import diverged_in_place_of
from tests.tiny import BACKBONE, DATA
from tests.tune.studies import FakeTraining
from tests.tune.test_finals import USERS_MODULE

TINY = [
    "--data", DATA, "--backbone", BACKBONE, "--device", "cpu", "--batch-size", "32",
    "--set", "measure.throughput_batch_size=4", "--set", "measure.throughput_rounds=2",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> FakeTraining:
    fake = FakeTraining()
    monkeypatch.setattr(objective, "validate_spec", fake)
    return fake


def tune(*words: str) -> int:
    return main(["tune", "--attention", "sge", *TINY, "--workers", "1", *words])


def test_a_study_from_search_to_comparison(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert tune("--epochs", "1", "--trials", "3", "--pruner", "none", "--final-seeds", "2") == 0
    captured = capsys.readouterr()
    assert "1/3 trial 0, sge:groups=8: " in captured.err
    assert "% on validation in" in captured.err
    folder = tmp_path / "studies" / "sge-cluttered-digits"
    assert {file.name for file in folder.iterdir()} >= {"study.db", "study.html", "trials.csv"}
    assert len((folder / "trials.csv").read_text().splitlines()) == 1 + 3
    # The comparison on fresh seeds, not the best trial, is the last thing said.
    assert "The final comparison, on fresh seeds and the test split" in captured.out
    assert captured.out.index("The best trials, on validation") < captured.out.index("The final comparison")
    assert "2 fresh seeds" in " ".join(captured.out.split("The final comparison")[1].split())
    records = len(list((tmp_path / "records").glob("*.json")))
    assert records in (2, 4)  # the default may win

    # A study remembers how much of it was wanted.
    assert main(["tune", "--study", "sge-cluttered-digits"]) == 0
    again = capsys.readouterr()
    assert "All 3 trials of sge-cluttered-digits have ended already." in again.err
    assert f"{records} of {records} runs are recorded already." in again.err
    assert again.out == captured.out

    # A seed that diverged is not trained again, and the comparison names it.
    store = Store(tmp_path / "records")
    lost = next(record for record in store if record.spec.seed == FIRST_FRESH_SEED + 1)
    DivergedStore(store.path).add(diverged_in_place_of(lost, step=1, epoch=1))
    store.file_of(lost.digest).unlink()
    assert main(["tune", "--study", "sge-cluttered-digits"]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert f"{lost.spec.attention} seed {lost.spec.seed} diverged at step 1 (epoch 1 of 1) and is not in the" in said


def test_a_finished_study_prints_at_once(capsys: pytest.CaptureFixture[str], training: FakeTraining) -> None:
    assert tune("--trials", "2", "--final-seeds", "0") == 0
    first = capsys.readouterr().out
    assert main(["tune", "--study", "sge-cluttered-digits", "--trials", "2", "--final-seeds", "0"]) == 0
    captured = capsys.readouterr()
    assert captured.out == first
    assert "All 2 trials of sge-cluttered-digits have ended already." in captured.err
    assert len(training.runs) == 2


def test_other_options_under_the_same_name_are_refused(
    capsys: pytest.CaptureFixture[str], training: FakeTraining
) -> None:
    assert tune("--trials", "1", "--final-seeds", "0") == 0
    assert tune("--trials", "1", "--final-seeds", "0", "--sampler", "random") == 2
    assert "was started with another sampler" in capsys.readouterr().err
    assert tune("--trials", "1", "--final-seeds", "0", "--sampler", "random", "--study", "other") == 0


def test_ctrl_c_says_how_to_go_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*args: object, **kwargs: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(objective, "validate_spec", interrupted)
    assert tune("--trials", "2", "--final-seeds", "0") == 130
    said = " ".join(capsys.readouterr().err.split())
    (command,) = re.findall(r"last epoch: attnbench (.*)$", said)
    training = FakeTraining()
    monkeypatch.setattr(objective, "validate_spec", training)
    # No word of the search is needed: the study knows that two trials are wanted.
    assert main([*shlex.split(command), "--workers", "1"]) == 0
    assert training.runs[0].attention == "sge:groups=8"
    assert len(training.runs) == 2


def test_an_edited_module_spends_no_trials(
    capsys: pytest.CaptureFixture[str], training: FakeTraining, tmp_path: Path
) -> None:
    Path("mine.py").write_text(USERS_MODULE)
    words = ["tune", "--import", "mine.py", "--attention", "mine", *TINY, "--workers", "1", "--final-seeds", "0"]
    assert main([*words, "--trials", "1"]) == 0
    Path("mine.py").write_text(USERS_MODULE + "# edited")
    assert main(["tune", "--study", "mine-cluttered-digits", "--trials", "3"]) == 2
    assert "mine.py has changed since the spec was written" in capsys.readouterr().err
    assert len((tmp_path / "studies" / "mine-cluttered-digits" / "trials.csv").read_text().splitlines()) == 2
    assert len(training.runs) == 1


def test_the_winner_can_be_held_to_another_module(capsys: pytest.CaptureFixture[str], training: FakeTraining) -> None:
    assert tune("--epochs", "1", "--trials", "1", "--against", "none", "--final-seeds", "1") == 0
    out = capsys.readouterr().out
    assert re.search(r"^none .*\n\(default\)", out, re.MULTILINE)


def test_the_space_can_be_printed_and_given_back(
    capsys: pytest.CaptureFixture[str], training: FakeTraining, tmp_path: Path
) -> None:
    assert tune("--print-space", "--also", "stages") == 0
    printed = capsys.readouterr().out
    assert yaml.safe_load(printed)["groups"] == [1, 2, 4, 8]
    Path("space.yaml").write_text(printed)
    assert tune("--space", "space.yaml", "--trials", "1", "--final-seeds", "0") == 0
    storage = open_storage(sqlite_url(tmp_path / "studies" / "sge-cluttered-digits" / "study.db"))
    assert set(study_spec(storage, "sge-cluttered-digits").space) == {
        "groups", "gate_scale_init", "gate_shift_init", "normalize", "stages",
    }  # fmt: skip


def test_what_a_file_names_and_the_backbone_does_not_take_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    Path("space.yaml").write_text("groups: [1, 2, 3]\n")
    assert tune("--space", "space.yaml", "--print-space") == 0
    captured = capsys.readouterr()
    assert captured.out == "groups: [1, 2]\n"
    assert "left out of groups, since cifar-resnet" in captured.err
    assert captured.err.rstrip().endswith(": 3")


def test_a_space_without_groups_lowers_them_to_the_backbone(
    capsys: pytest.CaptureFixture[str], training: FakeTraining
) -> None:
    Path("space.yaml").write_text("gate_scale_init: [0.0, 1.0]\n")
    assert tune("--space", "space.yaml", "--trials", "2", "--final-seeds", "0") == 0
    assert {run.attention for run in training.runs} <= {"sge:groups=8", "sge:gate_scale_init=1.0,groups=8"}


def test_values_that_the_recipe_does_not_take_cost_no_trial(capsys: pytest.CaptureFixture[str]) -> None:
    Path("space.yaml").write_text("recipe.learning_rate: [0.1, -1]\n")
    assert tune("--space", "space.yaml") == 2
    assert "recipe.learning_rate in the space: learning_rate must be positive" in capsys.readouterr().err


def test_the_grid_ends_by_itself(capsys: pytest.CaptureFixture[str], training: FakeTraining) -> None:
    Path("space.yaml").write_text("groups: divisors\n")
    assert tune("--space", "space.yaml", "--sampler", "grid", "--pruner", "none", "--final-seeds", "0") == 0
    assert len(training.runs) == 4
    assert "4/4 " in capsys.readouterr().err


def test_timeout_begins_no_further_trial(capsys: pytest.CaptureFixture[str], training: FakeTraining) -> None:
    assert tune("--trials", "3", "--timeout", "0") == 1  # there is no winner yet
    assert not training.runs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--trials", "0"], "trials must be at least 1; got trials=0"),
        (["--final-seeds", "-1"], "final_seeds and timeout must not be negative; got final_seeds=-1"),
        (["--timeout", "-5"], "timeout=-5.0"),
        (["--objective", "acuracy"], "--objective: unknown name 'acuracy'; did you mean 'accuracy'?"),
        (["--also", "momentum"], "--also: unknown name 'momentum'"),
        (["--storage", "journal:///x.log"], "the journal storage has no heartbeat"),
        (["--space", "missing.yaml"], "missing.yaml"),
        (["--sampler", "cma"], "--sampler"),
        (["--against", "sge:groups=5"], "groups must divide channels"),
    ],
)
def test_mistakes_are_one_sentence(capsys: pytest.CaptureFixture[str], words: list[str], message: str) -> None:
    assert tune(*words) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_a_storage_that_fails_beside_the_search_is_one_sentence(
    capsys: pytest.CaptureFixture[str], training: FakeTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*args: object) -> None:
        raise StorageInternalError("the disk is gone")

    for place in ("cli.tune_search.best_numbers", "tune.study.start_study"):
        with monkeypatch.context() as patch:
            patch.setattr(f"attnbench.{place}", fails)
            assert tune("--trials", "1", "--final-seeds", "0") == 2
        said = " ".join(capsys.readouterr().err.split())
        assert "study.db has failed; the same command goes on from what it holds: the disk is gone" in said


def test_a_study_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tune", "--study", "nothing"]) == 2
    assert "there is no study 'nothing' in studies; name what to tune with --attention" in capsys.readouterr().err
