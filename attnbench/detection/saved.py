"""A trained detector from its checkpoint's file alone, which says what the weights are of."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from attnbench.detection.build import create_detector
from attnbench.detection_spec import DetectionRun
from attnbench.errors import CheckpointError, SpecError, UnknownNameError
from attnbench.models.checkpoint import load_checkpoint, read_checkpoint
from attnbench.spec_io import from_builtins

DESCRIPTION = "attnbench"
"""Key of a checkpoint under which the description of a detector stands, in plain dicts, numbers and text."""


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
    description = _description(content, checkpoint)
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
        files = dict.fromkeys(plugin.path for plugin in (spec.plugin, spec.detector_plugin) if plugin)
        named = " and ".join(files) or "the file that registers it, if it is your own,"
        raise CheckpointError(
            f"{checkpoint} needs what is not registered: {error}; no file is imported at a checkpoint's word: name "
            f"{named} with --import"
        ) from error
    load_checkpoint(model, content)
    if spec.compute.channels_last:  # as it was tested: another layout gives other last bits
        model.to(memory_format=torch.channels_last)
    return model.eval(), description


def _description(content: Mapping[str, Any], checkpoint: Path) -> DetectorDescription:
    if DESCRIPTION not in content:
        raise CheckpointError(
            f"{checkpoint} does not say what detector its weights are of, as the files do that attnbench leaderboard "
            f"--task detection --checkpoints DIR writes; its keys are {', '.join(map(str, list(content)[:5])) or '∅'}"
        )
    try:
        return from_builtins(content[DESCRIPTION], DetectorDescription, source=str(checkpoint))
    except SpecError as error:
        raise CheckpointError(f"this attnbench does not understand what detector it is: {error}") from error
