import copy
import pickle
import time
from collections.abc import Iterator

import pytest
import torch
from torch import nn
from torch._dynamo import config
from torch._dynamo.utils import counters

from attnbench.attention import register_attention
from attnbench.compute_spec import Compilation, Compute
from attnbench.errors import MissingDependencyError, TrainingError
from attnbench.models import BuiltModel, build_model
from attnbench.models.compiling import CompileTime, check_compiler, compiled, forgotten_afterwards

Graphs = list[tuple[torch.Size, ...]]
BACKBONE = "cifar-resnet:depth=8,stem_stride=2,width=8"
ATTENTION = Compute(device="cpu", compile="attention")


@pytest.fixture(autouse=True)
def _counted_anew() -> Iterator[None]:
    torch.compiler.reset()
    counters.clear()
    yield
    torch.compiler.reset()


def small(attention: str = "se:reduction=2") -> BuiltModel:
    """A network of three blocks, each of another shape."""
    return build_model(BACKBONE, attention, num_classes=10, in_channels=1, image_size=(16, 16), seed=0)


def images(number: int, size: int = 16) -> torch.Tensor:
    return torch.randn(number, 1, size, size, generator=torch.Generator().manual_seed(number))


def train(model: nn.Module, number: int) -> torch.Tensor:
    outputs: torch.Tensor = model.train()(images(number))
    outputs.sum().backward()
    return outputs.detach()


@torch.inference_mode()
def evaluate(model: nn.Module, number: int) -> torch.Tensor:
    outputs: torch.Tensor = model.eval()(images(number))
    return outputs


def compiled_parts(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if module._compiled_call_impl is not None]


def test_nothing_is_compiled_where_nothing_is_asked_for(graphs: Graphs) -> None:
    built = small()
    with compiled(built.model, built.places, Compute(), attention="se") as spent:
        evaluate(built.model, 2)
    assert spent == CompileTime(seconds=None)
    assert (graphs, compiled_parts(built.model)) == ([], [])


@pytest.mark.parametrize(("what", "parts"), [("attention", 3), ("model", 1)])
def test_what_is_asked_for_is_compiled_and_computes_the_same(graphs: Graphs, what: Compilation, parts: int) -> None:
    expected, built = small(), small()
    with compiled(built.model, built.places, Compute(device="cpu", compile=what), attention="se") as spent:
        torch.testing.assert_close(train(built.model, 3), train(expected.model, 3))
        torch.testing.assert_close(evaluate(built.model, 3), evaluate(expected.model, 3))
    assert compiled_parts(built.model) == ([place.name for place in built.places] if what == "attention" else [""])
    assert len(graphs) == 2 * parts
    assert spent.seconds is not None
    assert spent.seconds > 0


def test_a_network_without_modules_takes_no_time(graphs: Graphs) -> None:
    built = small("none")
    with compiled(built.model, built.places, ATTENTION, attention="none") as spent:
        evaluate(built.model, 2)
    assert spent.seconds == 0.0
    assert graphs == []


def test_more_shapes_than_torch_allows_of_one_class_are_all_compiled(graphs: Graphs) -> None:
    built = small()
    limit = config.recompile_limit
    with compiled(built.model, built.places, ATTENTION, attention="se"):
        for _ in range(2):
            train(built.model, 4)
            train(built.model, 3)
            evaluate(built.model, 4)
            evaluate(built.model, 3)
    # One for each of three blocks, two modes and two batches; the second time needs no more, and none was given up.
    assert len(graphs) == len({(*shapes, place) for place, shapes in enumerate(graphs)}) == 12 > limit
    assert counters["frames"]["ok"] == counters["frames"]["total"] == 12
    assert config.recompile_limit == limit


def test_one_dynamic_graph_takes_maps_of_all_sizes(graphs: Graphs) -> None:
    built = small("sge:groups=4")
    numbers = []
    with compiled(built.model, built.places, ATTENTION, attention="sge", is_dynamic=True):
        for size in (32, 40, 48):
            built.model.eval()(images(2, size))
            numbers.append(len(graphs))
    assert numbers[0] == numbers[1] == numbers[2] <= 3


@pytest.mark.parametrize("at", ["pre-branch", "pre-add", "post-add", "stage"])
def test_hooks_of_a_layer_find_its_compiled_module(graphs: Graphs, at: str) -> None:
    expected, built = small(f"se:reduction=2,at={at}"), small(f"se:reduction=2,at={at}")
    with compiled(built.model, built.places, ATTENTION, attention="se"):
        torch.testing.assert_close(evaluate(built.model, 2), evaluate(expected.model, 2))
    # Modules that meet maps of one shape share a graph.
    assert 0 < len(graphs) <= len(built.places)


def test_names_and_copies_are_those_of_the_plain_network(graphs: Graphs) -> None:
    plain, built = small(), small()
    with compiled(built.model, built.places, ATTENTION, attention="se"):
        outputs = evaluate(built.model, 2)
        assert list(built.model.state_dict()) == list(plain.model.state_dict())
        for copied in (copy.deepcopy(built.model), pickle.loads(pickle.dumps(built.model))):
            assert compiled_parts(copied) == []
            torch.testing.assert_close(evaluate(copied, 2), outputs)


def test_the_time_is_that_of_compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(graph: torch.fx.GraphModule, inputs: object) -> object:
        time.sleep(0.1)
        return graph.forward

    compile_ = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda module, **_: compile_(module, dynamic=False, backend=slow))
    built = small()
    with compiled(built.model, built.places, ATTENTION, attention="se") as spent:
        evaluate(built.model, 2)
        after_one = spent.seconds
        started = time.perf_counter()
        for _ in range(3):
            evaluate(built.model, 2)
        time.sleep(0.1)
        assert spent.seconds == after_one
        assert time.perf_counter() - started >= 0.1
    assert after_one is not None
    assert after_one >= 3 * 0.1


def test_what_was_compiled_is_forgotten_after_the_run(graphs: Graphs) -> None:
    for number in (1, 2):
        with forgotten_afterwards(ATTENTION):
            built = small()
            with compiled(built.model, built.places, ATTENTION, attention="se"):
                evaluate(built.model, 2)
        assert len(graphs) == 3 * number


class Counting(nn.Module):
    """Computes otherwise at each step."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.step = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.step += 1
        return x * self.step


class Branching(nn.Module):
    """Cannot be one graph."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2 if x.sum() > 0 else x * 3


def test_a_module_that_is_compiled_anew_at_each_step_is_an_error(graphs: Graphs) -> None:
    register_attention("counting", placement="block")(Counting)
    built = small("counting")

    def run_often() -> None:
        with compiled(built.model, built.places, ATTENTION, attention="counting"):
            for _ in range(40):
                evaluate(built.model, 2)

    with pytest.raises(TrainingError, match=r"^counting is compiled anew again and again, more than 24 times; its"):
        run_often()
    assert len(graphs) > 24


def test_a_module_that_is_no_single_graph_is_compiled_in_parts(graphs: Graphs) -> None:
    register_attention("branching", placement="block")(Branching)
    expected, built = small("branching"), small("branching")
    with compiled(built.model, built.places, ATTENTION, attention="branching"):
        torch.testing.assert_close(evaluate(built.model, 2), evaluate(expected.model, 2))
    assert len(graphs) > 3


def test_a_module_that_cannot_be_compiled_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(graph: object, inputs: object) -> object:
        raise NotImplementedError("no kernel\nfor this")

    compile_ = nn.Module.compile
    monkeypatch.setattr(nn.Module, "compile", lambda module, **_: compile_(module, backend=failing))
    built = small()
    said = r"^se:reduction=2 cannot be compiled: BackendCompilerFailed: .*no kernel for this.*; --compile none runs it"
    with (
        pytest.raises(TrainingError, match=said),
        compiled(built.model, built.places, ATTENTION, attention="se:reduction=2"),
    ):
        evaluate(built.model, 2)


def test_errors_of_others_stay_what_they_are(graphs: Graphs) -> None:
    built = small()
    with pytest.raises(KeyboardInterrupt), compiled(built.model, built.places, ATTENTION, attention="se"):
        raise KeyboardInterrupt


def test_a_missing_compiler_is_named_before_anything_is_compiled(graphs: Graphs) -> None:
    from torch._inductor import config as inductor

    built = small()
    said = r"a C\+\+ compiler is needed to compile for the CPU; got compile='attention' and .*; install g\+\+, name"
    with inductor.patch({"cpp.cxx": (None, "/nowhere/g++")}):
        check_compiler(Compute(device="cpu"))
        with (
            pytest.raises(MissingDependencyError, match=said),
            compiled(built.model, built.places, ATTENTION, attention="se"),
        ):
            evaluate(built.model, 2)
    assert compiled_parts(built.model) == []


@pytest.mark.slow
def test_kernels_of_the_cpu_compute_what_the_module_does() -> None:
    expected, built = small("sge:groups=4"), small("sge:groups=4")
    with compiled(built.model, built.places, ATTENTION, attention="sge"):
        torch.testing.assert_close(train(built.model, 3), train(expected.model, 3))
        torch.testing.assert_close(evaluate(built.model, 3), evaluate(expected.model, 3))
    for (name, own), other in zip(built.model.named_parameters(), expected.model.parameters(), strict=True):
        torch.testing.assert_close(own.grad, other.grad, msg=lambda text, name=name: f"{name}: {text}")
    assert counters["frames"]["ok"] == counters["frames"]["total"] == 6


def test_what_autograd_says_of_compiled_code_names_the_variant(graphs: Graphs) -> None:
    built = small()
    said = (
        r"^se does not run when it is compiled: RuntimeError: Output 0 of CompiledFunction .*; --compile none runs it"
    )
    with (
        pytest.raises(TrainingError, match=said),
        compiled(built.model, built.places, ATTENTION, attention="se"),
    ):
        raise RuntimeError("Output 0 of CompiledFunction is a view and is being modified inplace.")
