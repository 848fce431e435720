"""Speed of a model beside the speed of another, measured in turn."""

import time
from collections.abc import Callable

import torch
from torch import nn


def interleaved_forward_ms(
    model: nn.Module, baseline: nn.Module, images: torch.Tensor, *, rounds: int, warmup: int = 3
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Time forward passes of two models in turn, so that a drift of the machine meets both.

    Args:
        model: The model, in evaluation mode, on the device of `images`.
        baseline: What it is compared with, likewise.
        images: A batch (N, C, H, W).
        rounds: Timed passes of each; the order within a round alternates.
        warmup: Passes of each before the first timed one.

    Returns:
        Milliseconds of the model's passes, and of the baseline's pass beside each.
    """
    with torch.inference_mode():
        for _ in range(warmup):
            model(images)
            baseline(images)
        model_ms, baseline_ms = [], []
        for index in range(rounds):
            if index % 2:
                baseline_ms.append(_pass_ms(baseline, images))
                model_ms.append(_pass_ms(model, images))
            else:
                model_ms.append(_pass_ms(model, images))
                baseline_ms.append(_pass_ms(baseline, images))
    return tuple(model_ms), tuple(baseline_ms)


def _pass_ms(forward: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor) -> float:
    if images.is_cuda:
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
        start.record()
        forward(images)
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end))
    started = time.perf_counter_ns()
    forward(images)
    return (time.perf_counter_ns() - started) / 1e6
