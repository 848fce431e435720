"""What in a record contradicts itself or cannot have been measured.

A record is held to this when it is read, so that one that was damaged, or edited by hand, is named and left out,
and nothing fails on it later. Types and finite numbers are seen to by JSON.
"""

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from attnbench.localisation_record import fault_of_localisation
from attnbench.packed import fault_of_bits, fault_of_integers
from attnbench.robustness_record import fault_of_robustness
from attnbench.spec import digest

if TYPE_CHECKING:
    from attnbench.record import Environment, Epoch, Record, Timing, Values


class TimedPasses(Protocol):
    """What the timings of all kinds of runs hold."""

    @property
    def wall_s(self) -> float:
        """Seconds of the whole run."""

    @property
    def train_s(self) -> float:
        """Seconds of training and validation."""

    @property
    def compile_s(self) -> float | None:
        """Seconds of compiling; none where nothing was compiled."""

    @property
    def forward_ms(self) -> tuple[float, ...]:
        """Milliseconds of each timed pass."""

    @property
    def baseline_forward_ms(self) -> tuple[float, ...]:
        """Milliseconds of the baseline's pass beside each of them."""


_LEAST = {
    "num_train_images": 0,
    "num_validation_images": 0,
    "num_test_images": 2,
    "num_classes": 1,
    "parameters": 0,
    "macs": 0,
    "num_attention_modules": 0,
    "num_replaced": 0,
}
"""The least that a count in `Values` may be; of other counts it is 1."""

_MOST_COUNT = 2**63 - 1
"""The largest count, which fits into 64 bits."""

_SHORTEST_MS = 1e-6
"""The least milliseconds of a pass; images/s of shorter ones could not be told."""

_LONGEST = 1e10
"""The most seconds or milliseconds; times of that size can still be added up."""


def fault_of(record: "Record") -> str | None:
    """The first fault of a record, in words, or none."""
    expected = digest(record.spec)
    if record.digest != expected:
        return f"its spec has the digest {expected}: it was edited, or a newer attnbench wrote it"
    return (
        _fault_of_curve(record.curve, record.values)
        or _fault_of_counts(record.values, record.environment)
        or _fault_of_answers(record)
        or _fault_of_sources(record)
        or _fault_of_timing(record.timing)
        or fault_of_localisation(record.localisation, record.spec.measure, record.values)
        or fault_of_robustness(record.robustness, record.spec.measure, record.values)
    )


def _fault_of_curve(curve: Sequence["Epoch"], values: "Values") -> str | None:
    if [point.epoch for point in curve] != list(range(1, len(curve) + 1)):
        return "the epochs of its curve must count from 1"
    if not 1 <= values.selected_epoch <= len(curve):
        return f"selected_epoch must be one of the curve's {len(curve)}; got {values.selected_epoch}"
    percents = [values.test_top1_percent, values.test_top5_percent]
    percents += [point.validation_top1_percent for point in curve]
    percents += [point.validation_top5_percent for point in curve]
    return fault_of_percents(percents, what="accuracies")


def _fault_of_counts(values: "Values", environment: "Environment") -> str | None:
    counts = values.uncounted_operators | {name: getattr(values, name) for name in _LEAST}
    counts |= {"image_shape": min(values.image_shape), "threads": environment.threads}
    return fault_of_counts(counts, least=_LEAST)


def fault_of_counts(counts: Mapping[str, int], *, least: Mapping[str, int]) -> str | None:
    """The first count that is out of range, in words, or none.

    Args:
        counts: Counts by name.
        least: The least that some may be; of the others it is 1.
    """
    for name, count in counts.items():
        if not least.get(name, 1) <= count <= _MOST_COUNT:
            return f"{name} must lie in [{least.get(name, 1)}, 2**63); got {count}"
    return None


def fault_of_percents(percents: Sequence[float], *, what: str) -> str | None:
    """What is wrong with shares in percent, in words, or none.

    Args:
        percents: The shares; at least one.
        what: What they are.
    """
    if min(percents) < 0 or max(percents) > 100:
        return f"{what} must lie between 0 and 100 %; got {min(percents):g} … {max(percents):g}"
    return None


def _fault_of_answers(record: "Record") -> str | None:
    bits, top1_percent = record.test_correct, record.values.test_top1_percent
    fault = fault_of_bits("test_correct", bits, num_images=record.values.num_test_images)
    if fault is not None:
        return fault
    if abs(bits.num_true - top1_percent / 100 * bits.num_bits) > 1:
        return f"test_top1_percent is {top1_percent:g}, but test_correct has {bits.num_true} of {bits.num_bits} right"
    return None


def _fault_of_sources(record: "Record") -> str | None:
    sources, num_images = record.test_sources, record.values.num_test_images
    if sources is None:
        return None
    fault = fault_of_integers("test_sources", sources, num_images=num_images)
    if fault is not None:
        return fault
    packed = base64.b64decode(sources.data)
    if packed == packed[: sources.bytes_each] * num_images:
        return "test_sources must name two sources or more; got one"
    return None


def _fault_of_timing(timing: "Timing") -> str | None:
    if timing.throughput_batch_size < 1:
        return f"throughput_batch_size must be at least 1; got {timing.throughput_batch_size}"
    return fault_of_timing(timing)


def fault_of_timing(timing: TimedPasses) -> str | None:
    """What cannot have been the time of a run and of its passes, in words, or none."""
    if not timing.forward_ms or len(timing.forward_ms) != len(timing.baseline_forward_ms):
        return (
            "the model and the baseline must be timed in pairs; "
            f"got {len(timing.forward_ms)} and {len(timing.baseline_forward_ms)} passes"
        )
    fault = fault_of_passes(timing.forward_ms + timing.baseline_forward_ms)
    if fault is not None:
        return fault
    if not (0 <= timing.train_s <= _LONGEST and 0 <= timing.wall_s <= _LONGEST):
        return f"train_s and wall_s must lie in [0, {_LONGEST:g}]; got {timing.train_s:g} and {timing.wall_s:g}"
    if timing.compile_s is not None and not 0 <= timing.compile_s <= _LONGEST:
        return f"compile_s must lie in [0, {_LONGEST:g}]; got {timing.compile_s:g}"
    return None


def fault_of_passes(passes_ms: Sequence[float]) -> str | None:
    """What cannot have been the time of a pass, in words, or none.

    Args:
        passes_ms: Milliseconds of each; at least one.
    """
    if min(passes_ms) < _SHORTEST_MS or max(passes_ms) > _LONGEST:
        allowed = f"{_SHORTEST_MS:g} … {_LONGEST:g} ms"
        return f"a pass must take {allowed}; got {min(passes_ms):g} … {max(passes_ms):g}"
    return None
