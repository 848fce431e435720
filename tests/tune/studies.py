"""Studies whose trials take no time: the training is replaced by a formula of the settings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import RDBStorage
from optuna.study import Study

from attnbench.record import Epoch
from attnbench.spec import RunSpec
from attnbench.training import Fitted
from attnbench.tune.setup import Search, make_spec
from attnbench.tune.storage import open_storage, sqlite_url
from attnbench.tune.study import start_study
from attnbench.tune_spec import TuneSpec
from attnbench.validating import Validated
from attnbench.variant import Variant
from tests.tiny import tiny_suite

Accuracy = Callable[[RunSpec, int], float]
"""Validation accuracy of a run after an epoch, percent."""


def tiny_spec(attention: str = "sge", *, epochs: int = 2, **search: Any) -> TuneSpec:
    """A study of the tiny suite."""
    return make_spec(tiny_suite(epochs=epochs), attention, Search(**search))


def open_study(folder: Path, spec: TuneSpec, *, name: str = "study") -> tuple[Study, RDBStorage]:
    """A study in a SQLite file of a folder."""
    storage = open_storage(url_in(folder))
    return start_study(storage, name, spec), storage


def url_in(folder: Path) -> str:
    """URL of the SQLite file in a folder."""
    return sqlite_url(folder / "study.db")


def by_groups(run: RunSpec, epoch: int) -> float:
    """More groups are better, later epochs too, and seeds differ a little."""
    groups = int(dict(Variant.parse(run.attention).settings).get("groups", 64))  # type: ignore[arg-type]
    return 50.0 + groups + epoch + 0.1 * run.seed


class FakeTraining:
    """Stands for `validate_spec`, and remembers what it was asked for."""

    def __init__(self, accuracy: Accuracy = by_groups, *, latency: float = 1.5) -> None:
        self.accuracy = accuracy
        self.latency = latency
        self.runs: list[RunSpec] = []

    def __call__(
        self,
        spec: RunSpec,
        *,
        on_epoch: Callable[[Epoch], None] | None = None,
        resume: Path | None = None,
        is_timed: bool = False,
    ) -> Validated:
        assert resume is not None
        self.runs.append(spec)
        resume.parent.mkdir(parents=True, exist_ok=True)
        curve = []
        for epoch in range(1, spec.recipe.epochs + 1):
            top1_percent = self.accuracy(spec, epoch)
            curve.append(
                Epoch(
                    epoch=epoch,
                    learning_rate=0.1,
                    train_loss=1.0,
                    validation_loss=1.0,
                    validation_top1_percent=top1_percent,
                    validation_top5_percent=100.0,
                )
            )
            assert on_epoch is not None
            on_epoch(curve[-1])
            resume.write_text(str(epoch))
        best = max(curve, key=lambda point: point.validation_top1_percent)
        return Validated(
            fitted=Fitted(
                curve=tuple(curve), selected_epoch=best.epoch, train_s=0.01, earlier_s=0.0, num_steps=3 * len(curve)
            ),
            parameters=1000 + len(spec.attention),
            macs=5000,
            forward_ms=(2.0 * self.latency, 2.0 * self.latency, 9.0) if is_timed else (),
            baseline_forward_ms=(2.0, 2.0, 9.0) if is_timed else (),
        )


def settings_tried(study: Study) -> list[dict[str, Any]]:
    """The settings of every trial, by number."""
    return [trial.params for trial in study.get_trials(deepcopy=False)]


def states(study: Study) -> list[optuna.trial.TrialState]:
    """The state of every trial, by number."""
    return [trial.state for trial in study.get_trials(deepcopy=False)]
