import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from attnbench.cli import main
from attnbench.cli.app import COMMANDS, _run
from attnbench.errors import SpecError
from attnbench.record import Store, without_timing
from attnbench.spec import CORRUPTIONS, RunSpec, SuiteSpec
from attnbench.spec_io import from_yaml, to_yaml
from attnbench.starting import Start
from tests.records import make_record
from tests.source import source_environment
from tests.tiny import tiny_suite


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")


@pytest.fixture
def suite(tmp_path: Path) -> SuiteSpec:
    suite = tiny_suite(epochs=1)
    (tmp_path / "suite.yaml").write_text(to_yaml(suite))
    return suite


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("foo", 'Unknown command "foo"'),
        ("leaderboard --quik", "Did you mean --quick?"),
        ("leaderboard --epochs zero", 'unable to convert "zero" into int'),
        ("leaderboard --epochs 0", "epochs must be at least 1; got epochs=0"),
        ("leaderboard --seeds 0", "seeds must be at least 1; got seeds=0"),
        ("leaderboard --seeds -1", "seeds must be at least 1; got seeds=-1"),
        ("leaderboard --device cpu --devices 2 --num-nodes 2", "num_nodes=2: type on each node, with"),
        ("leaderboard --strategy ddp", "got strategy='ddp', devices=1, num_nodes=1"),
        ("train --device cpu --devices 2 --num-nodes 2", "srun --nodes 2 --ntasks-per-node 2 attnbench"),
        ("leaderboard --workers 0", "workers must be at least 1; got workers=0"),
        ("leaderboard --attention none,sgee", "unknown attention module 'sgee'; did you mean 'sge'"),
        ("leaderboard --attention sge:groups=48", "groups must divide channels; got groups=48, channels=64"),
        ("leaderboard --attention none,sge:groups=4,stages=1,4", "has the stages 1, 2, 3; got stages=1,4"),
        ("leaderboard --attention se:at=pre-adds", "unknown position at=pre-adds; did you mean 'pre-add'"),
        ("leaderboard --backbone resnet5", "unknown backbone 'resnet5'; did you mean 'resnet50'"),
        ("leaderboard --data cifar1O", "unknown data set 'cifar1O'; did you mean 'cifar10'"),
        ("leaderboard --data imagenet", "with --root"),
        ("leaderboard --data fashion-mnist --root nowhere", "Fashion-MNIST is not in"),
        ("leaderboard clutered-digits", "unknown preset 'clutered-digits'; did you mean 'cluttered-digits'?"),
        ("leaderboard nothing.yaml", "cannot read the suite nothing.yaml: No such file or directory"),
        (
            "leaderboard --set recipe.epoch=3",
            "unknown field recipe.epoch (a newer attnbench may know it); did you mean 'epochs'",
        ),
        ("leaderboard --set epochs", "--set takes FIELD=VALUE; got 'epochs'"),
        ("leaderboard --set imports=none --import none.py", "imports[0]: expected 'str', got 'null'"),
        ("leaderboard " + "a" * 300, "unknown preset 'aaa"),
        ("leaderboard --set data=\x1b[31m:", "error: the options: settings are written name:key=value,key=value; got"),
        ("leaderboard --set root=\ud800", r"root must be text that UTF-8 can hold, without NUL; got root='\ud800'"),
        ("leaderboard --set data.x=3", "data of data.x has no fields"),
        ("leaderboard --corrupt noice", "--corrupt: unknown name 'noice'; did you mean 'noise'"),
        ("leaderboard --corrupt noise,noise", "each corruption may be named once"),
        ("leaderboard --localise -1", "localisation_images must not be negative; got localisation_images=-1"),
        ("leaderboard --data fashion-mnist --localise 5", "says where its objects are; got 'fashion-mnist'"),
        ("leaderboard --task detection --localise 5", "--localise goes with --task classification"),
        ("leaderboard --import none.py", "cannot import 'none.py': there is no such file"),
        ("train --from-record none.json", "cannot read none.json"),
        ("train --store /dev/null/records", "cannot write records into /dev/null/records: Not a directory"),
        ("leaderboard --store /dev/null/records", "cannot write records into /dev/null/records: Not a directory"),
        (
            "train --checkpoint nowhere/x.ckpt",
            "must be a file in a folder that exists; got checkpoint='nowhere/x.ckpt'",
        ),
        ("train --log-dir logs", "--log-dir goes with --logger; got it alone"),
        ("train --log-dir logs --print-spec", "--log-dir goes with --logger; got it alone"),
        ("leaderboard --executor-set num_gpus=1", "--executor-set goes with --executor ray or slurm; got num_gpus"),
        ("leaderboard --executor slum", 'Invalid value "slum" for --executor'),
        ("leaderboard --log-dir logs", "--log-dir goes with --logger; got it alone"),
        ("train --logger wandb --print-spec", "--print-spec trains nothing that could be logged; got --logger"),
        ("leaderboard --logger wandb --print-spec", "--print-spec trains nothing that could be logged; got --logger"),
        ("leaderboard --logger wandb --dry-run", "--dry-run trains nothing that could be logged; got --logger"),
        ("report nowhere", "there is no store of records at nowhere"),
        ("list foo", 'Invalid value "foo"'),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(
    words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words.split()) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.startswith("error: ")
    assert error.count("\n") == 0


def test_processes_that_are_started_together_train_and_do_nothing_else() -> None:
    start = Start(by="torchrun", index=0, number=2, num_nodes=1)
    with pytest.raises(SpecError, match=r"report is done by one process; got 2 that torchrun has started, .*: leader"):
        _run(["report"], start)
    assert _run(["--version"], start) == 0


def test_trains_ranks_and_reports_again(suite: SuiteSpec, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "suite.yaml", "--workers", "1"]) == 0
    output = capsys.readouterr()
    for words in ("none (baseline)", "sge:groups=4", "40 test images", "attnbench report records"):
        assert words in " ".join(output.out.split())
    assert re.search(r"2/2 sge:groups=4 seed 0: top-1 [\d.]+ % in \d+ s", output.err)
    assert main(["leaderboard", "suite.yaml", "--workers", "1"]) == 0
    again = capsys.readouterr()
    assert again.out == output.out
    assert "2 of 2 runs are recorded already." in again.err
    assert main(["report", "records"]) == 0
    assert capsys.readouterr().out == output.out


def test_prints_the_suite_that_it_would_run(suite: SuiteSpec, capsys: pytest.CaptureFixture[str]) -> None:
    words = "suite.yaml --seeds 2 --set recipe.label_smoothing=0.1 --set compute.channels_last=false --epochs 7"
    words += " --compile attention"
    assert main(["leaderboard", *words.split(), "--print-spec"]) == 0
    printed = from_yaml(capsys.readouterr().out, SuiteSpec, source="output")
    assert printed.seeds == (0, 1)
    assert (printed.recipe.epochs, printed.recipe.label_smoothing, printed.recipe.batch_size) == (7, 0.1, 32)
    assert not printed.compute.channels_last
    assert printed.compute.compile == "attention"
    assert printed.attention == suite.attention


@pytest.mark.parametrize(("given", "named"), [("clutter,noise", ("noise", "clutter")), ("all", CORRUPTIONS)])
def test_what_else_is_measured_is_part_of_the_suite(
    given: str, named: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for command in ("leaderboard", "train"):
        assert main([command, "--localise", "300", "--corrupt", given, "--print-spec"]) == 0
        printed = from_yaml(
            capsys.readouterr().out, SuiteSpec if command == "leaderboard" else RunSpec, source="output"
        )
        assert (printed.measure.localisation_images, printed.measure.corruptions) == (300, named)


def test_quick_is_less_of_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "--quick", "--print-spec"]) == 0
    printed = from_yaml(capsys.readouterr().out, SuiteSpec, source="output")
    assert (printed.seeds, printed.recipe.epochs) == ((0, 1), 1)


def test_quick_keeps_what_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["leaderboard", "--data", "imagenet", "--seeds", "5", "--quick", "--print-spec"]) == 0
    printed = from_yaml(capsys.readouterr().out, SuiteSpec, source="output")
    assert (len(printed.seeds), printed.recipe.epochs, printed.recipe.step_epochs) == (5, 33, (9, 19, 29))
    assert main(["leaderboard", "--epochs", "4", "--quick", "--print-spec"]) == 0
    printed = from_yaml(capsys.readouterr().out, SuiteSpec, source="output")
    assert (len(printed.seeds), printed.recipe.epochs) == (2, 4)


def test_trains_one_run_and_finds_it_again(suite: SuiteSpec, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["train", "--attention", "se:reduction=2", "--data", suite.data, "--backbone", suite.backbone]
    words += ["--epochs", "1", "--set", "recipe.warmup_epochs=0", "--set", "measure.throughput_rounds=2"]
    assert main([*words, "--checkpoint", "se.ckpt"]) == 0
    first = capsys.readouterr()
    assert "se:reduction=2 in cifar-resnet" in first.out
    assert Path("se.ckpt").is_file()
    assert main(words) == 0
    second = capsys.readouterr()
    assert "recorded already" in second.err
    (file,) = Path("records").iterdir()
    assert main(["train", "--from-record", str(file), "--store", "again"]) == 0
    assert [path.name for path in Path("again").iterdir()] == [file.name]


@pytest.mark.parametrize("options", [[], ["--checkpoint", "none.ckpt"]])
def test_a_damaged_record_is_set_aside_for_the_new_one(
    options: list[str], suite: SuiteSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", "--attention", "none", "--data", suite.data, "--backbone", suite.backbone, "--epochs", "1"]
    words += ["--set", "recipe.warmup_epochs=0", "--set", "measure.throughput_rounds=2", *options]
    assert main([*words, "--store", "whole"]) == 0
    (whole,) = Store(Path("whole"))
    damaged = Store(Path("records")).file_of(whole.digest)
    damaged.parent.mkdir()
    damaged.write_text("{")
    capsys.readouterr()
    assert main(words) == 0
    assert str(damaged) in capsys.readouterr().out
    assert without_timing(Store(Path("records")).get(whole.digest)) == without_timing(whole)
    assert damaged.with_name(f"{damaged.name}.damaged").read_text() == "{"


def test_a_run_that_fails_is_exit_code_1(suite: SuiteSpec, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["leaderboard", "suite.yaml", "--workers", "1", "--learning-rate", "1e30", "--attention", "none"]
    assert main(words) == 1
    assert "failed: none seed 0: the training loss is nan at step 2 (epoch 1 of 1)" in capsys.readouterr().err
    assert main(words) == 1
    again = capsys.readouterr().err
    assert "0 of 1 runs are recorded already, and 1 as diverged." in again
    assert "failed: none seed 0: diverged at step 2 (epoch 1 of 1); recorded in records/" in again


def test_lists_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    output = capsys.readouterr().out
    names = ("sge", "gate_scale_init=0.0", "cifar-resnet", "resnet50", "cluttered-digits", "fashion-mnist", "imagenet")
    for name in names:
        assert name in output


@pytest.mark.parametrize("width", [80, 120])
def test_lists_what_each_family_of_backbones_takes(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["list", "backbones"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    output = " ".join(" ".join(lines).split())
    for words in (
        "shufflenet names shufflenet_v2_x0_5, shufflenet_v2_x1_0,",
        "positions post-bn3, post-conv2, pre-branch, stage conv modules no, its spatial convolutions are depthwise",
        "settings zero_init_last=true, drop_rate=0.0, drop_path_rate=0.0",
        "settings depth=20, width=16,",
    ):
        assert words in output
    assert main(["list", "attention"]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "take at=POSITION, one of post-bn3, pre-add, post-add, post-conv2, pre-branch, shortcut, stage;" in output
    assert "Every module takes stages, counted from 1: sge:at=post-conv2,stages=3,4." in output


def test_a_damaged_record_is_named_and_the_rest_shown(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(Path("records"))
    store.add(make_record(attention="none"))
    store.add(make_record(attention="sge"))
    (Path("records") / "torn.json").write_text('{"schema": 1')
    assert main(["report", "records"]) == 0
    output = capsys.readouterr().out
    assert "sge" in output
    assert "torn.json is damaged" in " ".join(output.split())


_TORCH = ("torch", "lightning", "timm", "ray", "submitit")


@pytest.mark.parametrize(
    ("words", "unneeded"),
    [
        ("--help", (*_TORCH, "numpy", "scipy", "attnbench.spec", "attnbench.report")),
        ("--version", (*_TORCH, "numpy", "scipy", "attnbench.spec", "attnbench.report")),
        ("leaderboard --help", (*_TORCH, "scipy", "attnbench.report")),
        ("train --help", (*_TORCH, "scipy", "attnbench.report")),
        ("list --help", (*_TORCH, "numpy", "scipy", "attnbench.report")),
        ("list presets", (*_TORCH, "numpy", "scipy", "attnbench.report")),
        ("report records", (*_TORCH, "matplotlib", "attnbench.tune_spec", "attnbench.report.page")),
        ("leaderboard --print-spec", _TORCH),
        *((f"{name} --help", _TORCH) for name in COMMANDS),
    ],
)
def test_does_not_wait_for_what_it_does_not_need(words: str, unneeded: tuple[str, ...]) -> None:
    Store(Path("records")).add(make_record())
    program = (
        "import sys; from attnbench.cli import main; status = main(sys.argv[2:]);"
        "print(*set(sys.argv[1].split()) & set(sys.modules), file=sys.stderr); sys.exit(status)"
    )
    environment = source_environment()
    done = subprocess.run(
        [sys.executable, "-c", program, " ".join(unneeded), *words.split()],
        capture_output=True, check=True, env=environment, text=True,
    )  # fmt: skip
    assert done.stderr.split() == []


@pytest.mark.parametrize("name", COMMANDS)
def test_what_is_listed_of_a_command_is_what_its_own_help_begins_with(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([name, "--help"]) == 0
    usage, _, described = capsys.readouterr().out.partition("\n\n")
    assert usage.startswith(f"Usage: attnbench {name} ")
    assert " ".join(described.split()).startswith(COMMANDS[name])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("0.json", {"schema": 2}, "0.json has schema 2; this attnbench reads up to 1: install a newer one"),
        ("0.json", {"digest": "0" * 16}, ": it was edited, or a newer attnbench wrote it"),
        ("0.detection.json", {}, "takes the record of a classifier's run, DIGEST.json; got 0.detection.json"),
        ("0.efficiency.json", {}, "takes the record of a classifier's run, DIGEST.json; got 0.efficiency.json"),
    ],
)
def test_a_record_that_no_run_follows_from_is_told_in_a_sentence(
    name: str,
    content: dict[str, Any],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path(name).write_text(json.dumps(json.loads(make_record().to_json()) | content))
    assert main(["train", "--from-record", name]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.endswith(f"{message}\n")
    assert error.count("\n") == 1
