"""What attention modules do over a whole data set, in one pass and in a memory that does not grow with it."""

import weakref
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from attnbench.errors import SpecError
from attnbench.visualize.agreement import Agreement, CoMoments, agreement, co_moments, merged_co_moments
from attnbench.visualize.capture import Captured, capture
from attnbench.visualize.histogram import Histogram, RunningHistogram
from attnbench.visualize.moments import Moments, PowerSums, merged, moments_by_unit, pooled_moments, power_sums
from attnbench.visualize.units import SECOND_BRANCH, shown_by_unit

_ROUNDING = 1e-2
"""How far beyond 0 … 1 a ratio of half-precision numbers may lie and still be a gate's."""
_VALUES_AT_ONCE = 2**22


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """When a gate is called closed, open or dead."""

    closed_below: float = 0.05
    """Gates below are closed."""
    open_above: float = 0.95
    """Gates above are open."""
    dead_below: float = 1e-3
    """A unit is dead, the same whatever comes in, where its gate's standard deviation is below."""

    def __post_init__(self) -> None:
        if not 0 <= self.closed_below < self.open_above <= 1 or self.dead_below < 0:
            raise SpecError(
                "thresholds must have 0 ≤ closed_below < open_above ≤ 1 and dead_below ≥ 0; got "
                f"closed_below={self.closed_below}, open_above={self.open_above}, dead_below={self.dead_below}"
            )


@dataclass(frozen=True, kw_only=True)
class GateStatistics:
    """What is asked of gates alone."""

    closed_share: float | None
    """Share of closed values; none where values lie outside of 0 … 1, which are no gate's."""
    open_share: float | None
    """Share of open values; none likewise."""
    dead_units: tuple[int, ...]
    """Units whose gate is the same everywhere, from 0 on; one without a value is not among them."""
    agreement: Agreement | None
    """Between the units whose gate varies; none where there are fewer than two."""


@dataclass(frozen=True, kw_only=True)
class TensorStatistics:
    """One inner tensor of a module, over all positions and images."""

    name: str
    """As the module shows it, ``second branch``, ``ratio`` or ``output``."""
    moments: Moments
    """Of all values."""
    by_unit: tuple[Moments, ...]
    """Of each unit: a group of SGE, a channel, or the whole of a map."""
    spread: float | None
    """Standard deviation of the units' means; none where no unit has a value."""
    num_not_finite: int
    """Values that are infinite or not a number, which count nowhere else."""
    histogram: Histogram
    """Of all values."""
    gate: GateStatistics | None
    """None where the tensor is no gate."""


@dataclass(frozen=True, kw_only=True)
class LayerStatistics:
    """One attention module."""

    layer: str
    """Its name in the model."""
    num_images: int
    """Images that it saw."""
    tensors: tuple[TensorStatistics, ...]
    """What it shows; of a module that shows nothing its ratio, or its output where it changes the shape."""


class ActivationStatistics:
    """Collects what modules do, batch by batch.

    Example:
        >>> import attnbench
        >>> model = attnbench.create_model("cifar-resnet:width=8", "sge:groups=4", num_classes=10, image_size=(32, 32))
        >>> statistics = ActivationStatistics()
        >>> with attnbench.capture(model.eval()) as maps:
        ...     for images in torch.zeros(3, 2, 3, 32, 32):
        ...         _ = model(images)
        ...         statistics.update(maps)
        >>> statistics.layers()[0].num_images
        6
    """

    def __init__(self, thresholds: Thresholds | None = None) -> None:
        """Begin with nothing.

        Args:
            thresholds: When a gate is closed, open or dead; none for the usual ones.
        """
        self._thresholds = thresholds or Thresholds()
        self._num_images: dict[str, int] = {}
        self._tensors: dict[str, dict[str, _RunningTensor]] = {}
        self._last: dict[str, weakref.ref[Captured]] = {}

    def update(self, captures: Mapping[str, Captured]) -> None:
        """Add a batch. A module that has not run since the last one is left as it is.

        Args:
            captures: The forward pass of each module by its name, as `capture` has it.
        """
        for name, captured in captures.items():
            last = self._last.get(name)
            if last is not None and last() is captured:
                continue
            self._last[name] = weakref.ref(captured)
            self._num_images[name] = self._num_images.get(name, 0) + captured.input.shape[0]
            running = self._tensors.setdefault(name, {})
            for tensor_name, tensor in _tensors(captured).items():
                if tensor_name not in running:
                    running[tensor_name] = _RunningTensor(tensor.shape[1], tensor_name, self._thresholds)
                running[tensor_name].update(tensor)

    def layers(self) -> list[LayerStatistics]:
        """What is known so far, in the order in which modules first ran."""
        return [
            LayerStatistics(
                layer=layer,
                num_images=self._num_images[layer],
                tensors=tuple(running.statistics() for running in tensors.values()),
            )
            for layer, tensors in self._tensors.items()
        ]


def activation_statistics(
    model: nn.Module,
    batches: Iterable[torch.Tensor],
    *,
    modules: Collection[str] | None = None,
    thresholds: Thresholds | None = None,
) -> list[LayerStatistics]:
    """Statistics of a model's attention modules over a data set.

    Args:
        model: In evaluation mode.
        batches: Images, normalised as in training and on the model's device.
        modules: Names of the modules to look into; none for all attention modules.
        thresholds: When a gate is closed, open or dead; none for the usual ones.

    Raises:
        SpecError: If there is no such module, no attention module, or no batch.
    """
    statistics = ActivationStatistics(thresholds)
    with torch.no_grad(), capture(model, modules=modules) as captures:
        for images in batches:
            model(images)
            statistics.update(captures)
    layers = statistics.layers()
    if not layers:
        raise SpecError("statistics need at least one batch of images that reaches an attention module; got none")
    return layers


def statistics_json(layers: Sequence[LayerStatistics]) -> str:
    """The statistics as JSON, with every number as it is."""
    return msgspec.json.encode(layers).decode()


def _tensors(captured: Captured) -> dict[str, torch.Tensor]:
    """What statistics are made of (N, K, h, w): what a module shows, else its ratio, else its output."""
    shown = shown_by_unit(captured)
    if shown:
        return shown
    if captured.output.dim() != 4:
        raise SpecError(
            f"{captured.name or 'the model'} must give a feature map (N, C, H, W) for statistics; "
            f"got {tuple(captured.output.shape)}"
        )
    return {"ratio": captured.ratio} if captured.input.shape == captured.output.shape else {"output": captured.output}


class _RunningTensor:
    """What is kept of one tensor."""

    def __init__(self, num_units: int, name: str, thresholds: Thresholds) -> None:
        none = np.zeros((num_units, 0))
        self._name = name
        self._thresholds = thresholds
        self._is_gate = name.endswith("gate") or name in (SECOND_BRANCH, "ratio")
        self._sums: PowerSums = power_sums(none)
        self._co_moments: CoMoments = co_moments(none)
        self._histogram = RunningHistogram()
        self._num_closed = self._num_open = self._num_not_finite = 0
        self._lowest, self._highest = np.inf, -np.inf

    def update(self, tensor: torch.Tensor) -> None:
        """Add a batch (N, K, h, w)."""
        for values in _by_unit(tensor):
            self._sums = merged(self._sums, power_sums(values))
            self._histogram.update(values)
            finite = values[np.isfinite(values)]
            self._num_not_finite += values.size - finite.size
            if self._is_gate:
                self._co_moments = merged_co_moments(self._co_moments, co_moments(values))
                self._num_closed += int((finite < self._thresholds.closed_below).sum())
                self._num_open += int((finite > self._thresholds.open_above).sum())
                self._lowest = min(self._lowest, finite.min(initial=np.inf))
                self._highest = max(self._highest, finite.max(initial=-np.inf))

    def statistics(self) -> TensorStatistics:
        by_unit = moments_by_unit(self._sums)
        means = [unit.mean for unit in by_unit if unit.mean is not None]
        return TensorStatistics(
            name=self._name,
            moments=pooled_moments(self._sums),
            by_unit=by_unit,
            spread=float(np.std(means)) if means else None,
            num_not_finite=self._num_not_finite,
            histogram=self._histogram.histogram(),
            gate=self._gate(by_unit) if self._is_gate else None,
        )

    def _gate(self, by_unit: Sequence[Moments]) -> GateStatistics:
        count = sum(unit.count for unit in by_unit)
        is_gate = count > 0 and self._lowest >= -_ROUNDING and self._highest <= 1 + _ROUNDING
        deviations = np.array([np.nan if unit.sd is None else unit.sd for unit in by_unit])
        return GateStatistics(
            closed_share=self._num_closed / count if is_gate else None,
            open_share=self._num_open / count if is_gate else None,
            dead_units=tuple(np.flatnonzero(deviations < self._thresholds.dead_below).tolist()),
            agreement=agreement(self._co_moments, deviations >= self._thresholds.dead_below),
        )


def _by_unit(tensor: torch.Tensor) -> Iterator[NDArray[np.float64]]:
    """The values of each unit (K, n), a part of the images at a time."""
    for part in torch.split(tensor, max(1, _VALUES_AT_ONCE // max(1, tensor[:1].numel()))):
        yield part.cpu().double().transpose(0, 1).flatten(1).numpy()
