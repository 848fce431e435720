from collections.abc import Iterator

import pytest
import torch

from attnbench.attention import ATTENTION


@pytest.fixture(autouse=True, scope="session")
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what data sets cache out of the user's folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ATTNBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _registry_as_it_was() -> Iterator[None]:
    """A module that one test registers is not there for the next, whatever their order."""
    before = dict(ATTENTION._objects)
    yield
    ATTENTION._objects.clear()
    ATTENTION._objects.update(before)


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    """Training switches torch to deterministic algorithms for the whole process."""
    yield
    torch.use_deterministic_algorithms(False)
