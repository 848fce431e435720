"""Gates as operators: what compilers, exporters and counters see of them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from attnbench.kernels import bam_operator, excite_operator, gates_operator
from attnbench.kernels.gates import add_gated_map
from attnbench.measure.moved import MovedBytes, moved_bytes
from tests.kernels.gating import GATINGS, LAYOUTS, slope_like, tied_map

MAP = 2 * 6 * 4 * 5 * 4
"""Bytes of the map."""


def calls(layout: torch.memory_format = torch.contiguous_format) -> dict[str, tuple[Any, tuple[Any, ...]]]:
    """Every operator, with arguments that use all of it."""
    x, grad, shortcut = (tied_map(2, 6, 4, 5, layout=layout, seed=seed).float() for seed in range(3))
    channel, position = torch.rand(2, 6), torch.rand(2, 1, 4, 5)
    position_terms, channel_terms = torch.rand(2, 3, 4, 5), torch.rand(2, 3, 6)
    return {
        "pool": (gates_operator.pool, (x, channel, True)),
        "pool of channels": (gates_operator.pool, (x, None, False)),
        "scale": (gates_operator.scale, (x, channel, position, shortcut)),
        "scale by channels": (gates_operator.scale, (x, channel, None, None)),
        "channel gradient": (gates_operator.channel_gradient, (grad, x, channel, position, position_terms)),
        "position gradient": (gates_operator.position_gradient, (grad, x, channel)),
        "map gradient": (gates_operator.map_gradient, (grad, x, channel, position, position_terms, channel_terms)),
        "excite": (excite_operator.gather_excite, (x,)),
        "excite and end": (excite_operator.gather_excite_add_relu, (x, shortcut)),
        "excite backward": (excite_operator.gather_excite_backward, (grad, x)),
        "add gated": (bam_operator.add_gated, (x, channel[:, :, None, None], position, True)),
        "add gated backward": (bam_operator.add_gated_backward, (grad, x, channel[:, :, None, None], position, True)),
    }


NAMES = list(calls())
PASSES = {
    "pool": (1, 0),
    "pool of channels": (1, 0),
    "scale": (2, 1),
    "scale by channels": (1, 1),
    "channel gradient": (2, 0),
    "position gradient": (2, 0),
    "map gradient": (2, 1),
    "excite": (1, 1),
    "excite and end": (2, 1),
    "excite backward": (2, 1),
    "add gated": (1, 1),
    "add gated backward": (2, 1),
}
"""Maps that an operator reads and writes."""


@pytest.fixture(params=["operators", "kernels"])
def computed_by(request: pytest.FixtureRequest) -> str:
    if request.param == "kernels":
        request.getfixturevalue("interpreted")
    return str(request.param)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # opcheck's own
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("computed_by")
def test_is_registered_as_torch_wants_it(name: str, layout: torch.memory_format) -> None:
    operator, arguments = calls(layout)[name]
    if operator._backward_fn is not None:
        arguments = tuple(
            argument.detach().requires_grad_() if isinstance(argument, torch.Tensor) else argument
            for argument in arguments
        )
    assert set(torch.library.opcheck(operator, arguments).values()) == {"SUCCESS"}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", NAMES)
def test_kernels_compute_what_pytorch_does(
    name: str, layout: torch.memory_format, request: pytest.FixtureRequest
) -> None:
    operator, arguments = calls(layout)[name]
    expected = operator(*arguments)
    request.getfixturevalue("interpreted")
    torch.testing.assert_close(operator(*arguments), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_each_map_is_read_or_written_once(name: str) -> None:
    operator, arguments = calls()[name]
    moved = moved_bytes(operator._opoverload._schema, arguments, {}, operator(*arguments), set())
    reads, writes = PASSES[name]
    beside = MovedBytes(read_bytes=moved.read_bytes - reads * MAP, written_bytes=moved.written_bytes - writes * MAP)
    # What there is of channels and positions is small beside a map.
    assert 0 <= beside.read_bytes < MAP
    assert 0 <= beside.written_bytes < MAP


@pytest.mark.parametrize("name", NAMES)
def test_torchs_counter_finds_no_products(name: str) -> None:
    operator, arguments = calls()[name]
    with FlopCounterMode(display=False) as counter:
        operator(*arguments)
    assert counter.get_total_flops() == 0


def functions() -> dict[str, Callable[[torch.Tensor], torch.Tensor]]:
    """Each differentiable function of a map by operators."""
    found: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {}
    for gating in GATINGS:
        found[gating.name] = lambda x, gating=gating: gating.scaled(x, backend="triton")
        found[f"{gating.name} and end"] = lambda x, gating=gating: gating.scaled(
            x, shortcut=x.flip(1), backend="triton"
        )
    found["bam"] = lambda x: add_gated_map(
        x, x.mean((2, 3), keepdim=True), x.mean(1, keepdim=True), product=True, backend="triton"
    )
    return found


@pytest.mark.parametrize("name", functions())
def test_compiles_to_one_graph_with_its_gradient(name: str) -> None:
    function, x = functions()[name], tied_map(2, 6, 4, 5, layout=torch.channels_last).requires_grad_()
    torch.compiler.reset()
    results = []
    for run in (function, torch.compile(function, fullgraph=True, backend="aot_eager")):
        y = run(x)
        results.append((y, torch.autograd.grad(y, x, slope_like(y))[0]))
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", functions())
def test_is_exported_for_any_number_of_images(name: str) -> None:
    class Wrapped(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return functions()[name](x)

    x = tied_map(5, 6, 4, 5, layout=torch.contiguous_format)
    exported = torch.export.export(Wrapped(), (x[:2],), dynamic_shapes=({0: torch.export.Dim("batch")},))
    torch.testing.assert_close(exported.module()(x), functions()[name](x), rtol=0, atol=0)
    assert any("attnbench" in str(node.target) for node in exported.graph.nodes)
