"""Grad-CAM equals the paper's equation, and leaves the model as it was."""

import sys

import pytest
import torch
from torch import nn

import attnbench
from attnbench.errors import MissingDependencyError, SpecError
from attnbench.models.meeting import stage_names
from attnbench.variant import Variant
from attnbench.visualize import grad_cam

BACKBONES = ["cifar-resnet:depth=8,width=8", "resnet10t", "mobilenetv3_small_050", "convnext_atto"]


def test_a_map_worked_out_by_hand() -> None:
    # Two channels on two positions; class 0 scores 3·mean(A_0) − mean(A_1), so that the weights are 3/2 and −1/2.
    head = nn.Linear(2, 2)
    with torch.no_grad():
        head.weight.copy_(torch.tensor([[3.0, -1.0], [0.0, 1.0]]))
    model = nn.Sequential(nn.Identity(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).eval()
    images = torch.tensor([[[[2.0, 0.0]], [[2.0, 4.0]]]])
    maps = grad_cam(model, images, torch.tensor([0]), layer="0")
    torch.testing.assert_close(maps, torch.tensor([[[2.0 * 1.5 - 2.0 * 0.5, 0.0]]]))


@pytest.mark.parametrize("backbone", BACKBONES)
def test_it_is_the_papers_equation_in_any_backbone(backbone: str) -> None:
    model = attnbench.create_model(backbone, "sge:groups=4", num_classes=3, image_size=(64, 64), seed=1).eval()
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    classes = torch.tensor([2, 0])
    layer = stage_names(Variant.parse(backbone))[-1]
    before = [len(module._forward_hooks) for module in model.modules()]
    maps = grad_cam(model, images, classes, layer=layer)
    features: list[torch.Tensor] = []
    hook = model.get_submodule(layer).register_forward_hook(lambda _module, _inputs, output: features.append(output))
    scores = model(images)
    hook.remove()
    (gradient,) = torch.autograd.grad(scores[[0, 1], classes].sum(), features)
    torch.testing.assert_close(maps, (gradient.mean((2, 3), keepdim=True) * features[0]).sum(1).relu())
    assert maps.max() > 0
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.parameters())
    assert before == [len(module._forward_hooks) for module in model.modules()]


def test_bad_layers_are_named() -> None:
    model = attnbench.create_model(BACKBONES[0], "none", num_classes=3, image_size=(32, 32)).eval()
    images, classes = torch.zeros(1, 3, 32, 32), torch.tensor([0])
    with pytest.raises(SpecError, match=r"no layer 'layer9'; did you mean"):
        grad_cam(model, images, classes, layer="layer9")
    with pytest.raises(SpecError, match=r"feature map \(N, C, H, W\); got 'fc'"):
        grad_cam(model, images, classes, layer="fc")


def test_without_captum_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    with pytest.raises(MissingDependencyError, match=r"pip install attnbench\[visualize\]"):
        grad_cam(nn.Identity(), torch.zeros(1, 1, 2, 2), torch.tensor([0]), layer="")
