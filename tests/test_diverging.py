"""A run that diverges is recorded, is not run again, and stops no other."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from attnbench.detection_record import DetectionStore
from attnbench.detection_suite import detection_grid
from attnbench.diverged_record import DivergedClassification, DivergedDetection, DivergedStore
from attnbench.errors import DivergedError
from attnbench.execution import STATES, run_missing
from attnbench.executors.in_process import InProcessExecutor
from attnbench.grid import Failure, Grid, SuiteResult
from attnbench.record import Record, Store
from attnbench.spec import RunSpec, SuiteSpec, digest
from attnbench.store import RecordFolder
from attnbench.suite import expand, grid_of
from attnbench.tasks import Classification
from attnbench.tasks.detection import Detection
from tests.records import make_record
from tests.tiny import tiny_suite
from tests.tiny_detection import tiny_detection


@pytest.fixture
def suite(monkeypatch: pytest.MonkeyPatch) -> SuiteSpec:
    """Two runs of three steps an epoch; that of SGE loses its numbers at the second step of its second epoch."""
    step = Classification.training_step

    def breaking(self: Classification, batch: Any, index: int) -> torch.Tensor:
        if self.trainer.global_step == 4 and any("sge" in type(module).__module__ for module in self.modules()):
            torch.nn.init.constant_(next(self.model.parameters()), torch.inf)
        return step(self, batch, index)

    monkeypatch.setattr(Classification, "training_step", breaking)
    return tiny_suite()


def run_all(
    grid: Grid[Any, Any], store: RecordFolder[Any], executor: InProcessExecutor | None = None
) -> tuple[SuiteResult[Any, Any], list[Any]]:
    finished: list[Any] = []
    result = run_missing(grid, store, executor=executor or InProcessExecutor(), on_finished=finished.append)
    return result, finished


def test_it_is_recorded_and_not_run_again(suite: SuiteSpec, tmp_path: Path) -> None:
    store, grid = Store(tmp_path), grid_of(suite)
    _, sge = expand(suite)
    result, finished = run_all(grid, store)
    assert [record.spec.attention for record in result.records] == ["none"]
    (failure,) = result.failures
    assert failure in finished
    assert failure.reason.startswith("the training loss is nan at step 5 (epoch 2 of 2); try a smaller learning_rate")
    (run,) = DivergedStore(tmp_path)
    assert isinstance(run, DivergedClassification)
    assert result.diverged == (run,)
    assert (run.digest, run.spec, run.loss, run.value) == (digest(sge), sge, "training loss", "nan")
    assert (run.step, run.epoch, [point.epoch for point in run.curve]) == (5, 2, [1])
    assert (run.environment.device, run.environment.threads) == ("cpu", 1)
    assert 0 < run.wall_s < 600
    assert not (tmp_path / STATES).exists()

    again, finished = run_all(grid, store)
    assert finished == []
    assert grid.missing(store) == []
    assert (again.records, again.diverged) == (result.records, result.diverged)
    file = tmp_path / f"{digest(sge)}.diverged.json"
    said = f"diverged at step 5 (epoch 2 of 2); recorded in {file}, remove it to try again"
    assert again.failures == (Failure(sge, "sge:groups=4 seed 0", said, run),) == grid.lost(store)


def remove(store: DivergedStore, run_digest: str) -> None:
    store.file_of(run_digest).unlink()


def damage(store: DivergedStore, run_digest: str) -> None:
    store.file_of(run_digest).write_text("{")


@pytest.mark.parametrize(("change", "left"), [(remove, False), (damage, True)])
def test_it_is_tried_again_where_its_record_is_gone_or_damaged(
    change: Callable[[DivergedStore, str], None], left: bool, suite: SuiteSpec, tmp_path: Path
) -> None:
    store, grid, lost = Store(tmp_path), grid_of(suite), DivergedStore(tmp_path)
    run_all(grid, store)
    (run,) = lost
    change(lost, run.digest)
    _, finished = run_all(grid, store)
    assert [outcome.label for outcome in finished] == ["sge:groups=4 seed 0"]
    assert [(again.digest, again.step) for again in lost] == [(run.digest, 5)]
    assert (tmp_path / f"{run.digest}.diverged.json.damaged").exists() == left


def test_a_record_wins(suite: SuiteSpec, tmp_path: Path) -> None:
    store, grid = Store(tmp_path), grid_of(suite)
    run_all(grid, store)
    _, sge = expand(suite)
    store.add(replace(make_record(), spec=sge, digest=digest(sge)))
    result, finished = run_all(grid, store)
    assert (len(result.records), result.failures, finished) == (2, (), [])
    assert grid.lost(store) == ()


class ElsewhereExecutor(InProcessExecutor):
    """Executes runs on a machine of which the store is another folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        return super().submit(fn, *args[:-1], self.folder, **kwargs)


def test_the_record_of_another_machine_arrives(suite: SuiteSpec, tmp_path: Path) -> None:
    result, _ = run_all(grid_of(suite), Store(tmp_path / "here"), ElsewhereExecutor(tmp_path / "there"))
    assert list(DivergedStore(tmp_path / "here")) == list(DivergedStore(tmp_path / "there")) == list(result.diverged)


def test_a_detector_that_diverges_is_recorded_too(tmp_path: Path) -> None:
    """The second step of two an epoch, after a first one that was far too large."""
    store = DetectionStore(tmp_path)
    grid = detection_grid(tiny_detection("retinanet", "none", learning_rate=1e20, warmup_steps=0, validate_every=0))
    with pytest.raises(DivergedError, match="the training loss classification is nan at step 2") as caught:
        grid.execute(grid.specs[0], store.path)
    (run,) = DivergedStore(tmp_path)
    assert isinstance(run, DivergedDetection)
    assert caught.value.record == run
    assert (run.spec, run.loss, run.step, run.epoch) == (grid.specs[0], "training loss classification", 2, 1)
    assert grid.missing(store) == []
    assert [failure.label for failure in grid.lost(store)] == ["retinanet none seed 0"]


@pytest.mark.parametrize("value", [float("nan"), float("-inf")])
def test_a_detector_that_its_last_step_spoils_has_diverged(
    value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(self: Detection, *args: object) -> None:
        if self.trainer.global_step == 4:
            torch.nn.init.constant_(next(self.model.parameters()), value)

    monkeypatch.setattr(Detection, "on_train_batch_end", spoil)
    grid = detection_grid(tiny_detection("retinanet", "none", validate_every=0))
    with pytest.raises(DivergedError, match=rf"the largest weight is {abs(value)} after step 4 \(epoch 2 of 2\); try"):
        grid.execute(grid.specs[0], tmp_path)
    (run,) = DivergedStore(tmp_path)
    assert (run.loss, run.value, len(run.curve)) == ("largest weight", str(abs(value)), 1)
    assert not list(DetectionStore(tmp_path))


def test_a_store_without_divergences_is_what_it_was(tmp_path: Path) -> None:
    store: RecordFolder[Record] = Store(tmp_path)
    grid: Grid[RunSpec, Record] = grid_of(tiny_suite())
    assert grid.lost(store) == ()
    assert grid.missing(store) == list(grid.specs)
