import pytest
import torch
from torch import nn

from attnbench.attention import ATTENTION, register_attention
from attnbench.errors import AttnBenchError, ContractError, PlacementError, SpecError, UnknownNameError
from attnbench.models import create_model

SMALL = "cifar-resnet:bottleneck=true,depth=11,stem_stride=2,width=16"


def make(attention: str, backbone: str = SMALL, seed: int = 0) -> nn.Module:
    return create_model(backbone, attention, num_classes=10, in_channels=1, image_size=(28, 28), seed=seed)


@pytest.mark.parametrize("attention", ["sge", "se", "sk", "bam", "cbam", "ge"])
def test_variants_of_a_seed_share_the_baselines_weights(attention: str) -> None:
    baseline = make("none").state_dict()
    variant = make(attention).state_dict()
    shared = {name for name in baseline if name in variant}
    replaced = {name for name in baseline if name not in variant}
    assert all(torch.equal(baseline[name], variant[name]) for name in shared)
    # Only SK stands in place of layers that the baseline has.
    assert all(".conv2." in name or ".bn2." in name for name in replaced)
    assert bool(replaced) == (attention == "sk")
    # GE in its default form has no weights.
    assert bool(set(variant) - shared) == (attention != "ge")


def test_seeds_differ_and_repeat() -> None:
    first, again, other = (make("se", seed=seed).state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["layer1.0.conv1.weight"], other["layer1.0.conv1.weight"])
    assert not torch.equal(first["conv1.weight"], other["conv1.weight"])


def test_the_global_generator_is_left_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    make("se")
    assert torch.equal(torch.rand(1), expected)


def test_attention_stands_after_the_last_norm_of_each_block() -> None:
    model = make("sge")
    order: list[str] = []
    for name, module in model.named_modules():
        if name.startswith("layer2.0."):
            module.register_forward_hook(lambda module, args, output, name=name: order.append(name))
    model(torch.randn(2, 1, 28, 28))
    assert order[order.index("layer2.0.bn3") + 1] == "layer2.0.se"
    assert order[-1] == "layer2.0.act3"


def test_stage_modules_stand_after_all_stages_but_the_last() -> None:
    names = [name for name, module in make("bam").named_modules() if type(module) is ATTENTION.get("bam").module_class]
    assert names == ["layer1.attention", "layer2.attention"]


def test_imagenet_networks_have_three_stage_modules() -> None:
    model = create_model("resnet18", "bam", num_classes=2, image_size=(64, 64))
    names = [name for name, module in model.named_modules() if type(module) is ATTENTION.get("bam").module_class]
    assert names == ["layer1.attention", "layer2.attention", "layer3.attention"]


@pytest.mark.parametrize(
    "backbone", ["resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2", "resnet50d", "resnetblur50"]
)
@pytest.mark.parametrize("attention", ["sge", "sk", "bam"])
def test_timms_family_takes_every_placement(backbone: str, attention: str) -> None:
    model = create_model(backbone, attention, num_classes=3, image_size=(64, 48)).eval()
    with torch.no_grad():
        logits = model(torch.randn(2, 3, 64, 48))
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize(
    ("backbone", "layers"), [("cifar-resnet:depth=56", 55), ("cifar-resnet:bottleneck=true,depth=29", 28)]
)
def test_a_cifar_resnet_is_as_deep_as_it_says(backbone: str, layers: int) -> None:
    model = create_model(backbone, num_classes=10)
    convs = [name for name, module in model.named_modules() if isinstance(module, nn.Conv2d) and "downs" not in name]
    assert len(convs) == layers


def test_cifar_resnet_20_has_the_parameters_of_its_paper() -> None:
    # 0.27 M in table 6 of He et al.; theirs has shortcuts without parameters, ours 1×1 convolutions with a norm.
    model = create_model("cifar-resnet:depth=20", num_classes=10)
    shortcuts = 16 * 32 + 2 * 32 + 32 * 64 + 2 * 64
    assert sum(parameter.numel() for parameter in model.parameters()) == 269_722 + shortcuts


@pytest.mark.parametrize(
    ("backbone", "attention", "error", "message"),
    [
        ("resnet5O", "none", UnknownNameError, "unknown backbone 'resnet5O'; did you mean 'resnet50'"),
        ("resnet50:zero=1", "none", SpecError, "no setting 'zero'"),
        ("resnet50", "sgee", UnknownNameError, "did you mean 'sge'"),
        ("resnet50", "sge:groups=48", SpecError, "groups must divide channels; got groups=48, channels=256"),
        ("resnet50", "none:a=1", SpecError, "'none' has no settings"),
        (
            "resnet50",
            "sge:at=post-conv3",
            SpecError,
            r"'sge': unknown position at=post-conv3; did you mean 'post-conv2'",
        ),
        ("resnet50", "sge:at=3", SpecError, "at must be text; got at=3"),
        ("resnet50", "se:at=conv", SpecError, "unknown position at=conv; allowed: fpn, post-add, post-bn3"),
        ("resnet50", "sk:at=stage", SpecError, "'sk' has no setting 'at'"),
        ("resnet50", "sge:stage=3", SpecError, "'sge' has no setting 'stage'; did you mean 'stages'"),
        ("resnet50", "sge:stages=4,3", SpecError, "stages must increase and are counted from 1; got stages=4,3"),
        ("resnet50", "sge:stages=3,3", SpecError, "stages must increase"),
        ("resnet50", "sge:stages=0", SpecError, "stages must increase and are counted from 1; got stages=0"),
        ("resnet50", "sge:stages=last", SpecError, "stages must be an integer or integers"),
        ("resnet50", "sge:stages=5", SpecError, "this backbone has the stages 1, 2, 3, 4; got stages=5"),
        ("resnet50", "bam:stages=3,5", SpecError, "this backbone has the stages 1, 2, 3, 4; got stages=3,5"),
        (
            "efficientnet_b0",
            "se:at=shortcut",
            PlacementError,
            "efficientnet_b0 takes no module at 'shortcut': its shortcut is .*; it takes them at post-bn3, pre-add, "
            "post-add, post-conv2, pre-branch, stage, and 'shortcut' is taken by backbones of cifar-resnet, resnet, "
            "regnet, convnext$",
        ),
        ("shufflenet_v2_x0_5", "sk", PlacementError, "'conv' is taken by backbones of cifar-resnet, resnet, regnet$"),
        ("resnet50:drop_path_rate=1", "none", SpecError, "must be in .0, 1.; got drop_rate=0.0, drop_path_rate=1.0"),
        ("mobilenetv2_050:drop_rate=-1", "none", SpecError, "must be in .0, 1.; got drop_rate=-1.0"),
        ("mobilenetv2_050:zero_init_last=true", "none", SpecError, "no setting 'zero_init_last'"),
        ("cifar-resnet:depth=21", "none", SpecError, "depth must be 6n . 2"),
        ("cifar-resnet:width=7", "none", SpecError, "width must be even"),
        ("cifar-resnet:stem_stride=0", "none", SpecError, "stem_stride must be at least 1"),
    ],
)
def test_names_that_do_not_fit(backbone: str, attention: str, error: type[AttnBenchError], message: str) -> None:
    with pytest.raises(error, match=message):
        create_model(backbone, attention)


class Halves(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, ::2]


class Raises(Halves):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("not today")


class NeedsMore(nn.Module):
    def __init__(self, channels: int, more: int) -> None:
        super().__init__()


@pytest.fixture
def registered() -> None:
    register_attention("halves", placement="block")(Halves)
    register_attention("raises", placement="stage")(Raises)
    register_attention("needs-more", placement="block")(NeedsMore)
    register_attention("not-a-conv", placement="conv")(Halves)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    ("attention", "message"),
    [
        ("halves", r"halves at layer1.0.se must give \(1, 64, 14, 14\) for \(1, 64, 14, 14\); got \(1, 32, 14, 14\)"),
        ("raises", r"raises fails on an image of \(1, 28, 28\) at layer1.attention: RuntimeError\('not today'\)"),
        ("needs-more", r"the attention module for layer1.0.se cannot be made: TypeError"),
        ("not-a-conv", r"the attention module for layer1.0.conv2 cannot be made: TypeError"),
    ],
)
def test_a_module_that_breaks_the_contract_is_named(attention: str, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        make(attention)


def test_a_backbone_that_fails_on_an_image_is_named() -> None:
    message = r"^convnext_atto with {} fails on an image of \(3, 28, 28\): RuntimeError\("
    with pytest.raises(SpecError, match=message.format("none")):
        create_model("convnext_atto", image_size=(28, 28))
    # Attention modules have run by then, without fault.
    with pytest.raises(SpecError, match=message.format("se")):
        create_model("convnext_atto", "se", image_size=(28, 28))


class Positioned(nn.Module):
    def __init__(self, channels: int, *, at: int = 1) -> None:
        super().__init__()


def test_a_module_may_not_take_attnbenchs_own_settings() -> None:
    message = "may not have a parameter named at or stages, which say where it stands; got 'at' in 'positioned'"
    with pytest.raises(ContractError, match=message):
        register_attention("positioned", placement="block")(Positioned)
    assert "positioned" not in ATTENTION.names()


@pytest.mark.parametrize("attention", ["sge", "cbam", "sk", "bam"])
def test_default_positions_can_be_named(attention: str) -> None:
    at = {"block": "post-bn3", "stage": "stage", "conv": None}[ATTENTION.get(attention).placement]
    named = make(f"{attention}:at={at},stages=1,2" if at else f"{attention}:stages=1,2,3").state_dict()
    default = make(attention).state_dict()
    expected = {name for name in default if at != "post-bn3" or not name.startswith("layer3.0.se.")}
    assert named.keys() == expected
    assert all(torch.equal(named[name], default[name]) for name in expected)


def test_there_are_three_placements() -> None:
    with pytest.raises(PlacementError, match="placement must be one of block, conv, stage; got 'blok'"):
        register_attention("x", placement="blok")  # type: ignore[arg-type]
