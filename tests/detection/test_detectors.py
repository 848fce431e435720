"""The four detectors, in training and in a test."""

import copy

import pytest
import torch

from attnbench.detection import has_masks
from attnbench.detection.norms import batch_norms
from attnbench.errors import SpecError, UnknownNameError
from tests.attention.variants import VARIANTS
from tests.detection.tiny import DETECTORS, NUM_CLASSES, batch, built

LOSSES = {
    "faster-rcnn": {"loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg"},
    "mask-rcnn": {"loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg", "loss_mask"},
    "cascade-rcnn": {
        *(f"loss_{part}_{stage}" for part in ("classifier", "box_reg") for stage in (1, 2, 3)),
        *("loss_objectness", "loss_rpn_box_reg"),
    },
    "retinanet": {"classification", "bbox_regression"},
}


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("detector", DETECTORS)
def test_losses_are_finite_and_reach_every_parameter(detector: str, empty: bool) -> None:
    model = built(detector).model
    losses = model(*batch(empty=empty))
    assert losses.keys() == LOSSES[detector]
    sum(losses.values()).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    assert model.backbone.body.conv1.weight.grad.any()


@pytest.mark.parametrize("detector", DETECTORS)
def test_images_without_any_object_train(detector: str) -> None:
    images, targets = batch(empty=True)
    losses = built(detector).model(images[1:], targets[1:])
    sum(losses.values()).backward()
    assert all(torch.isfinite(loss) for loss in losses.values())


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_few_steps_lower_the_loss(detector: str) -> None:
    model = built(f"{DETECTORS[detector]},max_detections=5,score_threshold=0").model
    images, targets = batch()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    torch.manual_seed(0)
    curve = []
    for _ in range(16):
        loss = sum(model(images, targets).values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    assert sum(curve[-4:]) < 0.8 * sum(curve[:4])
    for norm in batch_norms(model).values():  # the statistics of so few steps lag behind
        norm.momentum = 1.0
    with torch.no_grad():
        model(images, targets)
        detections = model.eval()(images)
    for found, image in zip(detections, images, strict=True):
        assert 0 < len(found["boxes"]) <= 5
        assert ((found["labels"] >= 1) & (found["labels"] <= NUM_CLASSES)).all()
        assert (found["scores"][:-1] >= found["scores"][1:]).all()
        height, width = image.shape[1:]
        assert (found["boxes"] >= 0).all()
        assert (found["boxes"] <= torch.tensor([width, height, width, height])).all()
        if detector == "mask-rcnn":
            assert found["masks"].shape == (len(found["boxes"]), 1, height, width)
            assert ((found["masks"] >= 0) & (found["masks"] <= 1)).all()


@pytest.mark.parametrize("detector", DETECTORS)
def test_boxes_are_in_the_pixels_of_the_image_that_came_in(detector: str) -> None:
    model = built(f"{DETECTORS[detector]},score_threshold=0").model.eval()
    image = torch.rand(3, 128, 96)
    with torch.no_grad():
        (found,) = model([image])
    assert found["boxes"][:, 2:].amax(0).gt(torch.tensor([64, 64])).all()
    assert found["boxes"].le(torch.tensor([96, 128, 96, 128])).all()


@pytest.mark.parametrize("num", [0, 1])
def test_retinanet_never_gives_label_0(num: int) -> None:
    model = built(f"{DETECTORS['retinanet']},score_threshold=0").model.eval()
    outputs = model.head.classification_head.cls_logits
    with torch.no_grad():
        outputs.bias[num :: NUM_CLASSES + 1] = 3.0
        (found,) = model([torch.rand(3, 64, 64)])
    assert set(found["labels"].tolist()) == ({1, 2, 3} if num == 0 else {1})


# Each variant in one detector, which is another from variant to variant.
@pytest.mark.parametrize(("number", "attention"), list(enumerate(VARIANTS)), ids=VARIANTS)
def test_every_variant_trains_in_a_detector(number: int, attention: str) -> None:
    detector = list(DETECTORS)[number % len(DETECTORS)]
    wide = "cifar-resnet:depth=8,stem_stride=4,width=64"
    made = built(detector, attention, wide)
    torch.manual_seed(1)
    # Scales that start at 0 hold gradients back for a step.
    for name, parameter in made.model.backbone.body.named_parameters():
        if name.endswith(("bn2.weight", "bn3.weight")):
            torch.nn.init.ones_(parameter)
    losses = made.model(*batch())
    assert all(torch.isfinite(loss) for loss in losses.values())
    sum(losses.values()).backward()
    assert made.places
    for place in made.places:
        for name, parameter in place.module.named_parameters():
            assert parameter.grad is not None, (place.name, name)
            assert torch.isfinite(parameter.grad).all(), (place.name, name)
    parameters = [parameter for place in made.places for parameter in place.module.parameters()]
    assert not parameters or any(parameter.grad.any() for parameter in parameters)
    with torch.no_grad():
        made.model.eval()(batch()[0])


@pytest.mark.parametrize("detector", DETECTORS)
def test_half_precision_keeps_boxes_scores_and_losses_in_single(detector: str) -> None:
    model = built(f"{DETECTORS[detector]},score_threshold=0").model.eval()
    images = batch()[0]
    with torch.no_grad():
        precise = model(images)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = model(images)
    for exact, other in zip(precise, rough, strict=True):
        for name in exact.keys() - {"labels"}:
            assert exact[name].dtype == other[name].dtype == torch.float32, name
    model.train()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        losses = model(*batch())
    sum(losses.values()).backward()
    assert all(torch.isfinite(loss) and loss.dtype == torch.float32 for loss in losses.values())


def test_a_detector_says_whether_it_has_masks() -> None:
    assert [has_masks(detector) for detector in DETECTORS.values()] == [False, True, False, False]
    with pytest.raises(UnknownNameError, match="unknown detector 'mask-cnn'; did you mean 'mask-rcnn'"):
        has_masks("mask-cnn")


@pytest.mark.parametrize(
    ("detector", "message"),
    [
        ("faster-rcnn:region=4", "'faster-rcnn' has no setting 'region'; did you mean 'regions'"),
        ("faster-rcnn:regions=0", "faster-rcnn:regions=0: regions must be at least 1; got regions=0"),
        ("cascade-rcnn:score_threshold=1.5", r"score_threshold must be in \[0, 1\]; got score_threshold=1.5"),
        ("mask-rcnn:mask_channels=0", "mask_channels must be at least 1"),
        ("retinanet:convolutions=5", "convolutions must be at most 4; got convolutions=5"),
        ("retinanet:prior=0", r"prior must be in \(0, 1\); got prior=0"),
        ("retinanet:group_norm=true,pyramid_channels=40", "pyramid_channels must be divisible by 32 for group_norm"),
        ("faster-rcnn:pyramid_channels=0", "pyramid_channels must be at least 1"),
        ("retinanet:anchor_size=0", "anchor_size must be at least 1"),
    ],
)
def test_a_setting_out_of_range_is_refused(detector: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        built(detector)


def test_a_copy_gives_the_same_detections() -> None:
    model = built(f"{DETECTORS['cascade-rcnn']},score_threshold=0", "srm").model.eval()
    images = batch()[0]
    with torch.no_grad():
        for ours, theirs in zip(model(images), copy.deepcopy(model)(images), strict=True):
            assert torch.equal(ours["boxes"], theirs["boxes"])
