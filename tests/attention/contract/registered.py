"""Modules that a test defines, registered as a user's would be, and what one check says of them."""

import pytest
from torch import nn

from attnbench.attention import register_attention
from attnbench.attention.contract import CHECKS, CheckResult, run_check, subject_of
from tests.attention.contract import broken

CHANNELS = 16


def register(module_class: type[nn.Module]) -> None:
    placement = "conv" if issubclass(module_class, broken.Convolution) else "block"
    register_attention("mine", placement=placement)(module_class)


def result_of(check: str, module_class: type[nn.Module], *, channels: int = CHANNELS) -> CheckResult:
    register(module_class)
    (named,) = (candidate for candidate in CHECKS if candidate.name == check)
    return run_check(named, subject_of("mine", channels))


def failure_of(check: str, module_class: type[nn.Module]) -> str:
    """What a check says of a module that breaks it, in one line."""
    result = result_of(check, module_class)
    if result.passed:
        pytest.fail(f"{check!r} takes {module_class.__name__}: {result.seen}")
    assert "\n" not in result.seen
    return result.seen
