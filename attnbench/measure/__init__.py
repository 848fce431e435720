"""Parameters, multiply-accumulates and speed: functions of a built model."""

from attnbench.measure.macs import Macs, count_macs
from attnbench.measure.parameters import count_parameters
from attnbench.measure.throughput import interleaved_forward_ms

__all__ = ["Macs", "count_macs", "count_parameters", "interleaved_forward_ms"]
