"""Compiles a built model, or its attention modules alone, for as long as a run lasts.

Modules are compiled in place by `torch.nn.Module.compile`: names of weights, copies and checkpoints are as before.
Shapes are static by default, which is faster; each shape of a map in each mode is a graph of its own. torch counts
them by function, and all modules of a class share one: after eight it would silently go on without compiling. Here it
may make as many for each module, and after that it is an error.
"""

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from attnbench.attention.contract.words import one_line
from attnbench.errors import MissingDependencyError, TrainingError
from attnbench.models.placement import Place
from attnbench.spec import Compute

_GRAPHS_OF_A_MODULE = 8
"""Training and evaluation, whole and last batches, and twice as many to spare; torch's own number for one function."""
_REMEDY = "--compile none runs it as it is"


@dataclass
class CompileTime:
    """How long torch has compiled so far."""

    seconds: float | None = None
    """Seconds, 0 before the first graph; none where nothing is to be compiled."""


@contextmanager
def compiled(
    model: torch.nn.Module, places: tuple[Place, ...], compute: Compute, *, attention: str, is_dynamic: bool = False
) -> Iterator[CompileTime]:
    """Let a model, or its attention modules, be compiled as they first meet each shape, while the block lasts.

    After the block the model is of no more use.

    Args:
        model: The model, on any device.
        places: Its attention modules.
        compute: What is compiled, and for which threads and device.
        attention: The variant, for messages.
        is_dynamic: Whether one graph is to take maps of any size, where hardly two are alike.

    Yields:
        The time that compilation takes, which grows.

    Raises:
        MissingDependencyError: If there is no C++ compiler for kernels of the CPU.
        TrainingError: If something cannot be compiled, or is compiled anew again and again.
    """
    if compute.compile == "none":
        yield CompileTime()
        return
    check_compiler(compute)
    modules = [model] if compute.compile == "model" else [place.module for place in places]
    compile_in_place(modules, is_dynamic=is_dynamic, compute=compute)
    number = _GRAPHS_OF_A_MODULE * max(1, len(places))
    with never_giving_up(number), _errors_of(attention, number), _timed() as spent:
        yield spent


@contextmanager
def forgotten_afterwards(compute: Compute) -> Iterator[None]:
    """Forget what was compiled in a block, so that no run depends on those before it in its process.

    What is in torch's cache on disk stays there.

    Args:
        compute: Whether anything is compiled.
    """
    try:
        yield
    finally:
        if compute.compile != "none":
            torch.compiler.reset()


def compile_in_place(
    modules: list[torch.nn.Module], *, is_dynamic: bool = False, compute: Compute | None = None
) -> None:
    """Let modules be compiled, each by itself, as they first meet each shape.

    Args:
        modules: The modules.
        is_dynamic: Whether one graph is to take any size.
        compute: For which threads, and whether bits must be the same each time; none leaves that to torch.
    """
    # Options, and not torch's global settings, which the thread of a GPU's backward pass does not see. The threads are
    # named because the cache on disk need not tell kernels for other numbers of them apart.
    options = None if compute is None else {"deterministic": compute.deterministic, "cpp.threads": compute.threads}
    for module in modules:
        module.compile(dynamic=is_dynamic, options=options)


def check_compiler(compute: Compute) -> None:
    """See that what is to be compiled can be, as far as that is known before.

    Raises:
        MissingDependencyError: If there is no C++ compiler, which the CPU's kernels need.
    """
    is_on_gpu = compute.device != "cpu" and torch.cuda.is_available()
    if compute.compile == "none" or is_on_gpu:
        return
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        raise MissingDependencyError(
            f"a C++ compiler is needed to compile for the CPU; got compile={compute.compile!r} and {one_line(error)}; "
            f"install g++, name another compiler in the environment variable CXX, or take --compile none"
        ) from error


@contextmanager
def never_giving_up(number: int) -> Iterator[None]:
    """Let torch compile one function so much more often than it would, and fail where that is not enough.

    It does not warn of what is as it should be.

    Args:
        number: How many graphs more.
    """
    from torch._dynamo import config

    limits = {name: getattr(config, name) + number for name in ("recompile_limit", "accumulated_recompile_limit")}
    # Of a machine with CUDA's compiler and no GPU.
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)
    with warnings.catch_warnings(), config.patch(fail_on_recompile_limit_hit=True, **limits):
        # torch looks for gradients wherever there may be some.
        warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor that is not a leaf")
        yield


@contextmanager
def _errors_of(attention: str, number: int) -> Iterator[None]:
    from torch._dynamo.exc import FailOnRecompileLimitHit, TorchDynamoException

    try:
        yield
    except FailOnRecompileLimitHit as error:
        raise TrainingError(
            f"{attention} is compiled anew again and again, more than {number} times; its forward must not depend on a "
            f"number that changes from step to step; {_REMEDY}"
        ) from error
    except TorchDynamoException as error:
        raise TrainingError(f"{attention} cannot be compiled: {one_line(error)}; {_REMEDY}") from error
    except RuntimeError as error:
        # What autograd says where the network changes what a compiled module gave, and torch made that a view.
        if "CompiledFunction" not in str(error):
            raise
        raise TrainingError(f"{attention} does not run when it is compiled: {one_line(error)}; {_REMEDY}") from error


@contextmanager
def _timed() -> Iterator[CompileTime]:
    """Adds up the time between torch's calls at the begin and the end of each compilation, backward passes' too."""
    from torch._dynamo.callback import callback_handler

    spent, started = CompileTime(seconds=0.0), 0.0

    def begin(_: object) -> None:
        nonlocal started
        started = time.perf_counter()

    def end(_: object) -> None:
        spent.seconds = (spent.seconds or 0.0) + time.perf_counter() - started

    callback_handler.register_start_callback(begin)
    callback_handler.register_end_callback(end)
    try:
        yield spent
    finally:
        callback_handler.remove_start_callback(begin)
        callback_handler.remove_end_callback(end)
