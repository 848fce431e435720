import itertools
from collections.abc import Callable

import pytest
import torch
from torch import nn

from attnbench.attention.se import SqueezeExcitation
from attnbench.attention.sge import SpatialGroupEnhance
from attnbench.errors import SpecError
from attnbench.measure import traffic
from attnbench.measure.moved import MovedBytes
from attnbench.measure.traffic import count_traffic, measure_bandwidth, memory_bound_ms

POSITIONS = 2 * 3
FLOAT32 = 4
MAP = 32 * POSITIONS * FLOAT32
"""Bytes of a map of 32 channels."""


class Function(nn.Module):
    """Runs a function of the images."""

    def __init__(self, function: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x)


def moved(read: int, written: int, parameters: int = 0) -> MovedBytes:
    return MovedBytes(read_bytes=read, written_bytes=written, parameter_bytes=parameters)


def of(function: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, MovedBytes]:
    return count_traffic(Function(function), (32, 2, 3)).by_operator


def test_convolution() -> None:
    counted = count_traffic(nn.Conv2d(3, 8, 3, padding=1), (3, 5, 7))
    expected = moved(3 * 35 * FLOAT32, 8 * 35 * FLOAT32, (8 * 3 * 3 * 3 + 8) * FLOAT32)
    assert counted.by_operator == {"aten::convolution": expected}
    assert counted.total == expected
    assert counted.total.activation_bytes == (3 + 8) * 35 * FLOAT32


def test_batch_norm_in_evaluation_reads_its_parameters_and_statistics() -> None:
    counted = count_traffic(nn.BatchNorm2d(32), (32, 2, 3))
    assert counted.by_operator == {"aten::native_batch_norm": moved(MAP, MAP, 4 * 32 * FLOAT32)}


def test_a_broadcast_operand_is_read_once() -> None:
    gate = 32 * FLOAT32
    expected = {"aten::mean": moved(MAP, gate), "aten::mul": moved(MAP + gate, MAP)}
    assert of(lambda x: x * x.mean((2, 3), keepdim=True)) == expected
    assert of(lambda x: x * x.mean((2, 3), keepdim=True).expand_as(x)) == expected


def test_an_operand_given_twice_is_read_once() -> None:
    assert of(lambda x: x * x) == {"aten::mul": moved(MAP, MAP)}


def test_two_parts_of_one_map_are_both_read() -> None:
    assert of(lambda x: x[:, :16] * x[:, 16:]) == {"aten::mul": moved(MAP, MAP // 2)}


def test_an_operator_in_place_reads_and_writes() -> None:
    counted = of(lambda x: x.relu().add_(x))
    assert counted == {"aten::relu": moved(MAP, MAP), "aten::add_": moved(2 * MAP, MAP)}


def test_what_is_overwritten_is_not_read() -> None:
    assert of(lambda x: torch.empty_like(x).copy_(x)) == {"aten::copy_": moved(MAP, MAP)}
    assert of(lambda x: x.zero_()) == {"aten::zero_": moved(0, MAP)}
    assert of(lambda x: torch.sigmoid(x, out=torch.empty_like(x))) == {"aten::sigmoid": moved(MAP, MAP)}


def test_views_move_nothing() -> None:
    counted = count_traffic(Function(lambda x: x.reshape(1, 4, 8, -1).transpose(1, 2)[:, 1:].detach()), (32, 2, 3))
    assert counted.by_operator == {}
    assert counted.total == moved(0, 0)


def test_a_reshape_that_must_copy_moves_the_map() -> None:
    assert of(lambda x: x.transpose(1, 2).reshape(1, -1)) == {"aten::clone": moved(MAP, MAP)}


def test_gathering_reads_what_it_takes() -> None:
    order = torch.tensor([3, 1])
    indices = 2 * 8
    counted = of(lambda x: x.index_select(1, order))
    assert counted == {"aten::index_select": moved(2 * POSITIONS * FLOAT32 + indices, 2 * POSITIONS * FLOAT32)}


def test_a_list_of_operands_is_read_whole() -> None:
    assert of(lambda x: torch.cat([x, x[:, :16]], 1)) == {"aten::cat": moved(MAP + MAP // 2, MAP + MAP // 2)}


def test_a_view_of_a_tensor_that_is_no_buffer_moves_nothing() -> None:
    weights = torch.ones(32)
    assert of(lambda x: x * weights.view(1, 32, 1, 1)) == {"aten::mul": moved(MAP + 32 * FLOAT32, MAP)}


def test_max_pooling_writes_its_indices() -> None:
    counted = count_traffic(nn.MaxPool2d(2), (1, 4, 4)).by_operator
    assert counted == {"aten::max_pool2d_with_indices": moved(16 * FLOAT32, 4 * FLOAT32 + 4 * 8)}


def test_squeeze_and_excitation() -> None:
    gate, hidden = 32 * FLOAT32, 2 * FLOAT32
    weights = (32 * 2 + 2 + 2 * 32 + 32) * FLOAT32
    assert count_traffic(SqueezeExcitation(32), (32, 2, 3)).by_operator == {
        "aten::addmm": moved(gate + hidden, hidden + gate, weights),
        "aten::mean": moved(MAP, gate),
        "aten::mul": moved(MAP + gate, MAP),
        "aten::relu": moved(hidden, hidden),
        "aten::sigmoid": moved(gate, gate),
    }


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_spatial_group_wise_enhancement(memory_format: torch.memory_format) -> None:
    feature, similarity, group = 32 * FLOAT32, 8 * POSITIONS * FLOAT32, 8 * FLOAT32
    expected = {
        # ε to σ.
        "aten::add": moved(group, group),
        # γ and β are parameters.
        "aten::addcmul": moved(similarity, similarity, 2 * group),
        "aten::clamp_min": moved(group, group),
        # By the number of positions, and by σ + ε.
        "aten::div": moved(group + similarity + group, group + similarity),
        # Of the map and of the similarities.
        "aten::mean": moved(MAP + similarity, feature + group),
        # With the mean feature, and the map with the gate.
        "aten::mul": moved(MAP + feature + MAP + similarity, MAP + MAP),
        "aten::pow": moved(similarity, similarity),
        "aten::sigmoid": moved(similarity, similarity),
        "aten::sqrt": moved(group, group),
        "aten::sub": moved(similarity + group, similarity),
        # Over the group's channels, and of the squares.
        "aten::sum": moved(MAP + similarity, similarity + group),
    }
    if memory_format == torch.channels_last:
        expected["aten::clone"] = moved(MAP, MAP)
    to_layout = Function(lambda x: x.contiguous(memory_format=memory_format))
    model = nn.Sequential(to_layout, SpatialGroupEnhance(32, groups=8))
    assert count_traffic(model, (32, 2, 3)).by_operator == expected


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.branch = nn.Sequential(nn.Conv2d(32, 32, 1, bias=False), nn.ReLU())
        self.unused = nn.ModuleList([nn.ReLU()])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.branch(x)


def test_a_module_has_what_its_children_move_and_what_it_moves_itself() -> None:
    convolution, activation = moved(MAP, MAP, 32 * 32 * FLOAT32), moved(MAP, MAP)
    counted = count_traffic(nn.Sequential(Residual()), (32, 2, 3))
    block = convolution + activation + moved(2 * MAP, MAP)
    assert counted.total == block
    assert counted.by_module == {
        "": block,
        "0": block,
        "0.branch": convolution + activation,
        "0.branch.0": convolution,
        "0.branch.1": activation,
        "0.unused": moved(0, 0),
        "0.unused.0": moved(0, 0),
    }


def test_operators_and_modules_add_up() -> None:
    counted = count_traffic(Residual(), (32, 2, 3))
    assert sum(counted.by_operator.values(), MovedBytes()) == counted.total
    assert counted.by_module[""] == counted.total


def test_activations_grow_with_the_batch_and_parameters_do_not() -> None:
    one, five = (count_traffic(Residual(), (32, 2, 3), batch_size=size).total for size in (1, 5))
    assert five == moved(5 * one.read_bytes, 5 * one.written_bytes, one.parameter_bytes)


@pytest.mark.parametrize(("dtype", "width"), [(torch.bfloat16, 2), (torch.float64, 8)])
def test_widths_are_those_of_the_tensors(dtype: torch.dtype, width: int) -> None:
    counted = count_traffic(nn.Conv2d(3, 8, 1, bias=False).to(dtype), (3, 5, 7))
    assert counted.total == moved(3 * 35 * width, 8 * 35 * width, 8 * 3 * width)


def test_a_pass_of_training_runs_what_training_runs() -> None:
    model = nn.Dropout()
    assert count_traffic(model, (32, 2, 3)).by_operator == {}
    # On a CPU it draws a mask and scales it, in place.
    assert count_traffic(model, (32, 2, 3), training=True).by_operator == {
        "aten::bernoulli_": moved(0, MAP),
        "aten::div_": moved(MAP, MAP),
        "aten::mul": moved(2 * MAP, MAP),
    }


def test_gradients_are_on_in_training_only() -> None:
    seen: list[bool] = []
    model = Function(lambda x: (seen.append(torch.is_grad_enabled()), x)[1])
    count_traffic(model, (1, 1, 1))
    count_traffic(model, (1, 1, 1), training=True)
    assert seen == [False, True]


def test_a_model_that_asks_for_a_value_runs_on_zeros() -> None:
    counted = of(lambda x: x.relu() if float(x.max()) == 0 else x)
    assert counted == {"aten::max": moved(MAP, FLOAT32), "aten::relu": moved(MAP, MAP)}


def test_a_model_that_cannot_run_raises_its_own_error() -> None:
    with pytest.raises(RuntimeError, match=r"expected input.* to have 3 channels"):
        count_traffic(nn.Conv2d(3, 8, 1), (4, 5, 7))


def test_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)).eval()
    count_traffic(model, (1, 4, 4), training=True)
    assert not model.training
    assert int(model[1].num_batches_tracked) == 0
    assert not model[1]._forward_hooks
    assert not model[1]._forward_pre_hooks


def test_memory_bound() -> None:
    assert memory_bound_ms(3_000_000, 2e9) == pytest.approx(1.5)


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, float("nan")])
def test_refuses_a_bandwidth_that_is_not_positive(bandwidth: float) -> None:
    with pytest.raises(SpecError, match=f"bandwidth_bytes_per_s must be positive; got {bandwidth}"):
        memory_bound_ms(1, bandwidth)


def test_bandwidth_is_what_the_fastest_copy_reads_and_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    copies_ns = [400, 250, 300]
    clock = itertools.accumulate(itertools.chain.from_iterable((1000, copy_ns) for copy_ns in copies_ns))
    monkeypatch.setattr(traffic.time, "perf_counter_ns", lambda: next(clock))
    measured = measure_bandwidth(torch.device("cpu"), size_bytes=1000, rounds=3)
    assert measured == pytest.approx(2 * 1000 / 250e-9)
