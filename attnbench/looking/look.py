"""What one classifier says of images, and what its attention modules do with them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from attnbench.attention import ATTENTION
from attnbench.errors import SpecError
from attnbench.looking.class_weights import weights_of_classes
from attnbench.looking.images import Images
from attnbench.looking.weights import Weights
from attnbench.models import NO_ATTENTION
from attnbench.models.meeting import stage_names
from attnbench.registry import did_you_mean
from attnbench.spec import RunSpec
from attnbench.variant import Variant
from attnbench.visualize import Captured, LayerStatistics, attention_names, capture, grad_cam
from attnbench.visualize.maps import View, views


@dataclass(frozen=True, kw_only=True, eq=False)
class Look:
    """One classifier on all images."""

    name: str
    """What it is called, and its files are named after."""
    weights: Weights
    """Which it is."""
    predicted: NDArray[np.int64]
    """The likeliest class of each image (N,)."""
    probability: NDArray[np.float32]
    """What the classifier gives that class (N,)."""
    heat: NDArray[np.float32]
    """Grad-CAM for the true class, or the likeliest where the true one is not known (N, h, w)."""
    heat_layer: str
    """The layer that Grad-CAM looks at."""
    views: Mapping[str, Sequence[View]]
    """What there is to draw of the attention modules, by their names, in the order of the network."""
    is_chosen: bool
    """Whether somebody chose these modules; else they are the last of each stage."""
    class_weights: Mapping[str, NDArray[np.float64]]
    """Mean weight of each channel over the images of each class (num_classes, C), by module; see
    `attnbench.looking.class_weights`."""
    strength: NDArray[np.float32] | None
    """What the last of them leaves of each position (N, h, w); none without one, or where it is a convolution's."""

    statistics: Sequence[LayerStatistics] = ()
    """What the attention modules do over many images; empty where it was not asked for."""

    @property
    def spec(self) -> RunSpec:
        """The run."""
        return self.weights.description.spec

    @property
    def last_module(self) -> str | None:
        """The last attention module; none where there is none."""
        return list(self.views)[-1] if self.views else None


def look_at(
    model: nn.Module,
    weights: Weights,
    images: Images,
    *,
    name: str,
    modules: Sequence[str] = (),
    most_groups: int = 2,
    class_images: Images | None = None,
) -> Look:
    """Run a classifier on images, and note what there is to draw.

    Args:
        model: The classifier, in evaluation mode, on the device that it runs on.
        weights: Which it is.
        images: What it sees.
        name: What it is called.
        modules: Names of the attention modules to draw; none for the last one of each stage.
        most_groups: How many groups of SGE are drawn: those whose gates vary most.
        class_images: Labelled images over which channel weights are means; none leaves these out.

    Raises:
        MissingDependencyError: If captum is not installed.
        SpecError: If there is no such module.
    """
    spec = weights.description.spec
    stages = stage_names(Variant.parse(spec.backbone))
    chosen = _chosen(model, modules, stages, name)
    inputs = images.inputs.to(next(model.parameters()).device)
    captures: Mapping[str, Captured] = {}
    with torch.inference_mode():
        if chosen:
            with capture(model, modules=chosen) as captures:
                logits = model(inputs)
        else:
            logits = model(inputs)
    probability, predicted = logits.float().softmax(1).max(1)
    classes = predicted if images.labels is None else torch.from_numpy(images.labels).to(predicted.device)
    heat = grad_cam(model, inputs, classes.clone(), layer=stages[-1])
    last = captures[chosen[-1]] if chosen else None
    class_weights: Mapping[str, NDArray[np.float64]] = {}
    if chosen and class_images is not None:
        num_classes = weights.description.num_classes
        class_weights = weights_of_classes(model, class_images, chosen, num_classes=num_classes)
    return Look(
        name=name,
        weights=weights,
        predicted=predicted.cpu().numpy(),
        probability=probability.cpu().numpy(),
        heat=heat.float().cpu().numpy(),
        heat_layer=stages[-1],
        views={module: views(captures[module], most_groups=most_groups) for module in chosen},
        is_chosen=bool(modules),
        class_weights=class_weights,
        strength=None if last is None or stands_for_convolution(spec) else last.strength.cpu().numpy(),
    )


def stands_for_convolution(spec: RunSpec) -> bool:
    """Whether a run's modules replace convolutions, so that their output is not their input re-weighted."""
    name = Variant.parse(spec.attention).name
    return name != NO_ATTENTION and ATTENTION.get(name).placement == "conv"


def _chosen(model: nn.Module, modules: Sequence[str], stages: Sequence[str], name: str) -> list[str]:
    names = attention_names(model)
    for module in modules:
        if names and module not in names:
            raise SpecError(f"{name} has no attention module {module!r}; {did_you_mean(module, names)}")
    if modules:
        return [module for module in names if module in modules]
    # Names of stages may begin with one another.
    last = {stage: module for stage in stages for module in names if module.startswith(f"{stage}.")}
    return [module for module in names if module in last.values()] or names[-1:]
