"""The feature pyramid, and attention within it."""

import pytest
import torch
from torch import nn

from attnbench.attention import register_attention
from attnbench.errors import ContractError, PlacementError, SpecError
from attnbench.models import create_model
from tests.detection.tiny import BACKBONE, batch, built


class Doubled(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x


class PooledNorm(nn.Module):
    """A batch norm of pooled maps: one value a channel for one image."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.norm(x.mean((2, 3), keepdim=True)).sigmoid()


class Halved(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, : x.shape[1] // 2]


@pytest.fixture(autouse=True)
def _registered() -> None:
    register_attention("doubled", placement="block")(Doubled)
    register_attention("pooled-norm", placement="block")(PooledNorm)
    register_attention("halved", placement="block")(Halved)


def pyramids(model: nn.Module) -> list[torch.Tensor]:
    with torch.no_grad():
        return list(
            model.eval().backbone(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))).values()
        )


@pytest.mark.parametrize(("detector", "coarser"), [("faster-rcnn", 1), ("retinanet", 2)])
def test_a_module_stands_after_each_level_and_before_the_coarser_ones(detector: str, coarser: int) -> None:
    plain, doubled = built(detector), built(detector, "doubled:at=fpn")
    assert [place.name for place in doubled.places] == [f"backbone.fpn.layer_blocks.{i}.attention" for i in range(3)]
    assert all(doubled.model.get_submodule(place.name) is place.module for place in doubled.places)
    assert plain.model.state_dict().keys() == doubled.model.state_dict().keys()
    before, after = pyramids(plain.model), pyramids(doubled.model)
    assert len(before) == 3 + coarser
    for index in range(3):
        torch.testing.assert_close(after[index], 2 * before[index])
    if detector == "faster-rcnn":  # whose coarser level is the last one subsampled; RetinaNet's come from the body
        torch.testing.assert_close(after[3], 2 * before[3])


def test_stages_choose_levels() -> None:
    made = built("faster-rcnn", "doubled:at=fpn,stages=1,3")
    before, after = pyramids(built("faster-rcnn").model), pyramids(made.model)
    assert [(a / b).mean().round().item() for a, b in zip(after[:3], before[:3], strict=True)] == [2, 1, 2]
    narrow = "retinanet:convolutions=1,first_stage=2,pyramid_channels=8"
    assert len(built(narrow, "doubled:at=fpn").places) == 2
    with pytest.raises(SpecError, match="this pyramid has levels on the stages 2, 3; got stages=1,2"):
        built(narrow, "doubled:at=fpn,stages=1,2")


def test_a_classifier_refuses_it() -> None:
    with pytest.raises(PlacementError, match="cifar-resnet takes no module at 'fpn': the feature pyramid is a detecto"):
        create_model(BACKBONE, "sge:at=fpn", image_size=(32, 32))


def test_a_convolution_has_no_place_in_it() -> None:
    with pytest.raises(SpecError, match="'sk' has no setting 'at'"):
        built(attention="sk:at=fpn")


def test_a_module_that_does_not_fit_is_named_with_its_level() -> None:
    with pytest.raises(SpecError, match=r"sge:at=fpn: groups must .*got groups=64, channels=8; .*layer_blocks\.0"):
        built(attention="sge:at=fpn")
    with pytest.raises(
        ContractError, match=r"halved:at=fpn at fpn\.layer_blocks\.2\.attention must give \(1, 8, 8, 8\)"
    ):
        built(attention="halved:at=fpn")
    with pytest.raises(
        ContractError, match=r"halved at layer1\.0\.se must give \(1, 8, 32, 32\) .*got \(1, 4, 32, 32\)"
    ):
        built(attention="halved")


def test_own_attention_is_taken_out_as_for_blocks() -> None:
    assert built(backbone="seresnet18", attention="doubled:at=fpn").num_replaced == 8
    assert built(backbone="seresnet18", attention="bam:at=fpn,reduction=2").num_replaced == 0


@pytest.mark.parametrize(
    ("attention", "name"),
    [("pooled-norm", r"body\.layer1\.0\.se\.norm"), ("pooled-norm:at=fpn", r"fpn\.layer_blocks\.2\.attention\.norm")],
)
def test_a_norm_of_a_single_value_is_named(attention: str, name: str) -> None:
    model = built(attention=attention).model
    images, targets = batch()
    model(images, targets)
    with pytest.raises(ContractError, match=rf"batch norm {name} cannot train on \(1, 3, 64, 64\), which .*norm=eval"):
        model(images[:1], targets[:1])
    built(attention=attention, norm="eval").model(images[:1], targets[:1])


def test_another_error_of_a_module_stays_itself() -> None:
    model = built(attention="doubled").model
    model.backbone.body.layer1.register_forward_hook(lambda *_: (_ for _ in ()).throw(ValueError("mine")))
    with pytest.raises(ValueError, match="mine"):
        model(*batch())


def test_a_stage_that_the_body_has_not_is_refused() -> None:
    with pytest.raises(
        SpecError, match="faster-rcnn:first_stage=4: the body has the stages 1, 2, 3; got first_stage=4"
    ):
        built("faster-rcnn:first_stage=4")
