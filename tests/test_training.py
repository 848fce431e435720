from typing import Any

import pytest
import torch

from attnbench.run import run_spec
from attnbench.suite import expand
from attnbench.tasks import Classification
from tests.tiny import tiny_suite


def test_trains_deterministically_without_filling_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    states = []
    step = Classification.training_step

    def watched(self: Classification, batch: Any, index: int) -> torch.Tensor:
        filling = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
        states.append((torch.are_deterministic_algorithms_enabled(), filling))
        return step(self, batch, index)

    monkeypatch.setattr(Classification, "training_step", watched)
    monkeypatch.setattr(torch.utils.deterministic, "fill_uninitialized_memory", True)
    run_spec(expand(tiny_suite(epochs=1))[0])
    assert set(states) == {(True, False)}
    assert torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
