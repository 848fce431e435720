"""A checkpoint on a data set's test split, without training."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from attnbench.data import build_data
from attnbench.environment import capture_environment
from attnbench.hardware import resolve_device, use_threads
from attnbench.measure import count_macs, count_parameters
from attnbench.models import create_model, load_checkpoint
from attnbench.models.checkpoint import read_hashed_checkpoint
from attnbench.packed import PackedBits
from attnbench.record import Environment
from attnbench.spec import Compute, Recipe
from attnbench.training import evaluate


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a checkpoint gives on a test split."""

    backbone: str
    """Backbone with its settings."""
    attention: str
    """Variant."""
    data: str
    """Data set with its settings."""
    checkpoint_sha256: str
    """Hash of the checkpoint's file."""
    test_top1_percent: float
    """Top-1 accuracy."""
    test_top5_percent: float
    """Top-5 accuracy."""
    test_loss: float
    """Mean cross-entropy, nats."""
    test_correct: PackedBits
    """For each test image, in the data set's order, whether the top-1 prediction was right."""
    num_classes: int
    """Classes of the data set."""
    image_shape: tuple[int, int, int]
    """Channels, height and width of an image."""
    parameters: int
    """Trainable parameters of the model."""
    macs: int
    """Multiply-accumulates of one image, by fvcore's default rules."""
    uncounted_operators: dict[str, int]
    """Operators that `macs` leaves out, with how often one forward pass runs them."""
    environment: Environment
    """Where it was run."""

    def to_json(self) -> str:
        """The evaluation as indented JSON."""
        return json.dumps(asdict(self), indent=1) + "\n"


def evaluate_checkpoint(
    checkpoint: Path,
    *,
    backbone: str,
    attention: str,
    data: str,
    root: str | None = None,
    recipe: Recipe | None = None,
    compute: Compute | None = None,
    on_step: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """Load a checkpoint into a model and test it.

    Args:
        checkpoint: File of the weights; see `attnbench.load_checkpoint` for what is taken.
        backbone: Backbone with its settings.
        attention: Variant.
        data: Data set with its settings.
        root: Folder of the data set, where it has one.
        recipe: Its batch size is used.
        compute: Device, precision, threads.
        on_step: Called with batches done and batches in all.

    Raises:
        CheckpointError: If the checkpoint cannot be read or does not fit the model.
        AttnBenchError: If something else that is named is not there or does not fit.
    """
    recipe, compute = recipe or Recipe(), compute or Compute()
    weights, sha256 = read_hashed_checkpoint(checkpoint)
    with use_threads(compute.threads):
        dataset = build_data(data, root=root, recipe=recipe, seed=0, device=resolve_device(compute))
        dataset.prepare_data()
        dataset.setup("test")
        channels, height, width = dataset.image_shape
        model = create_model(
            backbone, attention, num_classes=dataset.num_classes, in_channels=channels, image_size=(height, width)
        )
        load_checkpoint(model, weights)
        macs = count_macs(model, dataset.image_shape)
        parameters = count_parameters(model)
        tested = evaluate(
            model, dataset, recipe=recipe, compute=compute, num_classes=dataset.num_classes, on_step=on_step
        )
    return Evaluation(
        backbone=backbone,
        attention=attention,
        data=data,
        checkpoint_sha256=sha256,
        **{f"test_{name}": value for name, value in tested.test.items()},
        test_correct=PackedBits.pack(tested.test_correct),
        num_classes=dataset.num_classes,
        image_shape=dataset.image_shape,
        parameters=parameters,
        macs=macs.macs,
        uncounted_operators=macs.uncounted_operators,
        environment=capture_environment(compute),
    )
