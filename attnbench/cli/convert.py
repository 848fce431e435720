"""`attnbench convert`: a checkpoint of any known kind as a plain state dict."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

_ATTENTION_HELP = "Variant that the weights are of, such as none, sge or bam:source=official."


def convert(
    checkpoint: Path,
    output: Path,
    /,
    *,
    backbone: str,
    attention: Annotated[str, Parameter(help=_ATTENTION_HELP)],
    num_classes: int = 1000,
    in_channels: int = 3,
    image_size: int = 224,
    imports: Annotated[tuple[str, ...], Parameter(name="--import", negative=(), show_default=False)] = (),
) -> int:
    """Write a checkpoint's weights as a plain state dict under attnbench's names.

    Parameters
    ----------
    checkpoint
        File of the weights: .ckpt, .pth, .pth.tar, .safetensors …; see `attnbench evaluate --help`.
    output
        File to write; one that ends in .safetensors gets that format, any other torch's.
    backbone
        Network that the weights are of.
    num_classes
        Outputs of its classifier.
    in_channels
        Channels of its images.
    image_size
        Height and width of its images, which size the weights of ge:parametric=true.
    imports
        Python file or module to import first, which registers attention modules of your own; may be repeated.
    """
    from attnbench.models import create_model, load_checkpoint, save_weights
    from attnbench.plugins import import_plugins

    import_plugins(imports)
    model = create_model(
        backbone, attention, num_classes=num_classes, in_channels=in_channels, image_size=(image_size, image_size)
    )
    load_checkpoint(model, checkpoint)
    save_weights(model, output)
    print(f"{len(model.state_dict())} tensors in {output}")
    return 0
