"""How fast the model of a run is beside its baseline's."""

import torch

from attnbench.data import ImageData
from attnbench.hardware import resolve_device
from attnbench.measure import interleaved_forward_ms
from attnbench.models.compiling import compiled
from attnbench.run_parts import build_run_model
from attnbench.spec import RunSpec


def measure_speed(
    spec: RunSpec, model: torch.nn.Module, data: ImageData
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Time forward passes of a model and of its baseline in turn.

    Args:
        spec: What is run.
        model: Its model, compiled if it is to be; it ends in evaluation mode.
        data: Its data, read.

    Returns:
        Milliseconds of the model's passes, and of the baseline's pass beside each.
    """
    device = resolve_device(spec.compute)
    layout = torch.channels_last if spec.compute.channels_last else torch.contiguous_format
    images = torch.zeros(spec.measure.throughput_batch_size, *data.image_shape, device=device)
    baseline = build_run_model(spec, spec.baseline, data)
    for network in (model, baseline.model):
        network.to(device=device, memory_format=layout).eval()  # type: ignore[call-overload]
    # As the model is, so that like is compared with like.
    names = " or ".join(dict.fromkeys((spec.attention, spec.baseline)))
    with compiled(baseline.model, baseline.places, spec.compute, attention=names):
        return interleaved_forward_ms(
            model, baseline.model, images.contiguous(memory_format=layout), rounds=spec.measure.throughput_rounds
        )
