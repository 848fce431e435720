"""A classifier from the file of its weights, whoever wrote it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from torch import nn

from attnbench.errors import CheckpointError, SpecError
from attnbench.looking.images import read_test_images
from attnbench.models.checkpoint import read_hashed_checkpoint
from attnbench.models.description import described_as
from attnbench.models.saved import ClassifierDescription, build_classifier, classifier_description
from attnbench.run_parts import describe
from attnbench.spec import RunSpec


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a command line says of the weights' run; it goes before what a checkpoint says."""

    attention: str | None = None
    """Variant."""
    backbone: str | None = None
    """Backbone with its settings."""
    data: str | None = None
    """Data set with its settings."""
    root: str | None = None
    """Folder of the data set."""

    def over(self, spec: RunSpec) -> RunSpec:
        """A run with what is given in its place."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        if self.data is not None and self.root is None:
            given["root"] = None
        return replace(spec, **given)


@dataclass(frozen=True, kw_only=True)
class Weights:
    """The weights of one classifier."""

    file: Path
    """Where they are."""
    sha256: str
    """Hash of the file."""
    description: ClassifierDescription
    """What they are of."""


def load_weights(file: Path, given: Given) -> tuple[nn.Module, Weights]:
    """A classifier in evaluation mode, and what its weights are of.

    Args:
        file: The weights.
        given: What goes before what the file says; a file that says nothing needs at least the variant.

    Raises:
        SpecError: If nobody says what the weights are of.
        CheckpointError: If they cannot be read, are of something else, or are no finite numbers.
        DataError: If a file says nothing, and the data set is missing.
    """
    content, sha256 = read_hashed_checkpoint(file)
    if described_as(content) == "detector":
        raise CheckpointError(
            f"{file} holds a detector, and only classifiers are looked into; attnbench detect --checkpoint FILE draws "
            "what a detector finds"
        )
    if described_as(content) is None:
        if given.attention is None:
            raise SpecError(
                f"{file} does not say what its weights are of: name the variant with --attention, and --backbone and "
                "--data where they are not the defaults"
            )
        if given.backbone is None or given.data is None:
            raise SpecError(f"{file} does not say what its weights are of: name --backbone and --data besides")
        spec = RunSpec(attention=given.attention, backbone=given.backbone, data=given.data, root=given.root)
        description = describe(spec, read_test_images(spec))
    else:
        description = classifier_description(content, source=file)
        description = replace(description, spec=given.over(description.spec))
    model = build_classifier(description, content, source=file)
    if not all(parameter.isfinite().all() for parameter in model.parameters()):
        raise CheckpointError(f"{file} holds weights that are no finite numbers: its training has diverged")
    return model, Weights(file=file, sha256=sha256, description=description)


def check_comparable(all_weights: Sequence[Weights]) -> None:
    """Refuse classifiers that do not take the same images, or stand in another backbone.

    Raises:
        SpecError: If two differ in their data set, its classes, the shape of its images or their normalisation, or in
            the backbone, of which the pictures name one.
    """
    first = all_weights[0]
    for other in all_weights[1:]:
        for what, one, another in (
            ("data set", first.description.spec.data, other.description.spec.data),
            ("folder of it", first.description.spec.root, other.description.spec.root),
            ("classes", first.description.class_names, other.description.class_names),
            ("backbone", first.description.spec.backbone, other.description.spec.backbone),
            ("images", first.description.image_shape, other.description.image_shape),
            ("normalisation", first.description.preparation, other.description.preparation),
        ):
            if one != another:
                raise SpecError(
                    f"models side by side must see the same images in one backbone; {first.file} and {other.file} "
                    f"differ in their {what}: {one} and {another}; draw them one after the other, each with an "
                    "--output of its own"
                )


def run_names(all_weights: Sequence[Weights]) -> list[str]:
    """What classifiers are called beside one another, each by a name of its own.

    Args:
        all_weights: The classifiers.

    Returns:
        Their variants; where two share one, with the seed; where that is the same too, with a number instead.
    """
    variants = [weights.description.spec.attention for weights in all_weights]
    seeds = [weights.description.spec.seed for weights in all_weights]
    seeded = [f"{variant} seed {seed}" for variant, seed in zip(variants, seeds, strict=True)]
    numbered = [f"{variant} {number}" for number, variant in enumerate(variants, 1)]
    return next(names for names in (variants, seeded, numbered) if len(set(names)) == len(names))
