"""What a run is made of: its data, its models, its training, and what its checkpoint says."""

from pathlib import Path
from typing import Any

import lightning
import torch

from attnbench.data import ImageData, build_data
from attnbench.data.base import check_divided_splits
from attnbench.hardware import resolve_device
from attnbench.localising import check_localisation
from attnbench.models import BuiltModel, build_model
from attnbench.models.backends import check_backend_runs
from attnbench.models.saved import ClassifierDescription
from attnbench.ranks import from_leader, seed_of_rank
from attnbench.resuming import StateFile
from attnbench.spec import RunSpec, digest
from attnbench.training import Fitted, fit


def build_run_model(spec: RunSpec, attention: str, data: ImageData) -> BuiltModel:
    """The untrained model of a run, with the attention given."""
    channels, height, width = data.image_shape
    built = build_model(
        spec.backbone,
        attention,
        num_classes=data.num_classes,
        in_channels=channels,
        image_size=(height, width),
        seed=spec.seed,
    )
    check_backend_runs(built.places, data.device, attention=attention)
    return built


def read_data(spec: RunSpec) -> ImageData:
    """The data of a run, read.

    Raises:
        DataError: If it is missing or damaged.
        SpecError: If it is named wrongly, or too small to be divided among the devices.
    """
    device = resolve_device(spec.compute)
    data = build_data(spec.data, root=spec.root, recipe=spec.recipe, seed=spec.seed, device=device)
    from_leader(data.prepare_data)
    data.setup("fit")
    check_divided_splits(data.num_images, batch_size=spec.recipe.batch_size, devices=spec.compute.num_ranks)
    check_localisation(spec, data)
    return data


def train(spec: RunSpec, model: torch.nn.Module, data: ImageData, *, resume: Path | None, **to_fit: Any) -> Fitted:
    """Train a run's model.

    Args:
        spec: The run.
        model: The model; it ends with the selected weights.
        data: The data, read.
        resume: Where to keep the state after each epoch, and to go on from; none keeps none.
        **to_fit: What else `attnbench.training.fit` takes.
    """
    state = None if resume is None else StateFile(path=resume, digest=digest(spec))
    # Whatever draws from the global generators while training starts from the seed.
    lightning.seed_everything(seed_of_rank(spec.seed), verbose=False)
    return fit(
        model,
        data,
        recipe=spec.recipe,
        compute=spec.compute,
        num_classes=data.num_classes,
        resume=state,
        **to_fit,
    )


def describe(spec: RunSpec, data: ImageData) -> ClassifierDescription:
    """What a checkpoint of a run says.

    Args:
        spec: The run.
        data: Its data, read.
    """
    return ClassifierDescription(
        spec=spec,
        num_classes=data.num_classes,
        image_shape=data.image_shape,
        class_names=data.class_names,
        preparation=data.preparation,
    )
