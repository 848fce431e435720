import pytest
import torch
from torch import nn

from attnbench.measure.steps import inference_step, training_step


class Watched(nn.Module):
    """A classifier that keeps how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(3)
        self.linear = nn.Linear(3, 5, bias=False)
        self.linear.weight.data = torch.linspace(-1, 1, 15).reshape(5, 3)
        self.seen: list[tuple[bool, bool, bool, torch.dtype]] = []
        self.gradients: list[torch.Tensor] = []
        self.linear.weight.register_post_accumulate_grad_hook(lambda weight: self.gradients.append(weight.grad.clone()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear(self.norm(x).mean((2, 3)))
        self.seen.append((self.training, torch.is_grad_enabled(), torch.is_inference_mode_enabled(), y.dtype))
        return y


IMAGES, LABELS = torch.linspace(-1, 1, 96).reshape(2, 3, 4, 4), torch.tensor([1, 4])


@pytest.mark.parametrize(("autocast", "dtype"), [(None, torch.float32), (torch.bfloat16, torch.bfloat16)])
def test_inference_is_one_forward_pass_in_inference_mode(autocast: torch.dtype | None, dtype: torch.dtype) -> None:
    model = Watched().train()
    step = inference_step(model, IMAGES, autocast=autocast)
    y = step()
    assert model.seen == [(False, False, True, dtype)]
    assert torch.equal(model.norm.running_mean, torch.zeros(3))
    with torch.no_grad():
        assert torch.allclose(y.float(), model(IMAGES), rtol=0.02, atol=0.02)


@pytest.mark.parametrize(("autocast", "dtype"), [(None, torch.float32), (torch.bfloat16, torch.bfloat16)])
def test_training_is_forward_loss_and_backward(autocast: torch.dtype | None, dtype: torch.dtype) -> None:
    model = Watched().eval()
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    step = training_step(model, IMAGES, LABELS, autocast=autocast)
    step()
    step()
    assert model.seen == [(True, True, False, dtype)] * 2
    # Gradients are made anew, not added up, and are gone afterwards.
    assert torch.equal(*model.gradients)
    assert all(parameter.grad is None for parameter in model.parameters())
    # There is no optimizer.
    assert all(torch.equal(parameter, before[name]) for name, parameter in model.named_parameters())
    loss = nn.CrossEntropyLoss()(model.train()(IMAGES), LABELS)
    (expected,) = torch.autograd.grad(loss, model.linear.weight)
    assert torch.allclose(model.gradients[0], expected, rtol=0.05, atol=0.02)
    assert expected.abs().max() > 0.1
