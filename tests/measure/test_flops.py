from pathlib import Path

import pytest
import torch
from torch import nn

import attnbench
from attnbench.attention import ATTENTION
from attnbench.errors import SpecError
from attnbench.measure import count_flops, count_macs
from attnbench.measure.flop_rules import RULES
from attnbench.measure.flops import CONVENTIONS, Convention

IMAGE = (3, 224, 224)
SMALL = "cifar-resnet:bottleneck=true,depth=11,width=16"
PAGE = Path(__file__).parents[2] / "docs" / "flops.md"
PUBLISHED_GFLOPS = {
    # SGE paper and repository; SK is what the authors' counter gives for their code, the table has 4.185.
    "none": "4.122", "se": "4.130", "sk:source=official": "4.187", "bam": "4.205", "cbam": "4.139", "sge": "4.127",
}  # fmt: skip


@pytest.mark.parametrize(
    "attention", [name if name == "sge" else pytest.param(name, marks=pytest.mark.slow) for name in PUBLISHED_GFLOPS]
)
def test_the_published_convention_gives_the_published_numbers(attention: str) -> None:
    model = attnbench.create_model("resnet50", attention)
    counted = count_flops(model, IMAGE, convention="published").total
    assert f"{counted / 1e9:.3f}" == PUBLISHED_GFLOPS[attention]


@pytest.mark.slow
def test_the_published_convention_gives_resnet_101_too() -> None:
    for attention, gflops in {"none": "7.849", "sge": "7.858", "se": "7.863", "sk:source=official": "7.980"}.items():
        model = attnbench.create_model("resnet101", attention)
        assert f"{count_flops(model, IMAGE, convention='published').total / 1e9:.3f}" == gflops


@pytest.mark.parametrize("name", ATTENTION.names())
def test_no_operator_of_a_registered_module_is_uncounted(name: str) -> None:
    settings = ":groups=8" if name == "sa" else ""
    model = attnbench.create_model(SMALL, name + settings, image_size=(16, 16))
    assert count_flops(model, (3, 16, 16)).uncounted_operators == {}


@pytest.mark.parametrize(
    "backbone", ["regnety_002", "mobilenetv3_small_050", "efficientnet_b0", "convnext_atto", "shufflenet_v2_x0_5"]
)
def test_no_operator_of_a_backbone_is_uncounted(backbone: str) -> None:
    model = attnbench.create_model(backbone, image_size=(64, 64))
    assert count_flops(model, (3, 64, 64)).uncounted_operators == {}


class Gate(nn.Module):
    """Twelve sums, a sigmoid of each mean, and a product: counted by hand below."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(self.scale(x.mean((2, 3))))[:, :, None, None]


def test_full_counts_every_operation() -> None:
    values, channels = 3 * 4 * 5, 3
    counted = count_flops(Gate(), (3, 4, 5))
    linear = channels * channels + channels
    assert counted.by_module["scale"] == linear
    assert counted.total == values + linear + channels + values


def test_full_does_not_depend_on_spelling() -> None:
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1))

    class Mean(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((2, 3), keepdim=True)

    assert count_flops(pooled, (3, 4, 5)).total == count_flops(Mean(), (3, 4, 5)).total == 3 * 4 * 5


def test_an_operator_without_a_rule_is_named() -> None:
    class Odd(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.erfinv(x)

    assert count_flops(Odd(), (1, 2, 2)).uncounted_operators == {"aten::erfinv": 1}


def test_fvcores_convention_is_that_of_the_records() -> None:
    model = attnbench.create_model("resnet18", "se", image_size=(64, 64))
    counted = count_flops(model, (3, 64, 64), convention="fvcore")
    macs = count_macs(model, (3, 64, 64))
    assert (counted.total, counted.uncounted_operators) == (macs.macs, macs.uncounted_operators)


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_count_leaves_the_model_as_it_was(convention: Convention) -> None:
    model = attnbench.create_model("cifar-resnet:depth=8", "sge:groups=4", image_size=(16, 16)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    count_flops(model, (3, 16, 16), convention=convention)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules() if not hasattr(module, "attention"))


def test_there_are_three_conventions() -> None:
    with pytest.raises(SpecError, match="convention must be one of full, fvcore, published; got 'torch'"):
        count_flops(nn.Identity(), (1, 2, 2), convention="torch")  # type: ignore[arg-type]


def test_the_page_lists_every_rule() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    for rule in RULES:
        operators = ", ".join(f"`{name}`" for name in rule.operators)
        assert f"| {operators} | {rule.reason} |" in rows
