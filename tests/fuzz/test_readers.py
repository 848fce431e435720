"""Whatever a reader is given, it gives an object that comes back, or a sentence: see `benchmarks.fuzz.targets`."""

import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.fuzz.targets import TARGETS
from tests.fuzz.inputs import INPUTS

FEW, MANY = 120, 20_000
"""Inputs of a reader in each run of the tests, and in the long ones."""


def tried(name: str, *, number: int) -> None:
    """Give a reader so many inputs, the same ones each time."""
    quiet = settings(
        max_examples=number, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    quiet(given(INPUTS[name])(TARGETS[name]))()


@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_gives_an_object_or_a_sentence(name: str) -> None:
    tried(name, number=FEW)


@pytest.mark.long
@pytest.mark.parametrize("name", TARGETS)
def test_a_reader_gives_an_object_or_a_sentence_many_times(name: str) -> None:
    tried(name, number=MANY)
