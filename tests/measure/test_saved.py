import torch
from torch import nn

from attnbench.measure.saved import bytes_saved_for_backward

FLOAT32 = 4


def test_a_linear_layer_saves_only_what_is_there_anyway() -> None:
    assert bytes_saved_for_backward(nn.Linear(3, 4), torch.ones(2, 3)) == 0


def test_a_relu_saves_its_result() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    assert bytes_saved_for_backward(model, torch.ones(2, 3)) == 2 * 4 * FLOAT32


def test_what_two_operators_save_counts_once() -> None:
    # The second layer saves its operand, which is what the ReLU saved.
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 5))
    assert bytes_saved_for_backward(model, torch.ones(2, 3)) == 2 * 4 * FLOAT32


def test_views_keep_their_whole_storage_once() -> None:
    class Product(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(3, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.linear(x)
            return y[:, :1] * y[:, 1:2]

    assert bytes_saved_for_backward(Product(), torch.ones(2, 3)) == 2 * 10 * FLOAT32


def test_two_maps_count_both() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Linear(4, 5), nn.Sigmoid())
    assert bytes_saved_for_backward(model, torch.ones(2, 3)) == 2 * (4 + 5) * FLOAT32


def test_batch_norm_saves_the_statistics_of_the_batch_and_not_its_running_ones() -> None:
    assert bytes_saved_for_backward(nn.BatchNorm2d(3), torch.rand(2, 3, 4, 5)) == 2 * 3 * FLOAT32


def test_frozen_layers_save_nothing() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid()).requires_grad_(False)
    assert bytes_saved_for_backward(model, torch.ones(2, 3)) == 0


def test_counts_without_gradients_around_it_and_leaves_the_model_as_it_was() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.BatchNorm2d(2)).eval()
    with torch.no_grad():
        saved = bytes_saved_for_backward(model, torch.rand(2, 1, 4, 5))
    assert saved == (2 * 2 * 4 * 5 + 2 * 2) * FLOAT32
    assert not model.training
    assert torch.equal(model[1].running_mean, torch.zeros(2))
