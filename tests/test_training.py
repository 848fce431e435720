from typing import Any

import lightning
import pytest
import torch
from lightning.pytorch.plugins import MixedPrecision

from attnbench.callbacks import History
from attnbench.errors import DivergedError
from attnbench.run import run_spec
from attnbench.run_parts import build_run_model, read_data
from attnbench.spec import RunSpec
from attnbench.suite import expand
from attnbench.tasks import Classification
from attnbench.training import lightning_runs
from tests.tiny import tiny_suite


def test_trains_deterministically_without_filling_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    step = Classification.training_step

    def watched(self: Classification, batch: Any, index: int) -> torch.Tensor:
        filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
        states.append((torch.are_deterministic_algorithms_enabled(), filling))
        return step(self, batch, index)

    monkeypatch.setattr(Classification, "training_step", watched)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    run_spec(expand(tiny_suite(epochs=1))[0])
    assert set(states) == {(True, False)}
    assert torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]


def fit_in_float16(task: Classification, history: History, spec: RunSpec, scale: float) -> torch.amp.GradScaler:
    """Train as on a GPU, with losses that are scaled; Lightning itself takes another arithmetic on the CPU."""
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    trainer = lightning.Trainer(
        accelerator="cpu", plugins=[MixedPrecision("16-mixed", "cpu", scaler)], callbacks=[history],
        max_epochs=spec.recipe.epochs, num_sanity_val_steps=0, logger=False, enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False,
    )  # fmt: skip
    with lightning_runs():
        trainer.fit(task, datamodule=read_data(spec))
    return scaler


def task_of(spec: RunSpec) -> Classification:
    return Classification(build_run_model(spec, spec.attention, read_data(spec)).model, spec.recipe, num_classes=10)


@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")  # torch's, of a first step that is skipped
def test_a_step_that_a_scaler_skips_is_no_divergence(tiny_spec: RunSpec) -> None:
    history = History(tiny_spec.recipe, None)
    scaler = fit_in_float16(task_of(tiny_spec), history, tiny_spec, scale=2.0**40)
    assert scaler.get_scale() < 2.0**40
    assert [point.epoch for point in history.curve] == [1, 2]


def test_activations_beyond_float16_are_a_divergence(tiny_spec: RunSpec) -> None:
    """The scaler spares the weights, but batch norms have averaged infinities, and what they give is of no use."""
    task, history = task_of(tiny_spec), History(tiny_spec.recipe, None)
    task.model.register_forward_pre_hook(
        lambda model, images: (images[0] * (1e6 if model.training and task.global_step == 3 else 1.0),)
    )
    said = r"^the training loss is nan at step 4 \(epoch 2 of 2\); try .*, precision=bfloat16, or a gradient_clip_norm$"
    with pytest.raises(DivergedError, match=said):
        fit_in_float16(task, history, tiny_spec, scale=2.0**10)
    assert all(weight.isfinite().all() for weight in task.model.parameters())
    assert not all(buffer.isfinite().all() for buffer in task.model.buffers())
