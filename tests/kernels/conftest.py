from functools import cache
from typing import Any

import pytest

from attnbench.kernels import backend

triton = pytest.importorskip("triton")


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernels run on the CPU, in Triton's interpreter, some milliseconds a program."""
    from triton.runtime.interpreter import InterpretedFunction

    interpret = cache(InterpretedFunction)

    def run(kernel: Any, *args: Any, **kwargs: Any) -> None:
        interpret(kernel.fn).run(*args, **kwargs)

    def call(function: Any, *args: Any, **kwargs: Any) -> Any:
        return interpret(function.fn)(*args, **kwargs)

    monkeypatch.setattr(backend, "KERNEL_DEVICES", ("cuda", "cpu"))
    monkeypatch.setattr(triton.JITFunction, "run", run)
    monkeypatch.setattr(triton.JITFunction, "__call__", call)
    # The interpreter leaves its own functions in there, with which nothing could be compiled after.
    for name, value in vars(triton.language.core).items():
        monkeypatch.setattr(triton.language.core, name, value)
