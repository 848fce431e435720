"""attnbench: a benchmark suite for attention modules in convolutional networks.

Names that need torch are loaded when they are first used, so that reports
start at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from attnbench.errors import AttnBenchError

if TYPE_CHECKING:
    from attnbench.attention import register_attention
    from attnbench.attention.observing import observe
    from attnbench.detection import create_detector, register_detector
    from attnbench.detection_record import DetectionRecord, DetectionStore
    from attnbench.detection_run import run_detection
    from attnbench.detection_spec import DetectionRecipe, DetectionRun, DetectionSuite
    from attnbench.diverged_record import DivergedRun, DivergedStore
    from attnbench.models import create_model, load_checkpoint, save_weights
    from attnbench.record import Record, Store
    from attnbench.run import run_spec
    from attnbench.space import Choices, Divisors, Floats, Integers
    from attnbench.spec import Compute, Measure, Recipe, RunSpec, SuiteSpec
    from attnbench.suite import run_suite
    from attnbench.visualize import capture

__version__ = "0.1.0"

_LAZY = {
    "Choices": "attnbench.space",
    "Compute": "attnbench.spec",
    "DetectionRecipe": "attnbench.detection_spec",
    "DetectionRecord": "attnbench.detection_record",
    "DetectionRun": "attnbench.detection_spec",
    "DetectionStore": "attnbench.detection_record",
    "DetectionSuite": "attnbench.detection_spec",
    "DivergedRun": "attnbench.diverged_record",
    "DivergedStore": "attnbench.diverged_record",
    "Divisors": "attnbench.space",
    "Floats": "attnbench.space",
    "Integers": "attnbench.space",
    "Measure": "attnbench.spec",
    "Recipe": "attnbench.spec",
    "Record": "attnbench.record",
    "RunSpec": "attnbench.spec",
    "Store": "attnbench.record",
    "SuiteSpec": "attnbench.spec",
    "capture": "attnbench.visualize",
    "create_detector": "attnbench.detection",
    "create_model": "attnbench.models",
    "load_checkpoint": "attnbench.models",
    "observe": "attnbench.attention.observing",
    "register_attention": "attnbench.attention",
    "register_detector": "attnbench.detection",
    "run_detection": "attnbench.detection_run",
    "run_spec": "attnbench.run",
    "run_suite": "attnbench.suite",
    "save_weights": "attnbench.models",
}

__all__ = [
    "AttnBenchError",
    "Choices",
    "Compute",
    "DetectionRecipe",
    "DetectionRecord",
    "DetectionRun",
    "DetectionStore",
    "DetectionSuite",
    "DivergedRun",
    "DivergedStore",
    "Divisors",
    "Floats",
    "Integers",
    "Measure",
    "Recipe",
    "Record",
    "RunSpec",
    "Store",
    "SuiteSpec",
    "capture",
    "create_detector",
    "create_model",
    "load_checkpoint",
    "observe",
    "register_attention",
    "register_detector",
    "run_detection",
    "run_spec",
    "run_suite",
    "save_weights",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'attnbench' has no attribute {name!r}")
    return getattr(import_module(_LAZY[name]), name)
