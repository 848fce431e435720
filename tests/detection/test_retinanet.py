import torch

from attnbench.detection import create_detector


def test_coarser_levels_come_from_the_body_whatever_its_channels() -> None:
    # The body's last stage has 64 channels, as the pyramid has.
    model = create_detector(
        "retinanet:convolutions=1,pyramid_channels=64",
        "cifar-resnet:depth=8,stem_stride=4,width=16",
        num_classes=3,
        short_side=64,
        long_side=64,
    ).eval()
    image = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    pyramid = model.backbone
    last = pyramid.body(image)["layer3"]
    torch.testing.assert_close(list(pyramid(image).values())[-2], pyramid.fpn.extra_blocks.p6(last))
