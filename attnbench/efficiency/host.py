"""One row's model, where it is counted and timed."""

import gc
import time
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import torch
from torch import nn

from attnbench.efficiency_record import CONVENTIONS, Counts
from attnbench.efficiency_spec import Conditions, Phase, RowSpec
from attnbench.measure import (
    bytes_saved_for_backward,
    count_flops,
    count_parameters,
    count_traffic,
    inference_step,
    peak_memory_bytes,
    training_step,
)
from attnbench.measure.precision import half_precision
from attnbench.measure.stopwatch import LatencyStopwatch, Step, Stopwatch, stopwatch
from attnbench.measure.traffic import Traffic
from attnbench.models import BuiltModel, build_model
from attnbench.models.backends import attention_backend, check_backend_runs, with_operators_of
from attnbench.models.compiling import check_compiler, compile_in_place, never_giving_up
from attnbench.plugins import check_unchanged
from attnbench.spec import Compute

_MOST_GRAPHS = 1000
"""Of one class in all rows, phases and batch sizes together."""
_SAVED_BATCH_SIZE = 2
"""Batch norm of a 1×1 map cannot train on a single image."""


class Host(Protocol):
    """Holds the model of one row, in this process or in one of its own."""

    def build(self) -> None:
        """Build the model."""

    def count(self) -> Counts:
        """Count what does not depend on the clock."""

    def start(self, phase: Phase, batch_size: int) -> float:
        """Make the phase's step and run it once; seconds that this took."""

    def step(self) -> Step:
        """What is timed in the phase that was started."""

    def peak_memory_bytes(self) -> int:
        """The most memory that a step of the phase needs at once."""

    def stop(self) -> None:
        """Let go of the phase's step and images."""

    def workers_s(self) -> float:
        """Processor time of the row's own process; 0 where it has none."""

    def close(self) -> None:
        """Let go of everything."""


class LocalHost:
    """The model of one row in this process."""

    def __init__(self, row: RowSpec) -> None:
        self._row = row
        self._device = torch.device(row.conditions.device)
        self._autocast = half_precision(row.conditions.precision)
        self._built: BuiltModel | None = None
        self._step: Step | None = None

    def build(self) -> None:
        """Build the model, on the device and in the layout of the conditions."""
        row = self._row
        check_unchanged(row.plugin)
        channels, height, width = row.image_shape
        self._built = build_model(
            row.backbone,
            row.attention,
            num_classes=row.num_classes,
            in_channels=channels,
            image_size=(height, width),
            seed=0,
        )
        check_backend_runs(self._built.places, self._device, attention=row.attention)
        self._built.model.to(device=self._device, memory_format=self._layout)  # type: ignore[call-overload]

    def count(self) -> Counts:
        """Count what does not depend on the clock."""
        assert self._built is not None
        model, shape = self._built.model, self._row.image_shape
        return Counts(
            parameters=count_parameters(model),
            buffers=sum(buffer.numel() for buffer in model.buffers()),
            num_attention_modules=len(self._built.places),
            num_replaced=self._built.num_replaced,
            attention_backend=attention_backend(self._built.places, self._device),
            flops={convention: count_flops(model, shape, convention=convention) for convention in CONVENTIONS},
            traffic=self._traffic(model).by_operator,
            saved_bytes=self._saved_bytes(model),
            saved_batch_size=_SAVED_BATCH_SIZE,
        )

    def start(self, phase: Phase, batch_size: int) -> float:
        """Make the phase's step and run it once; seconds that this took, compilation included."""
        assert self._built is not None
        images, model = self._images(batch_size), self._built.model
        mode = self._row.conditions.mode
        # Anew for each phase and batch, so that torch never takes one for a variation of another.
        runner = _Compiled(model) if mode == "compiled" else model
        if mode == "compiled-attention":
            compile_in_place([place.module for place in self._built.places])
        if phase == "training":
            labels = torch.arange(batch_size, device=self._device) % self._row.num_classes
            self._step = training_step(runner, images, labels, autocast=self._autocast)
        else:
            self._step = inference_step(runner, images, autocast=self._autocast)
        started = time.perf_counter()
        self._step()
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter() - started

    def step(self) -> Step:
        """What is timed in the phase that was started."""
        assert self._step is not None
        return self._step

    def peak_memory_bytes(self) -> int:
        """The most memory that a step of the phase needs at once."""
        return peak_memory_bytes(self.step(), self._device)

    def stop(self) -> None:
        """Let go of the phase's step and images."""
        self._step = None
        if self._device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()

    def workers_s(self) -> float:
        """No process of its own."""
        return 0.0

    def close(self) -> None:
        """Let go of everything."""
        self.stop()
        self._built = None

    @property
    def _layout(self) -> torch.memory_format:
        return torch.channels_last if self._row.conditions.layout == "channels_last" else torch.contiguous_format

    def _images(self, batch_size: int) -> torch.Tensor:
        images = torch.randn(batch_size, *self._row.image_shape, generator=torch.Generator().manual_seed(0))
        return images.to(self._device).contiguous(memory_format=self._layout)

    def _traffic(self, model: nn.Module) -> Traffic:
        # It is counted on the CPU, of the operators that run here.
        with with_operators_of(model, self._device):
            return count_traffic(model, self._row.image_shape, autocast=self._autocast)

    def _saved_bytes(self, model: nn.Module) -> int | None:
        try:
            return bytes_saved_for_backward(model, self._images(_SAVED_BATCH_SIZE), autocast=self._autocast)
        except Exception:  # what fails in training is named when the training step is timed
            return None


class _Compiled(nn.Module):
    """A model behind torch.compile, with static shapes and a compiler's cache of its own."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

        def run(images: torch.Tensor) -> torch.Tensor:
            return model(images)  # type: ignore[no-any-return]

        # torch keeps compiled graphs by code object: models that share one would wait for each other's guards.
        run.__code__ = run.__code__.replace(co_name=f"run_{id(self):x}")
        self._run = torch.compile(run, dynamic=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self._run(images)


def compiling(conditions: Conditions) -> AbstractContextManager[None]:
    """Within it no row that is to be compiled silently runs as it is, however many rows share a module's class.

    Raises:
        MissingDependencyError: If there is no compiler for what is to be compiled.
    """
    if conditions.mode == "eager":
        return nullcontext()
    check_compiler(Compute(device=conditions.device, compile="model" if conditions.mode == "compiled" else "attention"))
    return never_giving_up(_MOST_GRAPHS)


def clock_of(phase: Phase, device: torch.device) -> Stopwatch:
    """What times a phase's steps."""
    return LatencyStopwatch(device) if phase == "latency" else stopwatch(device)
