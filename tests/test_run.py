import dataclasses
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from attnbench.errors import DivergedError, MissingDependencyError, PluginError, SpecError
from attnbench.models import create_model
from attnbench.models.saved import load_classifier
from attnbench.record import Epoch, Record, without_timing
from attnbench.run import run_spec
from attnbench.spec import Compute, PluginFile, Recipe, RunSpec, digest
from attnbench.suite import check_models
from attnbench.tasks import Classification
from attnbench.validating import validate_spec


def test_two_runs_of_a_spec_agree_in_every_bit_but_times(tiny_spec: RunSpec, tiny_record: Record) -> None:
    torch.manual_seed(123)
    torch.rand(7)
    assert without_timing(run_spec(tiny_spec)) == without_timing(tiny_record)


def test_a_run_can_be_run_again_from_its_record(tiny_record: Record) -> None:
    again = Record.from_json(tiny_record.to_json(), source="x").spec
    assert without_timing(run_spec(again)) == without_timing(tiny_record)


def test_compiled_modules_train_as_plain_ones_do(
    tiny_spec: RunSpec, tiny_record: Record, graphs: list[object], tmp_path: Path
) -> None:
    compute = dataclasses.replace(tiny_spec.compute, compile="attention")
    measure = dataclasses.replace(tiny_spec.measure, localisation_images=2)
    spec = dataclasses.replace(tiny_spec, compute=compute, measure=measure)
    record = run_spec(spec, checkpoint=tmp_path / "compiled.ckpt")
    curve = [point.train_loss for point in record.curve]
    assert curve == pytest.approx([point.train_loss for point in tiny_record.curve], rel=1e-6)
    if torch.__version__ >= (2, 12):  # of those before, the last bits differ
        assert (record.curve, record.values) == (tiny_record.curve, tiny_record.values)
    # Three blocks in training, in validation and test, in their last and smaller batches, and in the timed passes.
    assert len(graphs) == 3 * 4
    assert record.timing.compile_s is not None
    assert 0 < record.timing.compile_s < record.timing.wall_s
    assert tiny_record.timing.compile_s is None
    # Its maps are looked at as they are without compilation.
    assert record.localisation is not None
    assert "attention" in {scores.kind for scores in record.localisation.maps}
    model, description = load_classifier(tmp_path / "compiled.ckpt")
    assert description.spec == spec
    assert all(module._compiled_call_impl is None for module in model.modules())
    assert Record.from_json(record.to_json(), source="x") == record


def test_the_baseline_is_compiled_as_the_model_is(tiny_spec: RunSpec, graphs: list[object]) -> None:
    compute = dataclasses.replace(tiny_spec.compute, compile="attention")
    recipe = dataclasses.replace(tiny_spec.recipe, epochs=1)
    run_spec(dataclasses.replace(tiny_spec, attention="none", baseline="sge:groups=4", compute=compute, recipe=recipe))
    assert len(graphs) == 3


def test_a_missing_compiler_is_found_before_training(tiny_spec: RunSpec) -> None:
    from torch._inductor import config

    spec = dataclasses.replace(tiny_spec, compute=Compute(device="cpu", compile="attention"))
    with config.patch({"cpp.cxx": (None, "/nowhere/g++")}):
        for begin in (run_spec, validate_spec, lambda spec: check_models(spec, ())):
            with pytest.raises(MissingDependencyError, match="install g"):
                begin(spec)


@pytest.mark.slow
def test_two_compiled_runs_agree_whether_kernels_are_cached_or_not(
    tiny_spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = dataclasses.replace(
        tiny_spec,
        # No last batch, nor a baseline, of its own: each would take a minute of compiling.
        data="cluttered-digits:test_images=32,train_images=64,validation_images=32",
        baseline=tiny_spec.attention,
        compute=Compute(device="cpu", compile="attention"),
    )
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    first, second = run_spec(spec), run_spec(spec)
    assert without_timing(first) == without_timing(second)
    assert first.timing.compile_s is not None
    assert second.timing.compile_s is not None
    assert second.timing.compile_s < first.timing.compile_s / 2


def test_another_seed_is_another_result(tiny_spec: RunSpec, tiny_record: Record) -> None:
    assert run_spec(dataclasses.replace(tiny_spec, seed=1)).curve != tiny_record.curve


def test_the_record_is_coherent(tiny_spec: RunSpec, tiny_record: Record) -> None:
    values = tiny_record.values
    assert tiny_record.digest == digest(tiny_spec)
    assert [point.epoch for point in tiny_record.curve] == [1, 2]
    assert tiny_record.curve[-1].learning_rate == 0
    best = max(tiny_record.curve, key=lambda point: point.validation_top1_percent)
    assert values.selected_epoch == best.epoch
    assert (values.num_train_images, values.num_validation_images, values.num_test_images) == (96, 40, 40)
    assert values.image_shape == (1, 28, 28)
    correct = tiny_record.test_correct.unpack()
    assert len(correct) == 40
    assert values.test_top1_percent == pytest.approx(100 * correct.mean(), abs=1e-4)
    assert values.test_top5_percent >= values.test_top1_percent
    assert "aten::sigmoid" in values.uncounted_operators
    assert (values.num_attention_modules, values.num_replaced) == (3, 0)
    assert values.attention_backend == "eager"
    assert len(tiny_record.timing.forward_ms) == len(tiny_record.timing.baseline_forward_ms) == 2
    assert tiny_record.environment.threads == 1
    assert tiny_record.timing.train_s < tiny_record.timing.wall_s


def test_a_record_tells_of_the_backbones_own_attention(tiny_spec: RunSpec) -> None:
    backbone = "mobilenetv3_small_050"
    spec = dataclasses.replace(
        tiny_spec, attention="se:at=pre-add,reduction=2", backbone=backbone, recipe=Recipe(epochs=1)
    )
    values = run_spec(spec).values
    assert (values.num_attention_modules, values.num_replaced) == (7, 9)


def test_leaves_the_number_of_threads_alone(tiny_spec: RunSpec) -> None:
    before = torch.get_num_threads()
    run_spec(dataclasses.replace(tiny_spec, recipe=Recipe(epochs=1)))
    assert torch.get_num_threads() == before


def test_saves_the_tested_weights(tiny_spec: RunSpec, tmp_path: Path) -> None:
    run_spec(tiny_spec, checkpoint=tmp_path / "sge.ckpt")
    state = torch.load(tmp_path / "sge.ckpt", weights_only=True)["state_dict"]
    model = create_model(tiny_spec.backbone, tiny_spec.attention, num_classes=10, in_channels=1, image_size=(28, 28))
    model.load_state_dict(
        {name.removeprefix("model."): value for name, value in state.items() if name.startswith("model.")}
    )
    assert not torch.equal(model.fc.bias, torch.zeros(10))


def test_tells_of_its_progress(tiny_spec: RunSpec) -> None:
    heard: list[tuple[str, int, int]] = []
    recipe = dataclasses.replace(tiny_spec.recipe, epochs=4)
    run_spec(dataclasses.replace(tiny_spec, recipe=recipe), on_progress=lambda *event: heard.append(event))
    assert heard == [("data", 0, 1), ("train", 10, 12), ("measure", 0, 1)]


def test_a_loss_that_is_not_finite_ends_the_run(tiny_spec: RunSpec) -> None:
    recipe = Recipe(epochs=1, batch_size=32, learning_rate=1e30)
    said = (
        r"^the training loss is nan at step 2 \(epoch 1 of 1\); try a smaller learning_rate than 1e\+30, or a gradient_"
    )
    with pytest.raises(DivergedError, match=said):
        run_spec(dataclasses.replace(tiny_spec, recipe=recipe))


def test_the_first_step_without_a_finite_loss_is_named(tiny_spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three steps an epoch, of which the fifth gives no number: the second of the second epoch."""
    step = Classification.training_step

    def breaking(self: Classification, batch: Any, index: int) -> torch.Tensor:
        if self.trainer.global_step == 4:
            torch.nn.init.constant_(next(self.model.parameters()), math.inf)
        return step(self, batch, index)

    healthy: list[Epoch] = []
    validate_spec(tiny_spec, on_epoch=healthy.append)
    monkeypatch.setattr(Classification, "training_step", breaking)
    with pytest.raises(DivergedError, match=r"at step 5 \(epoch 2 of 2\)") as caught:
        run_spec(tiny_spec)
    error = caught.value
    assert (error.loss, error.value, error.step, error.epoch) == ("training loss", "nan", 5, 2)
    assert error.curve == (healthy[0],)


def test_weights_that_the_last_step_spoils_are_not_tested(tiny_spec: RunSpec) -> None:
    recipe = Recipe(epochs=1, batch_size=96, learning_rate=1e30)
    with pytest.raises(
        DivergedError, match=r"^the validation loss is nan after step 1 \(epoch 1 of 1\); try"
    ) as caught:
        run_spec(dataclasses.replace(tiny_spec, recipe=recipe))
    assert (caught.value.loss, caught.value.step, caught.value.curve) == ("validation loss", 1, ())


def test_a_test_loss_that_is_not_finite_ends_the_run(tiny_spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is of the weights of the selected epoch, the first of four."""
    evaluated = Classification.evaluated
    tops = iter((50.0, 40.0, 30.0, 20.0))

    def overflowing(self: Classification) -> dict[str, float]:
        top1_percent = next(tops, None)  # after the last epoch comes the test
        changes = {"loss": math.inf} if top1_percent is None else {"top1_percent": top1_percent}
        return evaluated(self) | changes

    monkeypatch.setattr(Classification, "evaluated", overflowing)
    recipe = dataclasses.replace(tiny_spec.recipe, epochs=4)
    said = r"^the test loss is inf after step 3 \(epoch 1 of 4\); try a smaller learning_rate than 0.05, or a gradient_"
    with pytest.raises(DivergedError, match=said) as caught:
        run_spec(dataclasses.replace(tiny_spec, recipe=recipe))
    assert caught.value.curve == ()


def test_a_plugin_must_be_the_specs(tiny_spec: RunSpec, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("")
    plugin = PluginFile(path=str(tmp_path / "mine.py"), sha256="0" * 64)
    with pytest.raises(PluginError, match="has changed since the spec was written"):
        run_spec(dataclasses.replace(tiny_spec, plugin=plugin))


def test_last_selects_the_last_epoch(tiny_spec: RunSpec) -> None:
    recipe = dataclasses.replace(tiny_spec.recipe, selection="last")
    assert run_spec(dataclasses.replace(tiny_spec, recipe=recipe)).values.selected_epoch == 2


def test_a_split_that_cannot_be_divided_is_refused(tiny_spec: RunSpec) -> None:
    for recipe, devices, said in (
        (Recipe(batch_size=128), 2, "where a step is divided; got batch_size=128, train_images=96, devices=2"),
        (
            Recipe(batch_size=82),
            41,
            "not exceed the validation images; got devices=41, validation_images=40",
        ),
    ):
        spec = dataclasses.replace(tiny_spec, recipe=recipe, compute=Compute(device="cpu", devices=devices))
        with pytest.raises(SpecError, match=said):
            check_models(spec, ())
