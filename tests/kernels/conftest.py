import importlib
import pkgutil
from types import ModuleType

import pytest

import attnbench.kernels
from attnbench.kernels import backend

triton = pytest.importorskip("triton")


def kernel_modules() -> list[ModuleType]:
    names = [module.name for module in pkgutil.iter_modules(attnbench.kernels.__path__)]
    return [importlib.import_module(f"attnbench.kernels.{name}") for name in names if name.endswith("_triton")]


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernels run on the CPU, in Triton's interpreter, some milliseconds a program."""
    from triton.runtime.interpreter import InterpretedFunction

    monkeypatch.setattr(backend, "KERNEL_DEVICES", ("cuda", "cpu"))
    for module in kernel_modules():
        for name, value in vars(module).items():
            if isinstance(value, triton.JITFunction):
                monkeypatch.setattr(module, name, InterpretedFunction(value.fn))
