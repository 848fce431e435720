"""Checks of the contract that turn a module into a graph: compilation and export."""

import copy
import io
from contextlib import redirect_stderr, redirect_stdout

import torch

from attnbench.attention.contract.hold import hold_near
from attnbench.attention.contract.subject import SIZES, Subject, feature_map, make, output, stirred
from attnbench.attention.contract.words import one_line
from attnbench.errors import ContractError

_BACKEND = "aot_eager"
_TOLERANCE = 1e-10
_REMEDY = "Python may not branch on values, print or call item()"


def can_be_compiled(subject: Subject) -> str:
    """One graph for forward and one for backward, with the values of the plain module."""
    x = feature_map(2, subject.channels, *SIZES[0], dtype=torch.float64)
    for training in (True, False):
        module = stirred(make(subject)).double().train(training)
        output(module, x)  # an error that the plain module has too is no matter of compilation
        compiled = copy.deepcopy(module)
        # Graphs of other modules of the class would count towards the number that torch allows.
        torch.compiler.reset()
        results = []
        for run in (module, torch.compile(compiled, fullgraph=True, backend=_BACKEND)):
            given = x.clone().requires_grad_()
            torch.manual_seed(1)
            try:
                y = run(given)
            except Exception as error:
                raise ContractError(f"cannot be compiled as one graph: {one_line(error)}; {_REMEDY}") from error
            results.append((y, torch.autograd.grad(y.sum(), given)[0]))
        (expected, slope), (got, compiled_slope) = results
        hold_near(got, expected, rtol=_TOLERANCE, atol=_TOLERANCE, what="compiled")
        hold_near(compiled_slope, slope, rtol=_TOLERANCE, atol=_TOLERANCE, what="compiled, the gradient")
    return f'torch.compile(fullgraph=True, backend="{_BACKEND}")'


def can_be_exported(subject: Subject) -> str:
    """One graph for any number of images."""
    module = stirred(make(subject)).double()
    x = feature_map(5, subject.channels, *SIZES[0], dtype=torch.float64)
    batch = torch.export.Dim("batch")
    try:
        # torch prints the graph that it could not finish.
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            exported = torch.export.export(module, (x[:2],), dynamic_shapes=({0: batch},)).module()
    except Exception as error:
        raise ContractError(f"cannot be exported with a dynamic batch: {one_line(error)}; {_REMEDY}") from error
    for images in (1, 2, 5):
        given = x[:images]
        what = f"exported with 2 images, for {images}"
        hold_near(output(exported, given), output(module, given), rtol=_TOLERANCE, atol=_TOLERANCE, what=what)
    return "torch.export with a dynamic batch: 1, 2 and 5 images"
