import pytest
import torch
from torch import nn

from attnbench.measure import count_macs, count_parameters, interleaved_forward_ms


def test_counts_a_shared_parameter_once_and_a_frozen_one_not() -> None:
    shared = nn.Linear(3, 3, bias=False)
    frozen = nn.Linear(3, 3)
    frozen.requires_grad_(False)
    assert count_parameters(nn.Sequential(shared, shared, frozen)) == 9


def test_counts_a_convolution_and_a_linear_layer_by_their_formulas() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Flatten(), nn.Linear(8 * 5 * 7, 2))
    assert count_macs(model, (3, 5, 7)).macs == 3 * 3 * 3 * 8 * 5 * 7 + 8 * 5 * 7 * 2


def test_names_what_it_does_not_count() -> None:
    class Gate(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * torch.sigmoid(x)

    counted = count_macs(nn.Sequential(Gate(), Gate()), (1, 4, 4))
    assert counted.macs == 0
    assert counted.uncounted_operators == {"aten::mul": 2, "aten::sigmoid": 2}


def test_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)).train()
    count_macs(model, (1, 4, 4))
    assert model.training
    assert torch.equal(model[1].running_mean, torch.zeros(2))


@pytest.mark.parametrize("rounds", [1, 4])
def test_times_both_models_in_turn(rounds: int) -> None:
    calls: list[str] = []

    class Named(nn.Module):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            calls.append(self.name)
            return x

    times = interleaved_forward_ms(Named("a"), Named("b"), torch.zeros(1, 1, 2, 2), rounds=rounds, warmup=1)
    assert [len(samples) for samples in times] == [rounds, rounds]
    assert all(sample > 0 for samples in times for sample in samples)
    assert "".join(calls) == "ab" + "abba" * (rounds // 2) + "ab" * (rounds % 2)
