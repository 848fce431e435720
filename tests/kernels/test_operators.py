"""What does not fit a map is refused before a kernel could read past its end."""

import warnings
from collections.abc import Callable

import pytest
import torch

from attnbench.errors import SpecError
from attnbench.kernels import bam_operator, excite_operator, gates_operator
from attnbench.kernels.sge_operator import sge_add_relu

X = torch.ones(2, 4, 3, 3)
GROUPS = torch.ones(2)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: gates_operator.scale(X, torch.ones(2, 1), None, None), r"channel must be .*; got \(2, 1\)"),
        (
            lambda: gates_operator.scale(X, None, torch.ones(2, 1, 3, 1), None),
            r"position must be .*; got \(2, 1, 3, 1\)",
        ),
        (lambda: gates_operator.scale(X, torch.ones(2, 4), None, X[:, :1]), r"shortcut must be .*; got \(2, 1, 3, 3\)"),
        (lambda: gates_operator.pool(X, torch.ones(4), True), r"channel must be .*; got \(4,\)"),
        (lambda: excite_operator.gather_excite_add_relu(X, X[:1]), r"shortcut must be .*; got \(1, 4, 3, 3\)"),
        (
            lambda: bam_operator.add_gated(X, torch.ones(2, 4, 1, 1), X, True),
            r"position must be .*; got \(2, 4, 3, 3\)",
        ),
        (lambda: sge_add_relu(X, X[:, :, :1], GROUPS, GROUPS, True, True), r"shortcut must be .*; got \(2, 4, 1, 3\)"),
    ],
)
def test_shapes_are_checked(call: Callable[[], torch.Tensor], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        call()


@pytest.mark.parametrize("name", ["sge", "se:reduction=2", "cbam:reduction=2", "ge", "bam:reduction=2", "simam", "srm"])
def test_tracers_and_transforms_look_into_gradients_that_are_written_out(name: str) -> None:
    from attnbench.attention.contract import make, subject_of

    subject = subject_of(name, 64)
    module, x = make(subject).eval(), torch.randn(2, 64, 4, 4, generator=torch.Generator().manual_seed(0))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that tracing is deprecated, and that sizes become constants
        traced = torch.jit.trace(module, x, check_trace=False)
    torch.testing.assert_close(traced(x), module(x))
    assert "PythonOp" not in str(traced.graph)
    given = x.clone().requires_grad_()
    module(given).square().sum().backward()
    torch.testing.assert_close(torch.func.grad(lambda z: module(z).square().sum())(x), given.grad)
