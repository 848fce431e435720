"""What a run is made of: its data, its models, and what its checkpoint says."""

from attnbench.data import ImageData, build_data
from attnbench.data.base import check_divided_splits
from attnbench.localising import check_localisation
from attnbench.models import BuiltModel, build_model
from attnbench.models.backends import check_backend_runs
from attnbench.models.saved import ClassifierDescription
from attnbench.ranks import from_leader
from attnbench.spec import RunSpec
from attnbench.training import resolve_device


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
