"""Statistics collected batch by batch equal numpy's and scipy's of all values at once."""

import dataclasses
import gc
import json
import pickle
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import stats
from torch import nn

import attnbench
from attnbench.attention import BAM, CBAM, SelectiveKernel, SimAM, SpatialGroupEnhance, SqueezeExcitation
from attnbench.errors import SpecError
from attnbench.visualize import (
    ActivationStatistics,
    Captured,
    LayerStatistics,
    TensorStatistics,
    Thresholds,
    activation_statistics,
    capture,
    statistics_json,
    statistics_rows,
)
from attnbench.visualize.moments import Moments
from attnbench.visualize.statistics_rows import STATISTICS_HEADINGS, STATISTICS_LEGEND

WIDE = 8
M = TypeVar("M", bound=nn.Module)


def varied(module: M) -> M:
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        nn.init.normal_(parameter, generator=generator)
    return module.double().eval()


def images(number: int = 12) -> torch.Tensor:
    return torch.randn(number, WIDE, 5, 4, generator=torch.Generator().manual_seed(0)).double()


def statistics_of(
    module: nn.Module, batches: Sequence[torch.Tensor], thresholds: Thresholds | None = None
) -> LayerStatistics:
    (layer,) = activation_statistics(nn.Sequential(module), batches, modules=["0"], thresholds=thresholds)
    return layer


def by_name(layer: LayerStatistics) -> dict[str, TensorStatistics]:
    return {tensor.name: tensor for tensor in layer.tensors}


def shown(module: nn.Module, name: str) -> NDArray[np.float64]:
    """A tensor of all images at once, by unit (K, n)."""
    with torch.no_grad(), capture(module) as maps:
        module(images())
    found: NDArray[np.float64] = maps[""].shown[name].double().transpose(0, 1).flatten(1).numpy()
    return found


def given(gate: Sequence[Sequence[float]], thresholds: Thresholds | None = None) -> TensorStatistics:
    """Statistics of gates given by unit, with an image for each place."""

    def batch(part: torch.Tensor) -> dict[str, Captured]:
        values = part.T[:, :, None, None]
        return {"a": Captured(name="a", input=values, output=values, shown={"gate": values})}

    statistics = ActivationStatistics(thresholds)
    for part in torch.tensor(gate, dtype=torch.float64).split(2, 1):
        statistics.update(batch(part))
    ((tensor,),) = (layer.tensors for layer in statistics.layers())
    return tensor


def assert_moments(found: Moments, values: NDArray[np.float64]) -> None:
    assert found.count == values.size
    assert found.mean == pytest.approx(values.mean(), rel=1e-10, abs=1e-12)
    assert found.sd == pytest.approx(values.std(), rel=1e-10)
    assert found.skewness == pytest.approx(stats.skew(values, axis=None), rel=1e-10)
    assert found.kurtosis == pytest.approx(stats.kurtosis(values, axis=None), rel=1e-10)


def test_sge_is_what_numpy_and_scipy_say_of_all_its_values() -> None:
    module = varied(SpatialGroupEnhance(WIDE, groups=4))
    with torch.no_grad():
        module.gate_scale.mul_(3)  # so that some gates are closed and some are open
    layer = statistics_of(module, images().split(5))
    assert (layer.layer, layer.num_images) == ("0", 12)
    tensors = by_name(layer)
    assert tensors.keys() == {"similarity", "normalized", "gate"}
    for name, tensor in tensors.items():
        values = shown(module, name)
        assert_moments(tensor.moments, values)
        for unit, own in zip(tensor.by_unit, values, strict=True):
            assert_moments(unit, own)
        assert tensor.spread == pytest.approx(values.mean(1).std(), rel=1e-10, abs=1e-12)
        assert sum(tensor.histogram.counts) == values.size
        assert tensor.num_not_finite == 0
    gate, values = tensors["gate"].gate, shown(module, "gate")
    assert gate is not None
    assert gate.closed_share == (values < 0.05).mean()
    assert gate.open_share == (values > 0.95).mean()
    assert gate.closed_share + gate.open_share > 0.01
    assert gate.dead_units == ()
    assert gate.agreement is not None
    correlations = np.corrcoef(values)
    assert gate.agreement.mean_correlation == pytest.approx(
        np.abs(correlations)[np.triu_indices(4, 1)].mean(), rel=1e-10
    )
    assert tensors["similarity"].gate is None
    assert tensors["normalized"].gate is None


def numbers_of(value: object) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return [number for item in value for number in numbers_of(item)]
    return [float(value)] if isinstance(value, int | float) else []


@pytest.mark.parametrize("size", [1, 5])
def test_neither_batch_size_nor_order_matters(size: int) -> None:
    module = varied(SpatialGroupEnhance(WIDE, groups=4))
    one = numbers_of(dataclasses.asdict(statistics_of(module, [images()])))
    other = numbers_of(dataclasses.asdict(statistics_of(module, images().flip(0).split(size))))
    assert one == pytest.approx(other, rel=1e-10, abs=1e-10)


def test_gates_worked_out_by_hand() -> None:
    found = given([[0.0, 0.04, 0.05, 0.95], [0.96, 1.0, 0.5, 0.5], [0.3, 0.3, 0.3, 0.3]])
    assert found.gate is not None
    assert found.gate.closed_share == 2 / 12
    assert found.gate.open_share == 2 / 12
    assert found.gate.dead_units == (2,)
    assert found.spread == pytest.approx(np.std([0.26, 0.74, 0.3]))
    assert found.gate.agreement is not None
    assert found.gate.agreement.num_units == 2
    assert found.gate.agreement.mean_correlation == pytest.approx(
        abs(np.corrcoef([0.0, 0.04, 0.05, 0.95], [0.96, 1.0, 0.5, 0.5])[0, 1])
    )


def test_thresholds_are_as_set() -> None:
    values = [[0.1, 0.2, 0.8, 0.9], [0.50, 0.52, 0.50, 0.52]]
    found = given(values, Thresholds(closed_below=0.15, open_above=0.75, dead_below=0.02)).gate
    assert found is not None
    assert (found.closed_share, found.open_share, found.dead_units) == (1 / 8, 2 / 8, (1,))
    assert found.agreement is None
    with pytest.raises(SpecError, match=r"0 ≤ closed_below < open_above ≤ 1.*got closed_below=0\.6, open_above=0\.5"):
        Thresholds(closed_below=0.6, open_above=0.5)


def test_what_goes_beyond_1_is_no_gate_and_what_has_no_value_is_not_dead() -> None:
    found = given([[0.5, 1.5, 0.6, 0.5], [np.nan] * 4])
    assert found.gate is not None
    assert (found.gate.closed_share, found.gate.open_share) == (None, None)
    assert found.gate.dead_units == ()
    assert found.num_not_finite == 4
    assert found.by_unit[1].mean is None
    assert found.spread == 0


def test_the_initial_gates_of_sge_are_dead() -> None:
    gate = by_name(statistics_of(SpatialGroupEnhance(WIDE, groups=2), [images()]))["gate"].gate
    assert gate is not None
    assert gate.dead_units == (0, 1)
    assert gate.agreement is None


@pytest.mark.parametrize(
    ("module", "units"),
    [
        (SqueezeExcitation(WIDE, reduction=2), {"gate": WIDE}),
        (CBAM(WIDE, reduction=2), {"channel_gate": WIDE, "spatial_gate": 1}),
        (BAM(WIDE, reduction=2), {"gate": WIDE}),
        (SelectiveKernel(WIDE, WIDE, stride=1, groups=1), {"second branch": WIDE}),
    ],
)
def test_gates_of_other_modules(module: nn.Module, units: dict[str, int]) -> None:
    layer = statistics_of(varied(module), images().split(5))
    gates = {tensor.name: len(tensor.by_unit) for tensor in layer.tensors if tensor.gate is not None}
    assert gates == units
    for tensor in layer.tensors:
        if tensor.gate is not None:
            positions = 20 if tensor.name in ("spatial_gate", "gate") and len(layer.tensors) > 1 else 1
            assert tensor.moments.count == 12 * units[tensor.name] * positions
            assert tensor.gate.closed_share is not None
            assert (tensor.gate.agreement is None) == (units[tensor.name] == 1)


def test_a_module_that_shows_nothing_is_known_by_its_ratio() -> None:
    module, batch = SimAM(WIDE), images()
    batch[0, 0, 0, 0] = 0
    ratio = by_name(statistics_of(module, batch.split(5)))["ratio"]
    with torch.no_grad():
        expected = (module(batch) / batch).double().numpy()
    assert ratio.num_not_finite == 1
    assert ratio.moments.mean == pytest.approx(np.nanmean(expected), rel=1e-10)
    assert ratio.gate is not None
    assert ratio.gate.closed_share == 0


def test_one_that_changes_the_shape_too_is_known_by_its_output() -> None:
    module, batch = nn.Conv2d(WIDE, 3, 1, stride=2).double(), images()
    output = by_name(statistics_of(module, batch.split(5)))["output"]
    with torch.no_grad():
        expected = module(batch).double().transpose(0, 1).flatten(1).numpy()
    assert_moments(output.moments, expected)
    assert output.gate is None
    with pytest.raises(SpecError, match=r"0 must give a feature map \(N, C, H, W\) for statistics; got \(2, 3\)"):
        statistics_of(nn.Linear(3, 3), [torch.zeros(2, 3)])


def test_many_values_at_once_are_taken_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    module = varied(SpatialGroupEnhance(WIDE, groups=4))
    whole = numbers_of(dataclasses.asdict(statistics_of(module, [images()])))
    monkeypatch.setattr("attnbench.visualize.statistics._VALUES_AT_ONCE", 200)
    parts = numbers_of(dataclasses.asdict(statistics_of(module, [images()])))
    assert whole == pytest.approx(parts, rel=1e-10, abs=1e-10)


def test_memory_does_not_grow_with_the_images() -> None:
    model = nn.Sequential(varied(SpatialGroupEnhance(WIDE, groups=4)))
    statistics = ActivationStatistics()
    sizes = []
    with torch.no_grad(), capture(model) as maps:
        for _ in range(3):
            model(images())
            statistics.update(maps)
            # Without the weak references, which keep nothing alive.
            sizes.append(len(pickle.dumps((statistics._num_images, statistics._tensors))))
    assert abs(sizes[2] - sizes[0]) < 100
    held = [last() for last in statistics._last.values()]
    assert held == [maps["0"]]
    del maps, held
    gc.collect()
    assert [last() for last in statistics._last.values()] == [None]


def test_a_module_that_has_not_run_again_is_not_counted_twice() -> None:
    model = nn.ModuleList([SimAM(WIDE), SimAM(WIDE)])
    statistics = ActivationStatistics()
    with capture(model) as maps:
        model[0](images())
        model[1](images())
        statistics.update(maps)
        model[1](images())
        statistics.update(maps)
    assert {layer.layer: layer.num_images for layer in statistics.layers()} == {"0": 12, "1": 24}


def test_half_precision_is_measured_in_float64() -> None:
    module = varied(SpatialGroupEnhance(WIDE, groups=4)).to(torch.bfloat16)
    layer = statistics_of(module, images().to(torch.bfloat16).split(5))
    assert by_name(layer)["gate"].moments.count == 12 * 4 * 20


def test_no_batch_is_one_sentence() -> None:
    with pytest.raises(SpecError, match="at least one batch of images that reaches an attention module; got none"):
        statistics_of(SimAM(WIDE), [])


def test_json_holds_every_number() -> None:
    layer = statistics_of(varied(SqueezeExcitation(WIDE, reduction=2)), [images()])
    (read,) = json.loads(statistics_json([layer]))
    assert read == json.loads(json.dumps(dataclasses.asdict(layer)))
    assert read["tensors"][0]["gate"]["dead_units"] == []


def test_rows_hold_the_gates_under_the_headings() -> None:
    tensor = given([[0.0, 0.04, 0.05, 0.95], [0.96, 1.0, 0.5, 0.5], [0.3, 0.3, 0.3, 0.3]])
    # r = −0.2296 / √(0.6362 · 0.2312); e to the entropy of (1 ± r) / 2.
    (row,) = statistics_rows([LayerStatistics(layer="layer1", num_images=4, tensors=(tensor,))])
    assert dict(zip(STATISTICS_HEADINGS, row, strict=True)) == {
        "layer": "layer1", "gate": "gate", "units": "3", "mean": "0.433", "sd": "0.346", "spread": "0.217",
        "closed": "16.7 %", "open": "16.7 %", "dead": "1", "|r|": "0.60", "distinct": "1.7",
    }  # fmt: skip
    explained = {heading for words in STATISTICS_LEGEND for heading in words.split(", ")}
    assert explained == set(STATISTICS_HEADINGS) - {"layer", "gate"}


def test_rows_have_dashes_for_what_is_not_known() -> None:
    tensor = given([[1.5, 1.5]])
    (row,) = statistics_rows([LayerStatistics(layer="", num_images=2, tensors=(tensor,))])
    assert row == ("the model", "gate", "1", "1.500", "0.000", "0.000", "–", "–", "1", "–", "–")


def test_a_whole_model_layer_by_layer() -> None:
    model = attnbench.create_model("cifar-resnet:depth=8,width=8", "sge:groups=4", num_classes=3, image_size=(16, 16))
    layers = activation_statistics(model.eval(), torch.randn(2, 3, 3, 16, 16))
    assert [layer.layer for layer in layers] == ["layer1.0.se", "layer2.0.se", "layer3.0.se"]
    assert [len(layer.tensors) for layer in layers] == [3, 3, 3]
    assert {layer.num_images for layer in layers} == {6}
