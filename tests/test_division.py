"""A rank that is the only one trains as several do, in this process."""

import signal
from collections.abc import Iterator
from pathlib import Path

import lightning
import pytest
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from torch import nn

from attnbench.data import build_data
from attnbench.ranks import Share, cluster_environment, leave, together
from attnbench.spec import Compute, Recipe
from attnbench.training import fit, make_trainer
from tests.tiny import DATA

RECIPE = Recipe(epochs=1, batch_size=32, learning_rate=0.05)


@pytest.fixture
def _rank(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("LOCAL_RANK", "0")
    try:
        with together(Share(), LightningEnvironment(), on_gpu=False, init_method=(tmp_path / "meeting").as_uri()):
            yield
    finally:
        leave()


class WithUnused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.used, self.unused = nn.Linear(784, 10), nn.Linear(1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.used(x.flatten(1))  # type: ignore[no-any-return]


def digits() -> lightning.LightningDataModule:
    data = build_data(DATA, root=None, recipe=RECIPE, seed=0, device=torch.device("cpu"))
    data.setup("fit")
    return data


@pytest.mark.usefixtures("_rank")
def test_a_parameter_may_be_left_unused_unless_told() -> None:
    for_all = Compute(device="cpu", devices=2)
    fitted = fit(WithUnused(), digits(), recipe=RECIPE, compute=for_all, num_classes=10)
    assert len(fitted.curve) == 1
    faster = Compute(device="cpu", devices=2, strategy="ddp")
    with pytest.raises(RuntimeError, match="'ddp_find_unused_parameters_true'"):
        fit(WithUnused(), digits(), recipe=RECIPE, compute=faster, num_classes=10)


@pytest.mark.usefixtures("_rank")
def test_a_request_to_terminate_is_answered_as_before() -> None:
    seen = []

    def look(done: int, total: int) -> None:
        seen.append(signal.getsignal(signal.SIGTERM))

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        recipe = Recipe(epochs=4, batch_size=32, learning_rate=0.05)
        fit(nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), digits(), recipe=recipe, compute=Compute(device="cpu"),
            num_classes=10, on_step=look)  # fmt: skip
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [signal.default_int_handler]


@pytest.mark.usefixtures("_rank")
def test_lightning_asks_the_environment_in_which_they_have_met() -> None:
    trainer = make_trainer(RECIPE, Compute(device="cpu"), [])
    assert trainer.strategy.cluster_environment is cluster_environment()  # type: ignore[attr-defined]


def test_a_process_alone_leaves_the_signals_of_its_job_to_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SLURM_NTASKS": "1", "SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train"}.items():
        monkeypatch.setenv(name, value)
    trainer = make_trainer(RECIPE, Compute(device="cpu"), [])
    assert type(trainer._accelerator_connector.cluster_environment) is LightningEnvironment
