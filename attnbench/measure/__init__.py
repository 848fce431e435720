"""Parameters, operations, bytes, memory and time: functions of a built model."""

from attnbench.efficiency_record import FlopCount, MachineLoad
from attnbench.measure.disturbance import machine_load, take_reading
from attnbench.measure.flops import count_flops
from attnbench.measure.latency import time_latency
from attnbench.measure.macs import Macs, count_macs
from attnbench.measure.memory import memory_scope, peak_memory_bytes
from attnbench.measure.parameters import count_parameters
from attnbench.measure.saved import bytes_saved_for_backward
from attnbench.measure.steps import inference_step, training_step
from attnbench.measure.throughput import interleaved_forward_ms
from attnbench.measure.timing import Timings, time_interleaved
from attnbench.measure.traffic import Traffic, count_traffic, measure_bandwidth, memory_bound_ms

__all__ = [
    "FlopCount",
    "MachineLoad",
    "Macs",
    "Timings",
    "Traffic",
    "bytes_saved_for_backward",
    "count_flops",
    "count_macs",
    "count_parameters",
    "count_traffic",
    "inference_step",
    "interleaved_forward_ms",
    "machine_load",
    "measure_bandwidth",
    "memory_bound_ms",
    "memory_scope",
    "peak_memory_bytes",
    "take_reading",
    "time_interleaved",
    "time_latency",
    "training_step",
]
