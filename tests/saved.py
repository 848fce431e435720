"""Checkpoints of classifiers that have learned nothing, made in a moment."""

from dataclasses import replace
from pathlib import Path

import torch

from attnbench.data.cluttered_digits import CLASSES
from attnbench.models.description import DESCRIPTION
from attnbench.models.saved import ClassifierDescription
from attnbench.preparation import Preparation
from attnbench.run_parts import build_run_model, read_data
from attnbench.spec import RunSpec
from attnbench.suite import checkpoint_name, expand
from tests.tiny import tiny_suite

PREPARATION = Preparation(mean=(50.0,), std=(60.0,))


def run_of(attention: str = "sge:groups=4", *, seed: int = 0) -> RunSpec:
    """A tiny run."""
    return replace(expand(tiny_suite((attention,), epochs=1))[-1], seed=seed)


def save_classifier(folder: Path, spec: RunSpec, *, preparation: Preparation | None = PREPARATION) -> Path:
    """The checkpoint that a run would leave before it has learned anything."""
    folder.mkdir(parents=True, exist_ok=True)
    model = build_run_model(spec, spec.attention, read_data(spec)).model
    description = ClassifierDescription(
        spec=spec, num_classes=10, image_shape=(1, 28, 28), class_names=CLASSES, preparation=preparation
    )
    file = folder / checkpoint_name(spec)
    torch.save({"state_dict": model.state_dict(), DESCRIPTION: description.to_builtins()}, file)
    return file
