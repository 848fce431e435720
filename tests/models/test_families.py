import pytest
import timm
import torch
import torchvision
from torch import nn

from attnbench.errors import PlacementError, SpecError
from attnbench.models import backbone_names, create_model
from attnbench.models.families import FAMILIES
from tests.models.modules import SMALLEST, built, without_own


def test_lists_backbones_of_every_family_once() -> None:
    names = backbone_names()
    assert len(set(names)) == len(names)
    for name in (
        "cifar-resnet",
        "resnet50",
        "resnet50d",
        "resnext50_32x4d",
        "wide_resnet50_2",
        "seresnet50",
        "regnetx_002",
        "regnety_004",
        "mobilenetv2_100",
        "mobilenetv3_small_100",
        "efficientnet_b0",
        "convnext_atto",
        "convnextv2_atto",
        "shufflenet_v2_x1_0",
    ):
        assert name in names
    assert not {"regnetv_040", "regnetz_005", "mobilenetv4_conv_small", "mixnet_s", "vit_tiny_patch16_224"} & set(names)


@pytest.mark.parametrize("family", SMALLEST)
def test_takes_any_image_channels_and_classes(family: str) -> None:
    model = create_model(SMALLEST[family], num_classes=7, in_channels=2, image_size=(65, 48))
    assert model(torch.randn(4, 2, 65, 48)).shape == (4, 7)
    assert model(torch.randn(4, 2, 96, 64)).shape == (4, 7)


@pytest.mark.parametrize(
    "name", ["test_resnet", "seresnet18", "regnety_002", "mobilenetv3_small_050", "efficientnet_b0", "test_convnext"]
)
def test_without_attention_it_is_timms_network(name: str) -> None:
    ours = create_model(name, num_classes=10, image_size=(64, 64), seed=3)
    torch.manual_seed(3)
    theirs = timm.create_model(name, num_classes=10).state_dict()
    assert ours.state_dict().keys() == theirs.keys()
    assert all(torch.equal(value, theirs[key]) for key, value in ours.state_dict().items())


@pytest.mark.parametrize("name", ["resnet18d", "resnet10t"])
def test_a_width_makes_every_stage_narrower(name: str) -> None:
    model = create_model(f"{name}:width=16", num_classes=5)
    stages = [model.get_submodule(f"layer{stage}.0.conv2").out_channels for stage in (1, 2, 3, 4)]
    assert stages == [16, 32, 64, 128]
    assert model.conv1[-1].out_channels == model.bn1.num_features == 16
    assert model(torch.zeros(2, 3, 64, 64)).shape == (2, 5)


def test_the_usual_width_is_the_models_own() -> None:
    own, given = (create_model(text, num_classes=5, seed=1) for text in ("resnet18d", "resnet18d:width=64"))
    assert all(torch.equal(left, right) for left, right in zip(own.parameters(), given.parameters(), strict=True))


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ("resnet18:width=32", "the stem of resnet18 is one convolution, whose width is fixed; got width=32"),
        ("resnet18d:width=12", "width must be positive and divisible by 8; got width=12"),
        (
            "resnet50_gn:width=8",
            r"timm cannot build 'resnet50_gn' with these settings: num_channels \(8\) must be divisible by",
        ),
    ],
)
def test_a_width_that_cannot_be_is_refused(backbone: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        create_model(backbone, num_classes=5)


def test_without_attention_it_is_torchvisions_network() -> None:
    ours = create_model("shufflenet_v2_x0_5", num_classes=10, image_size=(64, 64)).eval()
    theirs = torchvision.models.shufflenet_v2_x0_5(num_classes=10).eval()
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(ours(images), theirs(images))


@pytest.mark.parametrize(
    ("backbone", "attention", "num_replaced"),
    [
        ("regnety_002", "none", 0),
        ("regnety_002", "bam:reduction=2", 0),
        ("regnety_002", "bam:at=post-add,reduction=2", 13),
        ("regnety_002", "se:reduction=2", 13),
        ("regnety_002", "se:at=post-conv2,reduction=2", 13),
        ("regnety_002", "se:at=stage,reduction=2", 13),
        ("regnety_002", "sk:branch_groups=1", 13),
        ("mobilenetv3_small_050", "se:reduction=2,stages=2", 9),
        ("seresnet18", "se:at=pre-branch", 8),
        ("ecaresnet26t", "bam", 0),
        ("ecaresnet26t", "se", 8),
    ],
)
def test_a_backbones_own_attention_is_replaced_and_not_doubled(
    backbone: str, attention: str, num_replaced: int
) -> None:
    made = built(backbone, attention)
    assert made.num_replaced == num_replaced
    own = {name for name in timm.create_model(backbone).state_dict() if ".se." in name}
    placed = {f"{place.name}.{name}" for place in made.places for name in place.module.state_dict()}
    assert (made.model.state_dict().keys() & own) - placed == (set() if num_replaced else own)


@pytest.mark.parametrize("family", SMALLEST)
@pytest.mark.parametrize("attention", ["se:reduction=2", "se:at=pre-branch,reduction=2", "se:at=stage,reduction=2"])
def test_shared_layers_start_as_the_backbones(family: str, attention: str) -> None:
    plain = without_own(SMALLEST[family]).state_dict()
    state = built(SMALLEST[family], attention).model.state_dict()
    assert plain.keys() < state.keys()
    assert all(torch.equal(state[name], value) for name, value in plain.items())


def test_modules_are_drawn_in_the_order_of_their_places() -> None:
    # Both fill the same blocks of equal channels, at two positions.
    first, second = (built(SMALLEST["cifar-resnet"], f"se:at={at},reduction=2") for at in ("post-bn3", "shortcut"))
    for one, other in zip(first.places, second.places, strict=True):
        for key, value in one.module.state_dict().items():
            assert torch.equal(value, other.module.state_dict()[key])


@pytest.mark.parametrize(
    "family", [family for family in FAMILIES if family.name != "cifar-resnet"], ids=lambda family: family.name
)
def test_a_block_of_an_unknown_kind_is_refused(family) -> None:  # type: ignore[no-untyped-def]
    model = without_own(SMALLEST[family.name])
    block = family.stages(model)[1].blocks[0].name
    parent, _, index = block.rpartition(".")
    model.get_submodule(parent).add_module(index, nn.Linear(1, 1))
    with pytest.raises(PlacementError, match=rf"{block}: blocks of type Linear take no attention; allowed: \w+"):
        family.stages(model)
