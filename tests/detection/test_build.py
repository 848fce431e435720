"""What `create_detector` promises: sizes, seeds and places."""

import pytest
import torch

from attnbench.attention import ATTENTION
from attnbench.detection import create_detector
from attnbench.errors import SpecError
from tests.detection.tiny import BACKBONE, DETECTORS, batch, built

# Millions, of 90 classes and the background on ResNet-50.
PUBLISHED = {"faster-rcnn": 41.81, "mask-rcnn": 44.46, "cascade-rcnn": 69.43, "retinanet": 38.20}


def million(module: torch.nn.Module) -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


@pytest.mark.parametrize("detector", PUBLISHED)
def test_a_detector_has_the_published_size(detector: str) -> None:
    model = create_detector(detector, num_classes=90, short_side=64, long_side=64)
    assert million(model) == pytest.approx(PUBLISHED[detector], abs=0.006)
    assert round(million(model.backbone.body), 3) == 23.508
    assert model.training


def test_attention_adds_its_parameters() -> None:
    model = create_detector("faster-rcnn", attention="sge", num_classes=90, short_side=64, long_side=64)
    assert round(million(model.backbone.body), 3) == 23.510


@pytest.mark.parametrize(
    "attention", ["srm", "sk:branch_groups=1", "bam:reduction=2", "srm:at=fpn", "ge:extent=2,parametric=true"]
)
@pytest.mark.parametrize("detector", ["cascade-rcnn", "retinanet"])
def test_shared_layers_start_alike(detector: str, attention: str) -> None:
    plain, attended = built(detector), built(detector, attention)
    places = tuple(f"{place.name}." for place in attended.places)
    assert places
    shared = {n: v for n, v in attended.model.state_dict().items() if not n.startswith(places)}
    expected = plain.model.state_dict()
    # A convolution that is replaced takes its norm with it.
    assert len(shared) > 0.7 * len(expected)
    assert all(torch.equal(value, expected[name]) for name, value in shared.items())
    of_other_seed = built(detector, attention, seed=1).model.state_dict()
    weights = [name for name, value in shared.items() if value.ndim > 1 and value.any()]
    assert not any(torch.equal(of_other_seed[name], shared[name]) for name in weights)


@pytest.mark.parametrize("attention", ["cbam:reduction=2", "cbam:at=fpn,reduction=2"])
def test_a_seed_gives_the_same_detector_and_leaves_the_generator_alone(attention: str) -> None:
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    first = built(attention=attention).model.state_dict()
    assert torch.equal(torch.rand(2), expected)
    second = built(attention=attention).model.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("at", ["post-bn3", "pre-add", "post-add", "post-conv2", "pre-branch", "shortcut", "stage"])
def test_every_position_of_a_backbone_is_filled(at: str) -> None:
    made = built("retinanet", f"srm:at={at}", f"{BACKBONE},zero_init_last=false")
    assert made.places
    for place in made.places:
        assert place.name.startswith("backbone.body.layer")
        assert made.model.get_submodule(place.name) is place.module
    sum(made.model(*batch()).values()).backward()
    gradients = [parameter.grad for place in made.places for parameter in place.module.parameters()]
    assert any(gradient is not None and gradient.any() for gradient in gradients)


def test_every_registered_module_is_among_the_variants() -> None:
    from tests.attention.variants import VARIANTS

    assert {variant.partition(":")[0] for variant in VARIANTS} == set(ATTENTION.names())


@pytest.mark.parametrize("settings", [{"num_classes": 0}, {"short_side": 0}])
def test_nothing_to_find_or_to_see_is_refused(settings: dict[str, int]) -> None:
    with pytest.raises(SpecError, match=f"{next(iter(settings))} must be at least 1"):
        built(DETECTORS["faster-rcnn"], **settings)
