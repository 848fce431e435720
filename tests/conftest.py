from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from attnbench.attention import ATTENTION
from attnbench.record import Record
from attnbench.spec import RunSpec
from tests.tiny import tiny_suite

LONGEST = (
    "test_readme.py",
    "executors/test_ray_cluster.py",
    "benchmarks/test_faults.py",
    "tune/test_kill.py",
    "test_scaling_page.py",
)
"""Files whose slow tests take minutes."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files begin first, or one of several processes would be at them alone in the end."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(LONGEST)}
    assert all(path.is_file() for path in places)
    items.sort(key=lambda item: places.get(item.path, len(LONGEST)))


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what data sets cache out of the user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTNBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _registry_as_it_was() -> Iterator[None]:
    """What one test registers is not there for the next, whatever their order."""
    from attnbench import plugins
    from attnbench.data import DATA

    registries = (ATTENTION, DATA)
    before = [dict(registry._objects) for registry in registries]
    imported = list(plugins._imported)
    yield
    plugins._imported[:] = imported  # else ranks of the next would look for files that are gone
    for registry, objects in zip(registries, before, strict=True):
        registry._objects.clear()
        registry._objects.update(objects)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    """Training switches torch to deterministic algorithms for the whole process."""
    yield
    torch.use_deterministic_algorithms(False)


@pytest.fixture
def graphs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[torch.Size, ...]]]:
    """Lets torch.compile run each graph as it is, which takes no compiler; the shapes of the inputs of each graph."""
    made: list[tuple[torch.Size, ...]] = []

    def backend(graph: torch.fx.GraphModule, inputs: list[object]) -> object:
        made.append(tuple(given.shape for given in inputs if isinstance(given, torch.Tensor)))
        return graph.forward

    def compile_quickly(module: torch.nn.Module, *, dynamic: bool | None = None, options: object = None) -> None:
        module._compiled_call_impl = torch.compile(module._call_impl, dynamic=dynamic, backend=backend)

    monkeypatch.setattr(torch.nn.Module, "compile", compile_quickly)
    yield made
    torch.compiler.reset()


@pytest.fixture(scope="session")
def tiny_spec() -> RunSpec:
    """The tiny suite's run of an attention module."""
    from attnbench.suite import expand  # imports Lightning, for which most tests need not wait

    return expand(tiny_suite())[1]


@pytest.fixture(scope="session")
def tiny_record(tiny_spec: RunSpec) -> Record:
    """What it gives."""
    from attnbench.run import run_spec

    return run_spec(tiny_spec)
