"""Modules that have kernels give the same by each backend, and are counted alike."""

from contextlib import ExitStack
from typing import Any

import pytest
import torch
from torch import nn

from attnbench.attention.ending import EndsBlock
from attnbench.attention.observing import observed_by
from attnbench.attention.registration import ATTENTION, attention_settings
from attnbench.efficiency_record import CONVENTIONS
from attnbench.errors import SpecError
from attnbench.kernels.backend import Backend
from attnbench.measure import count_flops
from attnbench.variant import Variant
from tests.attention.inputs import filled, random_map
from tests.attention.variants import VARIANTS

NAMES = ["bam", "cbam", "eca", "ge", "se"]
GATED = [text for text in VARIANTS if text.partition(":")[0] in NAMES]
LAYOUTS = [torch.contiguous_format, torch.channels_last]


def made(text: str, backend: Backend) -> Any:
    """The module in float64, every weight random, which has seen a map."""
    entry, settings = attention_settings(Variant.parse(text))
    torch.manual_seed(0)
    module = entry.module_class(64, **settings, backend=backend).double()
    module(random_map(2, 64, 5, 4))
    return filled(module)


def differentiated(module: nn.Module, *given: torch.Tensor) -> dict[str, torch.Tensor]:
    """The output and every gradient, of the module's end of a block where a shortcut is given too."""
    leaves = [tensor.detach().requires_grad_() for tensor in given]
    y = module.forward_end(*leaves) if len(given) == 2 else module(*leaves)  # type: ignore[operator]
    parameters = dict(module.named_parameters())
    slope = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(2))
    names, tensors = [*("x", "shortcut")[: len(leaves)], *parameters], [*leaves, *parameters.values()]
    gradients = torch.autograd.grad(y, tensors, slope)
    return {"y": y.detach(), **dict(zip(names, gradients, strict=True))}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("text", GATED)
def test_values_and_gradients_do_not_differ(text: str, training: bool, layout: torch.memory_format) -> None:
    x = random_map(2, 64, 5, 4).contiguous(memory_format=layout)
    eager, operators = (differentiated(made(text, backend).train(training), x) for backend in ("eager", "triton"))
    torch.testing.assert_close(operators, eager, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backend", ["eager", "triton"])
@pytest.mark.parametrize("text", [text for text in GATED if not text.startswith("bam")])
def test_ends_a_block(text: str, backend: Backend) -> None:
    module, x, shortcut = made(text, backend), random_map(2, 64, 5, 4), random_map(2, 64, 5, 4).flip(1)
    assert isinstance(module, EndsBlock)
    has_kernel = getattr(module, "has_kernel", True)
    assert module.takes_end(x) == (backend == "triton" and has_kernel)
    if has_kernel:
        torch.testing.assert_close(module.forward_end(x, shortcut), torch.relu(module(x) + shortcut))
        found = differentiated(module, x, shortcut)
        leaves = [tensor.detach().requires_grad_() for tensor in (x, shortcut)]
        y = torch.relu(module(leaves[0]) + leaves[1])
        slope = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(2))
        right = torch.autograd.grad(y, leaves, slope)
        torch.testing.assert_close([found["x"], found["shortcut"]], [*right], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("text", GATED)
def test_gradients_are_those_of_what_is_computed_without_them(text: str) -> None:
    module, x = made(text, "eager"), random_map(2, 64, 5, 4)
    with torch.no_grad():
        plain = module(x)
    torch.testing.assert_close(module(x), plain, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("text", GATED)
def test_the_same_is_shown(text: str) -> None:
    shown: list[dict[str, torch.Tensor]] = []
    for backend in ("eager", "triton"):
        module, seen = made(text, backend).eval(), {}
        with ExitStack() as observing:
            for part in module.modules():
                observing.enter_context(observed_by(seen.update, part))
            module(random_map(2, 64, 5, 4))
        shown.append({name: tensor.detach() for name, tensor in seen.items()})
    assert shown[0].keys() == shown[1].keys()
    torch.testing.assert_close(*shown, rtol=1e-12, atol=1e-12)
    assert shown[0] or text.startswith("eca")


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("text", GATED)
def test_operations_do_not_differ(text: str, convention: Any) -> None:
    eager, operators = (
        count_flops(made(text, backend).float(), (64, 5, 4), convention=convention) for backend in ("eager", "triton")
    )
    assert operators.total == eager.total
    if convention == "full":
        assert operators.uncounted_operators == eager.uncounted_operators == {}


@pytest.mark.parametrize("name", NAMES)
def test_there_are_three_backends(name: str) -> None:
    with pytest.raises(SpecError, match="backend must be auto, triton, eager; got backend=cuda"):
        ATTENTION.get(name).module_class(64, backend="cuda")


def test_gather_excite_has_kernels_for_means_of_the_global_extent() -> None:
    kinds = {text: made(text, "auto").has_kernel for text in GATED if text.startswith("ge")}
    assert [text for text, has_kernel in kinds.items() if has_kernel] == ["ge"]
