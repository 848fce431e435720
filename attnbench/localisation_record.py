"""How much of a model's maps lies on the objects of test images, as a record keeps it: image by image."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from attnbench.packed import PackedIntegers, fault_of_integers
from attnbench.spec import Measure

if TYPE_CHECKING:
    from attnbench.record import Values

MapKind: TypeAlias = Literal["attention", "grad-cam", "random", "centre", "image"]
"""What a map shows: the attention's strength, Grad-CAM, or a control that knows nothing of the model."""

STEPS = 10_000
"""A score of 1 in the steps in which scores are kept."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MapScores:
    """How much of one kind of map lies on the object in each of the first test images."""

    kind: MapKind
    """What the maps show."""
    layer: str
    """Whose maps they are: the layer's name in the model; empty for a control."""
    threshold: float
    """Level in [0, 1] from which on a map counts as the object, best on validation images."""
    energy: PackedIntegers
    """Share of a map's sum that lies on the object, in steps of 1 / `STEPS`."""
    iou: PackedIntegers
    """Intersection over union of the thresholded map and the object, in steps of 1 / `STEPS`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerScores:
    """What one layer's maps gave on validation images, by which the layer of the test is chosen."""

    layer: str
    """The layer's name in the model."""
    energy: float
    """Mean share of a map's sum that lies on the object."""
    iou: float
    """Mean intersection over union at the best threshold."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Localisation:
    """Where a trained model's maps lie."""

    num_images: int
    """Test images that were scored, the first ones."""
    num_validation_images: int
    """Validation images by which layers and thresholds were chosen, the first ones."""
    object_share: float
    """Mean share of a test image's pixels that are the object's."""
    maps: tuple[MapScores, ...]
    """Scores of each kind of map; attention has none where the model has no attention module with maps."""
    layers: tuple[LayerScores, ...]
    """The attention modules, in the order in which they run."""


def fault_of_localisation(found: Localisation | None, measure: Measure, values: "Values") -> str | None:
    """What contradicts itself in it, in words, or none."""
    wanted = min(measure.localisation_images, values.num_test_images)
    if found is None:
        return f"it must hold localisation of {wanted} images; got none" if wanted else None
    if not wanted:
        return "it must hold no localisation, which its spec does not ask for"
    if found.num_images != wanted:
        return f"localisation must be of {wanted} images; got {found.num_images}"
    kinds = [scores.kind for scores in found.maps]
    if len(set(kinds)) != len(kinds):
        return f"localisation must hold each kind of map once; got {', '.join(kinds)}"
    if not 0 <= found.object_share <= 1:
        return f"object_share must lie in [0, 1]; got {found.object_share:g}"
    for scores in found.maps:
        if not 0 <= scores.threshold <= 1:
            return f"the threshold of {scores.kind} must lie in [0, 1]; got {scores.threshold:g}"
        for name, packed in (("energy", scores.energy), ("iou", scores.iou)):
            fault = fault_of_integers(f"{name} of {scores.kind}", packed, num_images=wanted)
            if fault is not None:
                return fault
            if packed.largest > STEPS:
                return f"{name} of {scores.kind} must not exceed {STEPS}; got {packed.largest}"
    return None
