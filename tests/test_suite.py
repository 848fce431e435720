from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from attnbench.attention import ATTENTION
from attnbench.data import DATA
from attnbench.errors import ContractError, PluginError, SpecError, UnknownNameError
from attnbench.executors.in_process import InProcessExecutor
from attnbench.executors.workers import WorkerExecutor
from attnbench.grid import Failure, SuiteResult
from attnbench.plugins import plugin_file
from attnbench.record import Record, Store, without_timing
from attnbench.run import run_spec
from attnbench.spec import RunSpec, SuiteSpec, digest
from attnbench.suite import check_suite, expand, grid_of, run_suite
from tests.tiny import DATA as DIGITS
from tests.tiny import tiny_suite

GATE = """
import torch
from torch import nn
import attnbench

@attnbench.register_attention("{name}", placement="block")
class Gate(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        {body}
"""


def run_here(suite: SuiteSpec, store: Store) -> tuple[SuiteResult[RunSpec, Record], list[Record | Failure[RunSpec]]]:
    finished: list[Record | Failure[RunSpec]] = []
    return run_suite(suite, store, executor=InProcessExecutor(), on_finished=finished.append), finished


def test_expands_seed_by_seed() -> None:
    runs = [(spec.seed, spec.attention) for spec in expand(tiny_suite(seeds=(3, 1)))]
    assert runs == [(3, "none"), (3, "sge:groups=4"), (1, "none"), (1, "sge:groups=4")]


def test_goes_on_where_it_was_and_ends_with_the_same_records(tmp_path: Path) -> None:
    suite = tiny_suite(seeds=(0, 1), epochs=1)
    undisturbed, _ = run_here(suite, Store(tmp_path / "a"))
    assert len(undisturbed.records) == 4
    part, _ = run_here(tiny_suite(seeds=(1,), epochs=1), Store(tmp_path / "b"))
    assert len(grid_of(suite).missing(Store(tmp_path / "b"))) == 2
    resumed, finished = run_here(suite, Store(tmp_path / "b"))
    assert len(finished) == 2
    assert resumed.records[2:] == part.records
    assert list(map(without_timing, resumed.records)) == list(map(without_timing, undisturbed.records))
    assert run_here(suite, Store(tmp_path / "b"))[1] == []


def test_a_damaged_record_is_set_aside_and_run_again(tmp_path: Path) -> None:
    suite = tiny_suite(epochs=1)
    store = Store(tmp_path)
    run_here(suite, store)
    damaged = digest(expand(suite)[0])
    store.file_of(damaged).write_text("{")
    result, finished = run_here(suite, store)
    assert len(finished) == 1
    assert len(result.records) == 2
    assert (tmp_path / f"{damaged}.json.damaged").read_text() == "{"


def test_a_run_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    (tmp_path / "fails.py").write_text(
        GATE.format(name="fails-in-training", body="assert not self.training, 'no'; return x")
    )
    suite = tiny_suite(("none", "fails-in-training", "se:reduction=2"), epochs=1, imports=(str(tmp_path / "fails.py"),))
    check_suite(suite)
    result, _ = run_here(suite, Store(tmp_path / "store"))
    assert [record.spec.attention for record in result.records] == ["none", "se:reduction=2"]
    assert [(failure.spec.attention, failure.reason) for failure in result.failures] == [
        ("fails-in-training", "AssertionError: no")
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("return x[:, :, ::2] if self.training else x", "RuntimeError: The size of tensor a (7) must match"),
        ("return x.mean() if self.training else x", "RuntimeError: output with shape [] doesn't match"),
        ("return [x] if self.training else x", "must be Tensor, not list"),
        ("1 / (not self.training); return x", "ZeroDivisionError: "),
        (
            "exit(3) if self.training else None; return x",
            "has asked Python to end, by SystemExit(3); it may raise errors",
        ),
        ("return x * float('nan') if self.training else x", "the training loss is nan at step 1 (epoch 1 of 1)"),
    ],
)
def test_a_module_that_breaks_in_training_alone_is_a_failure_in_one_sentence(
    body: str, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "breaks.py").write_text(GATE.format(name="breaks-in-training", body=body))
    suite = tiny_suite(("breaks-in-training", "none"), epochs=1, imports=(str(tmp_path / "breaks.py"),))
    check_suite(suite)
    result, _ = run_here(suite, Store(tmp_path / "store"))
    assert [record.spec.attention for record in result.records] == ["none"]
    (failure,) = result.failures
    assert failure.label == "breaks-in-training seed 0"
    assert reason in failure.reason
    assert "\n" not in failure.reason


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return x[:, :, ::2]", r"must give \(1, 8, 14, 14\) for \(1, 8, 14, 14\); got \(1, 8, 7, 14\)"),
        ("return None", r"must give \(1, 8, 14, 14\) for \(1, 8, 14, 14\); got a NoneType"),
        ("raise ValueError('no')", r"fails on an image of \(1, 28, 28\) at layer1\.0\.se: ValueError\('no'\)"),
    ],
)
def test_a_module_that_breaks_at_once_is_told_before_training(body: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "breaks.py").write_text(GATE.format(name="breaks-at-once", body=body))
    with pytest.raises(ContractError, match=f"^breaks-at-once .*{message}$"):
        check_suite(tiny_suite(("none", "breaks-at-once"), imports=(str(tmp_path / "breaks.py"),)))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_is_torn_fails_the_runs_that_read_it_and_the_suite_goes_on_when_it_is_mended(
    workers: int, tmp_path: Path
) -> None:
    for part, colour, number in product(("train", "val"), ("black", "white"), range(4)):
        (tmp_path / part / colour).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), colour).save(tmp_path / part / colour / f"{number}.jpg")
    data = f"folder:image_size=32,validation_fraction=0.25,workers={workers}"
    suite = replace(tiny_suite(epochs=1), data=data, root=str(tmp_path))
    suite = replace(suite, recipe=replace(suite.recipe, batch_size=2, crop_padding=0))
    check_suite(suite)
    torn = tmp_path / "val" / "white" / "3.jpg"
    whole = torn.read_bytes()
    torn.write_bytes(whole[: len(whole) // 2])
    result, _ = run_here(suite, Store(tmp_path / "store"))
    assert result.records == ()
    assert [failure.reason.partition(": ")[0] for failure in result.failures] == [f"{torn} is damaged or no image"] * 2
    torn.write_bytes(whole)
    result, _ = run_here(suite, Store(tmp_path / "store"))
    assert len(result.records) == 2
    assert result.failures == ()


def test_a_users_file_is_part_of_its_runs_only(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(GATE.format(name="mine", body="return x * self.scale[:, None, None]"))
    none, mine = expand(tiny_suite(("none", "mine"), imports=(str(file),)))
    assert none.plugin is None
    assert mine.plugin is not None
    assert "mine" in ATTENTION.names()
    file.write_text(file.read_text() + "\n# edited\n")
    _, edited = expand(tiny_suite(("none", "mine"), imports=(str(file),)))
    assert digest(edited) != digest(mine)


def test_a_users_data_set_is_part_of_every_run_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DATA, "_objects", dict(DATA._objects))
    data, module = tmp_path / "own_digits.py", tmp_path / "other.py"
    data.write_text(
        "from attnbench.data import register_data\n"
        "from attnbench.data.cluttered_digits import ClutteredDigits\n"
        "@register_data('own-digits')\n"
        "class OwnDigits(ClutteredDigits): ...\n"
    )
    module.write_text(GATE.format(name="other", body="return x"))
    text = DIGITS.replace("cluttered-digits", "own-digits")
    suite = replace(tiny_suite(("none", "other"), epochs=1, imports=(str(module), str(data))), data=text)
    none, other = expand(suite)
    assert none.plugin is None
    assert none.data_plugin == other.data_plugin == plugin_file(str(data))
    assert other.plugin == plugin_file(str(module))
    assert run_spec(none).spec == none
    data.write_text(data.read_text() + "\n# edited\n")
    edited, _ = expand(suite)
    assert digest(edited) != digest(none)
    with pytest.raises(PluginError, match=r"own_digits\.py has changed since the spec was written"):
        run_spec(none)


@pytest.mark.parametrize(
    ("attention", "error", "message"),
    [
        ("sgee", UnknownNameError, "did you mean 'sge'"),
        ("sge", SpecError, "groups must divide channels; got groups=64"),
    ],
)
def test_a_mistake_shows_before_training(attention: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        check_suite(tiny_suite(("none", attention)))


def test_processes_give_the_records_of_this_process(tmp_path: Path) -> None:
    suite = tiny_suite(seeds=(0, 1), epochs=4)
    here, _ = run_here(suite, Store(tmp_path / "here"))
    heard: set[str] = set()
    with WorkerExecutor(2, on_progress=lambda run, phase, done, total: heard.add(run), on_notice=print) as executor:
        there = run_suite(suite, Store(tmp_path / "there"), executor=executor, on_finished=lambda outcome: None)
    assert list(map(without_timing, there.records)) == list(map(without_timing, here.records))
    assert heard == {record.digest for record in there.records}
