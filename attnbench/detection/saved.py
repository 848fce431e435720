"""A trained detector from its checkpoint's file alone, which says what the weights are of."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attnbench.detection.build import create_detector
from attnbench.detection_spec import DetectionRun
from attnbench.errors import UnknownNameError
from attnbench.models.checkpoint import load_checkpoint, read_checkpoint
from attnbench.models.description import read_description, unregistered

MADE_BY = "attnbench leaderboard --task detection --checkpoints DIR"
"""What writes such files, for messages."""


@dataclass(frozen=True, kw_only=True)
class DetectorDescription:
    """What a checkpoint holds of a detector beside its weights."""

    spec: DetectionRun
    """What was run; it names the detector with all that it is built from."""
    classes: tuple[str, ...]
    """Names of the classes; the first has the label 1."""

    def to_builtins(self) -> dict[str, Any]:
        """Dicts, tuples, numbers and text, which torch reads without running code."""
        return asdict(self)


def load_detector(checkpoint: Path) -> tuple[nn.Module, DetectorDescription]:
    """Build a detector and fill it with its weights, on the CPU and in evaluation mode.

    The file is read with ``weights_only=True``, and a user's file that it names is not imported: no code that a
    checkpoint brings or names is run. What the detector is made of must be registered first, by
    `attnbench.plugins.import_plugin` or `--import`.

    Args:
        checkpoint: A file of `attnbench leaderboard --task detection --checkpoints`.

    Raises:
        CheckpointError: If it cannot be read, holds no detector, its weights do not fit, or what it names is not
            registered.
    """
    content = read_checkpoint(checkpoint)
    description = read_description(content, DetectorDescription, kind="detector", made_by=MADE_BY, source=checkpoint)
    spec = description.spec
    try:
        model = create_detector(
            spec.detector,
            spec.backbone,
            spec.attention,
            num_classes=len(description.classes),
            short_side=spec.recipe.short_side,
            long_side=spec.recipe.long_side,
            norm=spec.recipe.norm,
        )
    except UnknownNameError as error:
        raise unregistered(error, checkpoint, spec.plugin, spec.detector_plugin) from error
    load_checkpoint(model, content)
    if spec.compute.channels_last:  # as it was tested: another layout gives other last bits
        model.to(memory_format=torch.channels_last)
    return model.eval(), description
