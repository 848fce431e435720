from pathlib import Path

import pytest
import torch
from torch import nn

import attnbench
from attnbench.attention import ATTENTION, SelectiveKernel, SpatialGroupEnhance, SqueezeExcitation
from attnbench.attention.cbam import ChannelGate
from attnbench.errors import SpecError
from attnbench.measure import count_flops, count_macs
from attnbench.measure.flop_rules import RULES
from attnbench.measure.flops import CONVENTIONS, Convention

IMAGE = (3, 224, 224)
SMALL = "cifar-resnet:bottleneck=true,depth=11,width=16"
PAGE = Path(__file__).parents[2] / "docs" / "flops.md"
AUTHORS_COUNTS = {
    # What the authors' own counter gives for their own models.
    "resnet50": {
        "none": 4_121_924_096, "se": 4_129_959_344, "sk:source=official": 4_186_862_296, "bam": 4_205_129_092,
        "cbam": 4_139_381_292, "sge": 4_127_443_456,
    },
    "resnet101": {
        "none": 7_849_499_136, "se": 7_863_175_664, "sk:source=official": 7_980_327_160, "bam": 7_932_704_132,
        "cbam": 7_878_572_092, "sge": 7_858_430_464,
    },
}  # fmt: skip
SPELLED_OTHERWISE = {
    # The ReLU between SE's layers is a function here and a module there, that of SK the other way round.
    "resnet50": {"se": -944, "sk:source=official": 236},
    "resnet101": {"se": -2032, "sk:source=official": 508},
}
BAM_HIDDEN, BAM_CHANNELS = 16 + 32 + 64, 256 + 512 + 1024
BAM_SPELLED_OTHERWISE = BAM_HIDDEN + BAM_CHANNELS + 2 * BAM_HIDDEN
"""Biases and norm of BAM's channel branch: convolutions and a 2-d norm here, linear layers and a 1-d norm there."""


@pytest.mark.parametrize(
    ("backbone", "attention"),
    [
        pytest.param(name, attention, marks=() if (name, attention) == ("resnet50", "sge") else pytest.mark.slow)
        for name, counts in AUTHORS_COUNTS.items()
        for attention in counts
    ],
)
def test_the_published_convention_is_the_authors_counter(backbone: str, attention: str) -> None:
    model = attnbench.create_model(backbone, attention)
    counted = count_flops(model, IMAGE, convention="published").total
    spelling = BAM_SPELLED_OTHERWISE if attention == "bam" else SPELLED_OTHERWISE[backbone].get(attention, 0)
    assert counted == AUTHORS_COUNTS[backbone][attention] + spelling


class DerivedEnhance(SpatialGroupEnhance):
    """A user's own variant of SGE."""


def test_the_published_convention_knows_modules_by_class_not_by_name() -> None:
    class ChannelGate(nn.Module):
        """A user's own, of the name that CBAM's has."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * torch.sigmoid(x.amax((2, 3), keepdim=True))

    assert count_flops(ChannelGate(), (8, 4, 5), convention="published").total == 0


@pytest.mark.parametrize(
    ("module", "maps", "rest"),
    [
        (SpatialGroupEnhance(8, groups=2), 1, 0),
        (DerivedEnhance(8, groups=2), 1, 0),
        (SqueezeExcitation(8, reduction=4), 1, 2 * 2 * 8),
        (ChannelGate(8, 2, bias=True, backend="auto"), 2, 2 * (2 * 2 * 8 + 2)),
    ],
)
def test_the_published_convention_counts_what_the_authors_pool_by_modules(
    module: nn.Module, maps: int, rest: int
) -> None:
    counted = count_flops(nn.Sequential(module), (8, 4, 5), convention="published")
    assert counted.by_module["0"] == counted.total == maps * 8 * 4 * 5 + rest


def test_the_published_convention_pools_each_branch_of_sk() -> None:
    module = SelectiveKernel(8, 8, stride=2, groups=1, branch_groups=8, reduction=4)
    counted = count_flops(module, (8, 4, 6), convention="published").by_module
    assert counted[""] - sum(counted[name] for name, _ in module.named_children()) == 2 * 8 * 2 * 3


def test_the_published_convention_sees_each_call_of_a_module_and_none_of_an_idle_one() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.called = SpatialGroupEnhance(8, groups=2)
            self.idle = SpatialGroupEnhance(8, groups=2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.called(self.called(x))

    assert count_flops(Twice(), (8, 4, 5), convention="published").total == 2 * 8 * 4 * 5


def test_the_published_convention_counts_an_activation_within_a_norm_once() -> None:
    class NormWithActivation(nn.BatchNorm2d):
        def __init__(self, channels: int) -> None:
            super().__init__(channels)
            self.act = nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.act(super().forward(x))

    counted = count_flops(nn.Sequential(NormWithActivation(3)), (3, 4, 5), convention="published")
    assert counted.total == counted.by_module["0"] == 3 * (3 * 4 * 5)
    assert counted.by_module["0.act"] == 3 * 4 * 5


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Conv2d(8, 4, 3, groups=2, padding=1), 4 * (4 * 3 * 3 + 1) * 20),
        (nn.Linear(5, 7), 8 * 4 * 5 * 7),
        (nn.BatchNorm2d(8), 2 * 160),
        (nn.BatchNorm2d(8, affine=False), 160),
        (nn.Sequential(nn.Flatten(2), nn.BatchNorm1d(8)), 0),
        (nn.LayerNorm(5), 0),
        *(
            (layer, 160)
            for layer in (
                nn.ReLU(), nn.ReLU(inplace=True), nn.ReLU6(), nn.ReLU6(inplace=True), nn.PReLU(), nn.ELU(),
                nn.ELU(inplace=True), nn.LeakyReLU(), nn.LeakyReLU(inplace=True),
            )
        ),
        *((layer, 160) for layer in (nn.MaxPool2d(3, 1, 1), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1))),
        (nn.AdaptiveMaxPool2d(2), 160),
        *((nn.Upsample(scale_factor=2, mode=mode), 640) for mode in ("nearest", "bilinear", "bicubic")),
        (nn.SiLU(), 0),
        (nn.Sigmoid(), 0),
    ],
    ids=str,
)  # fmt: skip
def test_the_published_convention_counts_these_layers(layer: nn.Module, expected: int) -> None:
    assert count_flops(nn.Sequential(layer), (8, 4, 5), convention="published").total == expected


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


class ChannelGate(nn.Module):
    """Shares its name with a part of CBAM, and nothing else."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def test_the_published_convention_knows_modules_by_their_class() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 1, bias=False), ChannelGate())
    assert count_flops(model, (3, 8, 8), convention="published").total == 3 * 4 * 64


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_a_model_without_parameters_is_counted(convention: Convention) -> None:
    model = nn.Sequential(nn.ReLU(), nn.Flatten())
    assert count_flops(model, (3, 8, 8), convention=convention).total == (0 if convention == "fvcore" else 192)


class AreaScaled(nn.Module):
    """Divides by a number of positions, which is made of shapes and costs nothing."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x / (x.shape[2] * x.shape[3])


def test_arithmetic_of_shapes_is_not_counted() -> None:
    assert count_flops(AreaScaled(), (3, 8, 8)).total == 192
