from dataclasses import replace
from pathlib import Path

import pytest

from attnbench.attention import ATTENTION
from attnbench.data import DATA
from attnbench.errors import PluginError, SpecError, UnknownNameError
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
