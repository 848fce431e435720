"""A trained classifier from its checkpoint's file alone, which says what the weights are of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attnbench.errors import UnknownNameError
from attnbench.models.build import create_model
from attnbench.models.checkpoint import load_checkpoint, read_checkpoint
from attnbench.models.description import described_as, read_description, unregistered
from attnbench.preparation import Preparation
from attnbench.spec import RunSpec

MADE_BY = "attnbench train --checkpoint FILE or attnbench leaderboard --checkpoints DIR"
"""What writes such files, for messages."""


@dataclass(frozen=True, kw_only=True)
class ClassifierDescription:
    """What a checkpoint holds of a classifier beside its weights."""

    spec: RunSpec
    """What was run; it names the model with all that it is built from."""
    num_classes: int
    """Outputs of the classifier."""
    image_shape: tuple[int, int, int]
    """Channels, height and width of an image."""
    class_names: tuple[str, ...] = ()
    """Names of the classes, in the order of the labels; empty where the data set knows none."""
    preparation: Preparation | None = None
    """How an image is prepared; none where the data set does not say."""

    def to_builtins(self) -> dict[str, Any]:
        """Dicts, tuples, numbers and text, which torch reads without running code."""
        return asdict(self)


def load_classifier(checkpoint: Path) -> tuple[nn.Module, ClassifierDescription]:
    """Build a classifier and fill it with its weights, on the CPU and in evaluation mode.

    The file is read with ``weights_only=True``, and a user's file that it names is not imported: no code that a
    checkpoint brings or names is run. What the classifier is made of must be registered first, by
    `attnbench.plugins.import_plugin` or `--import`.

    Args:
        checkpoint: A file of `attnbench train --checkpoint` or `attnbench leaderboard --checkpoints`.

    Raises:
        CheckpointError: If it cannot be read, does not say what it holds, its weights do not fit, or what it names is
            not registered.
    """
    content = read_checkpoint(checkpoint)
    description = classifier_description(content, source=checkpoint)
    return build_classifier(description, content, source=checkpoint), description


def run_of_weights(checkpoint: Path) -> RunSpec | None:
    """The run whose weights a file says that it holds; none where it says nothing, as files from elsewhere.

    Raises:
        CheckpointError: If it cannot be read, is a detector's, or says what is not understood.
    """
    content = read_checkpoint(checkpoint)
    return classifier_description(content, source=checkpoint).spec if described_as(content) else None


def classifier_description(content: Mapping[str, Any], *, source: Path) -> ClassifierDescription:
    """What a checkpoint says of its classifier.

    Args:
        content: What the file holds.
        source: The file.

    Raises:
        CheckpointError: If it says nothing, or what is not understood.
    """
    return read_description(content, ClassifierDescription, kind="classifier", made_by=MADE_BY, source=source)


def build_classifier(description: ClassifierDescription, content: Mapping[str, Any], *, source: Path) -> nn.Module:
    """A classifier with the weights of a checkpoint, in evaluation mode.

    Args:
        description: What it is.
        content: What the file holds.
        source: The file.

    Raises:
        CheckpointError: If the weights do not fit, or what is named is not registered.
    """
    spec = description.spec
    channels, height, width = description.image_shape
    try:
        model = create_model(
            spec.backbone,
            spec.attention,
            num_classes=description.num_classes,
            in_channels=channels,
            image_size=(height, width),
        )
    except UnknownNameError as error:
        raise unregistered(error, source, spec.plugin) from error
    load_checkpoint(model, content)
    if spec.compute.channels_last:  # as it was tested: another layout gives other last bits
        model.to(memory_format=torch.channels_last)
    return model.eval()
