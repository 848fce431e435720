"""The operators of SGE, as what is built on PyTorch's operators sees them."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from attnbench.attention.sge import SpatialGroupEnhance
from attnbench.errors import SpecError
from attnbench.kernels.sge import enhance_add_relu
from attnbench.kernels.sge_operator import sge, sge_add_relu
from attnbench.measure import count_flops, count_macs
from attnbench.measure.traffic import count_traffic
from tests.kernels.kept import kept_bytes

LAYOUTS = [torch.contiguous_format, torch.channels_last]
OPERATORS = torch.ops.attnbench


class Ending(SpatialGroupEnhance):
    """The end of a residual block whose branch is the identity."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return enhance_add_relu(
            x, x, self.gate_scale, self.gate_shift, normalize=self.normalize, official=True, backend=self.backend
        )


MODULES = [SpatialGroupEnhance, Ending]


def make(module_class: type[SpatialGroupEnhance], backend: str = "triton", **settings: Any) -> SpatialGroupEnhance:
    return module_class(24, groups=4, gate_scale_init=0.5, backend=backend, **settings)  # type: ignore[arg-type]


def images(*, layout: torch.memory_format = torch.contiguous_format, number: int = 2) -> torch.Tensor:
    x = torch.randn(number, 24, 3, 5, generator=torch.Generator().manual_seed(0)) + 0.5
    return x.contiguous(memory_format=layout)


def both(module: nn.Module, x: torch.Tensor) -> list[torch.Tensor]:
    """The output, and the gradients of the map and the parameters."""
    x = x.detach().requires_grad_()
    y = module(x)
    slope = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype)
    return [y.detach(), *torch.autograd.grad(y, [x, *module.parameters()], slope)]


@pytest.fixture(params=["pytorch", "kernels"])
def computed_by(request: pytest.FixtureRequest) -> str:
    if request.param == "kernels":
        request.getfixturevalue("interpreted")
    return str(request.param)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # opcheck's own
@pytest.mark.parametrize("layout", [*LAYOUTS, None])
@pytest.mark.usefixtures("computed_by")
def test_operators_are_what_they_say(layout: torch.memory_format | None) -> None:
    x = images(layout=layout or torch.contiguous_format)
    x, slope = (x, x.flip(0)) if layout else (x[..., ::2], x[..., ::2])
    scale, shift = torch.ones(4), torch.zeros(4)
    y = torch.relu(x)
    for operator, given, differentiated in [
        (OPERATORS.sge, (x, scale, shift), True),
        (OPERATORS.sge_add_relu, (x, slope.clone(), scale, shift), True),
        (OPERATORS.sge_backward, (slope, x, scale, shift), False),
        (OPERATORS.sge_add_relu_backward, (slope, x, y, scale, shift), False),
    ]:
        tensors = [tensor.detach().requires_grad_(differentiated) for tensor in given]
        torch.library.opcheck(operator, (*tensors, True, True))


@pytest.mark.parametrize("module_class", MODULES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_without_a_kernel_pytorch_computes(
    module_class: type[SpatialGroupEnhance], layout: torch.memory_format
) -> None:
    x = images(layout=layout)
    operator, eager = (both(make(module_class, backend), x) for backend in ("triton", "eager"))
    torch.testing.assert_close(operator, eager, rtol=0, atol=0)
    assert operator[0].stride() == eager[0].stride() == x.stride()


@pytest.mark.parametrize("module_class", MODULES)
@pytest.mark.parametrize("backend", ["triton", "auto"])
@pytest.mark.usefixtures("computed_by")
def test_compiles_as_one_graph(module_class: type[SpatialGroupEnhance], backend: str) -> None:
    module = make(module_class, backend)
    torch.compiler.reset()
    compiled = torch.compile(copy.deepcopy(module), fullgraph=True, backend="aot_eager")
    for got, expected in zip(both(compiled, images()), both(module, images()), strict=True):
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize(("module_class", "name"), [(SpatialGroupEnhance, "sge"), (Ending, "sge_add_relu")])
def test_is_exported_as_one_operator(module_class: type[SpatialGroupEnhance], name: str) -> None:
    module = make(module_class)
    exported = torch.export.export(module, (images(),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    called = [node.target for node in exported.graph.nodes if node.op == "call_function"]
    assert called == [getattr(OPERATORS, name).default]
    torch.testing.assert_close(exported.module()(images(number=5)), module(images(number=5)))


@pytest.mark.parametrize("module_class", MODULES)
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.usefixtures("computed_by")
def test_autocast_changes_nothing(module_class: type[SpatialGroupEnhance], dtype: torch.dtype) -> None:
    module, x = make(module_class), images().to(dtype)
    expected = both(module, x)
    with torch.autocast("cpu", torch.bfloat16):
        got = both(module, x)
    torch.testing.assert_close(got, expected, rtol=0, atol=0)
    assert [tensor.dtype for tensor in got] == [dtype, dtype, torch.float32, torch.float32]


@pytest.mark.parametrize("module_class", MODULES)
@pytest.mark.parametrize("normalize", [True, False])
def test_counts_as_many_operations_as_pytorchs_operators(
    module_class: type[SpatialGroupEnhance], normalize: bool
) -> None:
    operator, eager = (make(module_class, backend, normalize=normalize) for backend in ("triton", "eager"))
    shape = (24, 5, 7)
    for convention in ("full", "published"):
        assert count_flops(operator, shape, convention=convention) == count_flops(eager, shape, convention=convention)
    assert count_flops(operator, shape).total > 4 * 24 * 5 * 7
    assert count_macs(operator, shape).macs == count_macs(eager, shape).macs == 0
    assert list(count_macs(operator, shape).uncounted_operators.values()) == [1]
    with FlopCounterMode(display=False) as counter:
        operator(images()).sum().backward()
    assert counter.get_total_flops() == 0


@pytest.mark.parametrize(("module_class", "maps_read"), [(SpatialGroupEnhance, 1), (Ending, 2)])
def test_moves_each_map_once(module_class: type[SpatialGroupEnhance], maps_read: int) -> None:
    class Doubled(nn.Module):
        """Twice the map, so that an end does not read the same tensor twice."""

        def __init__(self) -> None:
            super().__init__()
            self.module = make(SpatialGroupEnhance)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            module = self.module
            given = (x, 2 * x) if module_class is Ending else (x,)
            operator = sge_add_relu if module_class is Ending else sge
            return operator(*given, module.gate_scale, module.gate_shift, True, True)

    moved = count_traffic(Doubled(), (24, 5, 7)).by_operator
    (of_operator,) = (bytes_ for name, bytes_ in moved.items() if name.startswith("attnbench::"))
    size = 24 * 5 * 7 * 4
    assert (of_operator.read_bytes, of_operator.written_bytes) == (maps_read * size, size)
    assert of_operator.parameter_bytes == 2 * 4 * 4


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_keeps_the_map_only(dtype: torch.dtype) -> None:
    x = images(number=8).to(dtype).requires_grad_()
    assert kept_bytes(make(SpatialGroupEnhance), x) == 1
    # And the output, which the next layer keeps.
    assert kept_bytes(make(Ending), x) == 2


@pytest.mark.parametrize("module_class", MODULES)
@pytest.mark.usefixtures("computed_by")
def test_takes_no_images(module_class: type[SpatialGroupEnhance]) -> None:
    y, grad_x, grad_scale, grad_shift = both(make(module_class), images(number=0))
    assert y.shape == grad_x.shape == (0, 24, 3, 5)
    assert torch.equal(torch.stack([grad_scale, grad_shift]), torch.zeros(2, 4))


@pytest.mark.usefixtures("computed_by")
def test_the_output_may_be_changed_in_place() -> None:
    x, module = images(), make(SpatialGroupEnhance)
    slopes = []
    for add in (torch.Tensor.add_, torch.Tensor.add):

        def block(x: torch.Tensor, add: Callable[..., torch.Tensor] = add) -> torch.Tensor:
            return torch.relu_(add(module(x), x))

        given = x.clone().requires_grad_()
        slopes.append(torch.autograd.grad(block(given).square().sum(), given))
    torch.testing.assert_close(*slopes, rtol=0, atol=0)


def test_another_dtype_of_the_shortcut_is_added_by_pytorch() -> None:
    x, scale, shift = images().bfloat16(), torch.ones(4), torch.zeros(4)
    ended = [
        enhance_add_relu(x, images(), scale, shift, normalize=True, official=True, backend=backend)
        for backend in ("triton", "eager")
    ]
    torch.testing.assert_close(*ended, rtol=0, atol=0)
    assert ended[0].dtype == torch.bfloat16


def test_differentiates_once() -> None:
    x = images().requires_grad_()
    (slope,) = torch.autograd.grad(make(SpatialGroupEnhance)(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="sge_backward"):
        slope.sum().backward()


@pytest.mark.parametrize(
    ("x", "scale", "shift", "message"),
    [
        ((2, 24, 3), 4, 4, r"x must be \(N, C, H, W\) with C a multiple of the 4 groups; got \(2, 24, 3\)"),
        ((2, 24, 3, 5), 5, 5, "a multiple of the 5 groups; got"),
        ((2, 24, 3, 5), 4, 3, r"gate_scale and gate_shift must be \(G,\); got \(4,\), \(3,\)"),
    ],
)
def test_tensors_must_fit_each_other(x: tuple[int, ...], scale: int, shift: int, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        sge(torch.ones(x), torch.ones(scale), torch.ones(shift), True, True)


@pytest.mark.parametrize("shortcut", [torch.ones(2, 24, 5, 3), torch.ones(2, 24, 3, 5).half()])
def test_the_shortcut_must_be_of_the_maps_shape_and_dtype(shortcut: torch.Tensor) -> None:
    with pytest.raises(SpecError, match="shortcut must be of the map's shape and dtype"):
        sge_add_relu(images(), shortcut, torch.ones(4), torch.ones(4), True, True)
