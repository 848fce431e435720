"""Bytes that the operators of a forward pass read and write, and the time that moving them takes at least.

Every operator that eager mode runs reads each of its operands once and writes each
of its results once; docs/traffic.md says what that leaves out.
"""

import copy
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.hooks import RemovableHandle

from attnbench.efficiency_record import MovedBytes
from attnbench.errors import SpecError
from attnbench.measure.moved import moved_bytes, storage_of
from attnbench.measure.precision import autocast as autocast_to


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What one forward pass moves."""

    total: MovedBytes
    """All of it, of the whole batch."""
    by_operator: dict[str, MovedBytes]
    """Of each operator that moves something, by its name in torch, sorted by name."""
    by_module: dict[str, MovedBytes]
    """Of each module by its qualified name, its children's among it; "" is the whole model."""


def count_traffic(
    model: nn.Module,
    image_shape: tuple[int, int, int],
    *,
    batch_size: int = 1,
    training: bool = False,
    autocast: torch.dtype | None = None,
) -> Traffic:
    """Count the bytes that each operator of a forward pass reads and writes.

    The widths are those of the tensors: 4 bytes a value for a model in float32, and 2 where autocast
    computes in a half precision; its own copies are operators too.
    Only shapes are computed, unless the model asks for a value; then the pass
    runs on zeros.

    Args:
        model: The model; it is not changed.
        image_shape: (C, H, W).
        batch_size: N; activations grow with it, parameters do not.
        training: Whether it is the forward pass of a training step; the backward pass is not counted.
        autocast: Type to compute in where autocast knows it to be safe; none computes in the model's own.
    """
    model = copy.deepcopy(model).to("cpu").train(training)
    state: dict[str, torch.Tensor] = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    dtype = next((value.dtype for value in model.parameters() if value.is_floating_point()), torch.float32)
    shape = (batch_size, *image_shape)
    try:
        # Not the device "meta": it knows no autocast, which modules switch off for their statistics.
        with FakeTensorMode(allow_non_fake_inputs=True) as fake:
            shapes = {name: fake.from_tensor(value) for name, value in state.items()}
            return _counted(model, shapes, torch.zeros(shape, dtype=dtype), autocast)
    except Exception:  # what real tensors raise is the model's own error
        return _counted(model, state, torch.zeros(shape, dtype=dtype), autocast)


def memory_bound_ms(traffic_bytes: int, bandwidth_bytes_per_s: float) -> float:
    """Milliseconds that moving the bytes takes at least.

    Args:
        traffic_bytes: Bytes read and written.
        bandwidth_bytes_per_s: Of the device's memory, as `measure_bandwidth` gives it.

    Raises:
        SpecError: If the bandwidth is not positive.
    """
    if not bandwidth_bytes_per_s > 0:
        raise SpecError(f"bandwidth_bytes_per_s must be positive; got {bandwidth_bytes_per_s}")
    return traffic_bytes / bandwidth_bytes_per_s * 1e3


def measure_bandwidth(device: torch.device, *, size_bytes: int = 2**28, rounds: int = 10) -> float:
    """Bytes a second that copying a large tensor reads and writes, in the best of several copies.

    A copy reads each byte once and writes it once, as the operators of `count_traffic`
    are taken to do. On a CPU it runs on as many threads as torch uses.

    Args:
        device: Whose memory.
        size_bytes: Of the tensor; several times the device's largest cache, or the caches are measured.
        rounds: Timed copies, after one that is not timed.
    """
    # Filled, because pages that nobody has written are all one page of zeros.
    source = torch.ones(size_bytes, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    target.copy_(source)
    best_ns = min(_copy_ns(source, target) for _ in range(rounds))
    return 2 * size_bytes / best_ns * 1e9


def _copy_ns(source: torch.Tensor, target: torch.Tensor) -> float:
    if source.is_cuda:
        with torch.cuda.device(source.device):
            start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
            start.record()
            target.copy_(source)
            end.record()
            end.synchronize()
        return float(start.elapsed_time(end)) * 1e6
    started = time.perf_counter_ns()
    target.copy_(source)
    return time.perf_counter_ns() - started


def _counted(
    model: nn.Module, state: Mapping[str, torch.Tensor], images: torch.Tensor, autocast: torch.dtype | None
) -> Traffic:
    """Run the model on `images`, with `state` in place of its parameters and buffers."""
    running: list[str] = []
    handles = [handle for name, module in model.named_modules() for handle in _follow(module, name, running)]
    counter = _Counter({storage_of(value) for value in state.values()}, running)
    try:
        # no_grad and not inference_mode, which hands composite operators over whole.
        with torch.set_grad_enabled(model.training), autocast_to(images.device, autocast), counter:
            torch.func.functional_call(model, dict(state), (images,))
    finally:
        for handle in handles:
            handle.remove()
    by_module = {name: MovedBytes() for name, _ in model.named_modules()}
    for name, moved in counter.of_module.items():
        for ancestor in (name, *_ancestors(name)):
            by_module[ancestor] += moved
    return Traffic(total=by_module[""], by_operator=dict(sorted(counter.of_operator.items())), by_module=by_module)


def _follow(module: nn.Module, name: str, running: list[str]) -> tuple[RemovableHandle, RemovableHandle]:
    """Keep `name` in the list while the module's forward pass runs, behind the modules that it runs in."""

    def enter(*_: object) -> None:
        running.append(name)

    def leave(*_: object) -> None:
        running.pop()

    return module.register_forward_pre_hook(enter, prepend=True), module.register_forward_hook(leave)


def _ancestors(name: str) -> Iterator[str]:
    while name:
        name = name.rpartition(".")[0]
        yield name


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Sees every operator after composite ones are taken apart, and adds up what it moves."""

    def __init__(self, parameters: set[int], running: list[str]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.parameters = parameters
        self.running = running
        self.of_operator: dict[str, MovedBytes] = {}
        self.of_module: dict[str, MovedBytes] = {}

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        moved = moved_bytes(func._schema, args, kwargs or {}, result, self.parameters)
        if moved != MovedBytes():
            for counts, name in ((self.of_operator, func._schema.name), (self.of_module, self.running[-1])):
                counts[name] = counts.get(name, MovedBytes()) + moved
        return result
