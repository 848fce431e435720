"""Every module is one graph to a compiler that may break it, in training with gradients written out too."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from attnbench.attention import ATTENTION
from attnbench.attention.contract import make, subject_of


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", ATTENTION.names())
def test_is_one_graph(name: str, training: bool, layout: torch.memory_format) -> None:
    subject = subject_of(name)
    module, graphs = make(subject).train(training), []

    def count(graph: torch.fx.GraphModule, inputs: list[Any]) -> Callable[..., Any]:
        graphs.append(graph)
        return graph.forward

    torch.compiler.reset()
    module.compile(backend=count, dynamic=False)
    x = torch.randn(2, subject.channels, 6, 6).to(memory_format=layout).requires_grad_(training)
    with torch.set_grad_enabled(training):
        module(x)
    assert len(graphs) == 1
    torch.compiler.reset()
