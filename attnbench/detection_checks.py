"""What a detection run is refused for when its data is read, before hours of training."""

from attnbench.data.base import Split, check_divided_splits
from attnbench.data.detection import DetectionData
from attnbench.detection_spec import DetectionRun
from attnbench.errors import DataError, SpecError
from attnbench.hardware import resolve_device
from attnbench.models.compiling import check_compiler


def check_run(spec: DetectionRun, data: DetectionData) -> None:
    """Refuse what cannot be trained or scored, before hours of training.

    Raises:
        SpecError: If the recipe validates, and the data set has no images for it; if splits are too small to be
            divided as the spec says; if norms are to be synchronised on a CPU; if the whole detector is to be compiled.
        MissingDependencyError: If there is no compiler for what is to be compiled.
        DataError: If no object in the images counts.
    """
    if spec.compute.compile == "model":
        raise SpecError(
            "a detector is compiled in its attention modules only: the number of its regions differs from image to "
            "image; got compile='model', allowed: none, attention"
        )
    check_compiler(spec.compute)
    if spec.recipe.norm == "sync" and spec.compute.num_ranks > 1 and resolve_device(spec.compute).type == "cpu":
        raise SpecError(
            f"norm sync needs GPUs: torch synchronises no batch norms on a CPU; got norm='sync', "
            f"devices={spec.compute.num_ranks}, allowed there: train, eval, frozen"
        )
    if spec.recipe.validate_every and not data.has_validation:
        raise SpecError(
            f"validate_every needs a validation split, which {spec.data} has not; "
            f"got validate_every={spec.recipe.validate_every}"
        )
    scored: tuple[Split, ...] = ("validation", "test") if spec.recipe.validate_every else ("test",)
    for split in scored:
        if not data.split(split).annotations.count_objects()["all"]:
            raise DataError(f"no object in the {split} images of {spec.data} counts, so there is no average precision")
    check_divided_splits(
        {split: data.num_images[split] for split in ("train", *scored)},
        batch_size=spec.recipe.batch_size,
        devices=spec.compute.num_ranks,
        accumulate=spec.recipe.accumulate,
    )
