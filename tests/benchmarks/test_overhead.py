import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torchvision.transforms.functional import pil_to_tensor

from attnbench.cli import main as attnbench_main
from attnbench.errors import SpecError, TrainingError
from attnbench.run import run_spec
from attnbench.spec import RunSpec, SuiteSpec
from attnbench.spec_io import from_yaml
from attnbench.suite import expand
from benchmarks.overhead import __main__ as overhead
from benchmarks.overhead import bare, leaderboard, starting, timm_script
from benchmarks.overhead.leaderboard import PARTS, Processes, Round
from benchmarks.overhead.spent import Spent, of_call, of_command
from benchmarks.overhead.starting import COMMANDS
from benchmarks.overhead.table import cells, rows_in_one_process, rows_of_processes, rows_of_starts
from benchmarks.overhead.timm_script import Beside
from tests.tiny import tiny_suite


def suite_with(**recipe: Any) -> SuiteSpec:
    suite = tiny_suite(attention=("sge:groups=4",), epochs=3)
    return replace(suite, recipe=replace(suite.recipe, **recipe))


def spent(wall_s: float, processor_s: float = 1.0) -> Spent:
    return Spent(wall_s=wall_s, processor_s=processor_s)


@pytest.fixture(autouse=True)
def _as_before(monkeypatch: pytest.MonkeyPatch) -> Any:
    threads, is_deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(is_deterministic)


@pytest.mark.parametrize(
    "recipe",
    [
        {"warmup_epochs": 0.5},
        {"crop_padding": 0, "horizontal_flip": False, "label_smoothing": 0.1},
        {"horizontal_flip": False, "selection": "last", "nesterov": False},
    ],
)
def test_the_bare_loop_trains_what_a_run_trains_to_the_last_bit(recipe: dict[str, Any], tmp_path: Path) -> None:
    suite = suite_with(**recipe)
    spec = expand(suite)[1]
    record = run_spec(spec, checkpoint=tmp_path / "run.ckpt")
    trained, model = bare.train(suite, spec.attention, spec.seed, leaderboard.tensors_of(suite))
    assert leaderboard.is_same(record, trained)
    assert trained.train_losses == pytest.approx([point.train_loss for point in record.curve], rel=1e-12)
    saved = torch.load(tmp_path / "run.ckpt", weights_only=True)["state_dict"]
    weights = {name.removeprefix("model."): value for name, value in saved.items() if name.startswith("model.")}
    assert weights.keys() == model.state_dict().keys()
    for name, value in model.state_dict().items():
        assert torch.equal(value, weights[name]), name


def test_another_bit_is_seen() -> None:
    suite = suite_with(selection="last")
    spec, tensors = expand(suite)[0], leaderboard.tensors_of(suite)
    record = run_spec(spec)
    trained, _ = bare.train(suite, spec.attention, spec.seed, tensors)
    assert leaderboard.are_same((record,), [trained])
    assert not leaderboard.are_same((record,), [])
    loss = replace(trained.test, loss=float(torch.nextafter(torch.tensor(trained.test.loss), torch.tensor(9.0))))
    assert not leaderboard.is_same(record, replace(trained, test=loss))
    other = [not trained.test_correct[0], *trained.test_correct[1:]]
    assert not leaderboard.is_same(record, replace(trained, test_correct=other))


def test_a_round_times_both_and_what_only_one_of_them_does() -> None:
    suite = replace(suite_with(epochs=1), seeds=(0, 1))
    one = leaderboard.measure_round(suite, leaderboard.tensors_of(suite))
    assert one.is_same
    assert one.bare.wall_s > 0
    assert set(one.parts_s) == set(PARTS)
    assert all(seconds > 0 for seconds in one.parts_s.values())
    assert sum(one.parts_s.values()) < one.suite.wall_s


def test_images_that_are_no_tensors_are_refused(tmp_path: Path) -> None:
    for split in ("train", "val"):
        for label in ("a", "b"):
            (tmp_path / split / label).mkdir(parents=True)
            for number in range(4):
                Image.new("RGB", (8, 8)).save(tmp_path / split / label / f"{number}.png")
    suite = suite_with(crop_padding=0)
    with pytest.raises(SpecError, match="the bare loop needs images held in memory; got data=folder:image_size=8"):
        leaderboard.tensors_of(replace(suite, data="folder:image_size=8", root=str(tmp_path)))


def test_the_script_prints_what_it_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = suite_with(epochs=1)
    tensors = leaderboard.tensors_of(suite)
    torch.save(tensors, tmp_path / "tensors.pt")
    (tmp_path / "suite.yaml").write_text(leaderboard.to_yaml(suite))
    assert bare.main([str(tmp_path / "suite.yaml"), str(tmp_path / "tensors.pt")]) == 0
    printed = json.loads(capsys.readouterr().out)
    expected = [bare.train(suite, attention, 0, tensors)[0].test.loss for attention in suite.attention]
    assert [trained["test"]["loss"] for trained in printed] == expected


def test_a_command_that_fails_is_no_measurement() -> None:
    took = of_command([sys.executable, "-c", "sum(range(10**6))"])
    assert took.wall_s > 0
    assert took.processor_s > 0
    with pytest.raises(TrainingError, match=r"ended with code 3: so it is"):
        of_command([sys.executable, "-c", "import sys; print('so it is'); sys.exit(3)"])
    assert of_call(lambda: "what it gives")[1] == "what it gives"


def test_rounds_become_rows_with_ratios_and_verdicts() -> None:
    parts = dict.fromkeys(PARTS, 0.5)
    rounds = [
        Round(bare=spent(100.0, 90.0), suite=spent(104.0, 99.0), parts_s=parts, is_same=True),
        Round(bare=spent(100.0, 90.0), suite=spent(120.0, 99.0), parts_s=parts, is_same=True),
        Round(bare=spent(200.0, 90.0), suite=spent(206.0, 99.0), parts_s=parts, is_same=True),
    ]
    rows = [cells(row) for row in rows_in_one_process(rounds, 2)]
    assert rows[0] == ("bare loop, 2 trainings", "100.00 [100.00 … 200.00]", "", "", "")
    assert rows[1][1:] == ("120.00 [104.00 … 206.00]", "1.040 [1.030 … 1.200]", "1.100", "at most 1.05: met")
    assert rows[-1][2] == "1.020 [1.020 … 1.180]"
    slower = [replace(one, bare=spent(one.bare.wall_s / 1.02)) for one in rounds]
    assert [cells(row)[4] for row in rows_in_one_process(slower, 2)][1] == "at most 1.05: missed"


def test_several_runs_at_once_are_told_by_the_run() -> None:
    rounds = [Processes(bare=spent(50.0), suites={1: spent(60.0), 2: spent(45.0)})] * 2
    rows = {row.label: cells(row) for row in rows_of_processes(rounds, 4)}
    assert rows["attnbench leaderboard --workers 1"][2] == "1.200 [1.200 … 1.200]"
    assert rows["  a run, 1 at once"][1:3] == ("15.00 [15.00 … 15.00]", "")
    assert rows["  a run, 2 at once"][1:3] == ("11.25 [11.25 … 11.25]", "0.750 [0.750 … 0.750]")


def test_the_first_round_of_commands_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def took(command: list[str]) -> Spent:
        asked.append(" ".join(command[3:]))
        return spent(9.0 if len(asked) <= len(COMMANDS) else 0.3)

    monkeypatch.setattr(starting, "of_command", took)
    rows = list(rows_of_starts(starting.measure_starts(2)))
    assert asked == [command.words for command in COMMANDS] * 3
    assert [row.is_met for row in rows] == [None if command.most_s is None else True for command in COMMANDS]
    assert all(row.seconds == [0.3, 0.3] for row in rows)
    assert Path(starting.RECORDS).is_dir()


def test_timms_script_gets_the_same_images_and_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tensors = leaderboard.tensors_of(suite_with())
    commands: list[list[str]] = []

    def took(command: list[str]) -> Spent:
        commands.append(command)
        root = Path(command[command.index("--data-dir" if "--data-dir" in command else "--root") + 1])
        assert {folder.name for folder in root.iterdir()} == {"train", "val", "test"}
        return spent(float(len(commands)))

    monkeypatch.setattr(timm_script, "of_command", took)
    made = timm_script.measure_timm(
        Path("train.py"), tensors, rounds=2, model="resnet10t", epochs=7, readers=1, device="cpu", threads=1
    )
    assert made == [Beside(timm=spent(1.0), attnbench=spent(2.0)), Beside(timm=spent(3.0), attnbench=spent(4.0))]
    theirs = dict(zip(commands[0][2::2], commands[0][3::2], strict=False))
    assert attnbench_main([*commands[1][3:], "--print-spec"]) == 0
    ours = from_yaml(capsys.readouterr().out, RunSpec, source="output")
    recipe = ours.recipe
    assert (recipe.epochs, recipe.batch_size) == (int(theirs["--epochs"]), int(theirs["--batch-size"])) == (7, 64)
    assert (recipe.learning_rate, recipe.weight_decay) == (float(theirs["--lr"]), float(theirs["--weight-decay"]))
    assert (recipe.schedule, recipe.warmup_epochs, recipe.label_smoothing) == ("cosine", 0, 0)
    assert recipe.horizontal_flip
    assert ours.backbone == theirs["--model"]


def test_a_folder_holds_the_images_as_they_are(tmp_path: Path) -> None:
    tensors = leaderboard.tensors_of(suite_with())
    timm_script.write_folder(tensors, tmp_path)
    files = sorted((tmp_path / "val").rglob("*.png"), key=lambda file: file.name)
    assert [int(file.parent.name) for file in files] == tensors["validation_labels"].tolist()
    for file, pixels in zip(files, tensors["validation_images"], strict=True):
        assert torch.equal(pil_to_tensor(Image.open(file)), pixels.expand(3, -1, -1))


def test_all_is_printed_and_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(overhead, "measure_processes", lambda suite, tensors, workers: Processes(
        bare=spent(2.0), suites={number: spent(3.0) for number in workers}
    ))  # fmt: skip
    monkeypatch.setattr(overhead, "measure_starts", lambda rounds: {one.words: [spent(0.2)] for one in COMMANDS})
    monkeypatch.setattr(
        overhead, "measure_timm", lambda *args, **kwargs: [Beside(timm=spent(2.0), attnbench=spent(1.0))]
    )
    words = "--rounds 2 --attention none --epochs 1 --backbone cifar-resnet:depth=8,stem_stride=2,width=8 --data "
    words += "cluttered-digits:test_images=40,train_images=96,validation_images=40"
    code = overhead.main([*words.split(), "--device", "cpu", "--output", str(tmp_path), "--timm-train", "train.py"])
    text = (tmp_path / "overhead.txt").read_text()
    # A training of a second cannot bear the rest of a run.
    assert ("missed" in text) == (code == 1)
    printed = capsys.readouterr().out
    for said in (
        "In 2 of 2 rounds all losses of validation and test, and the answers, were equal",
        "under 1: met",
        "--timm-train train.py",
    ):
        assert said in " ".join(text.split())
        assert said in " ".join(printed.split())
    written = json.loads((tmp_path / "overhead.json").read_text())
    assert [len(written[name]) for name in ("in_one_process", "processes", "timm")] == [2, 2, 1]
    assert written["settings"]["suite"]["recipe"]["epochs"] == 1
    assert str(tmp_path) not in text


@pytest.mark.parametrize("words", ["--rounds 1", "--workers 2 4"])
def test_what_cannot_be_compared_is_refused(words: str) -> None:
    with pytest.raises(SystemExit):
        overhead.parsed(words.split())
