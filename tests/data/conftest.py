from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from attnbench.data import ImageData, build_data
from attnbench.spec import Recipe


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or writes the user's own cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("ATTNBENCH_CACHE", str(folder))
    return folder


@pytest.fixture
def build() -> Callable[..., ImageData]:
    def make(text: str, *, root: Path | None = None, seed: int = 0, **recipe: object) -> ImageData:
        return build_data(
            text,
            root=None if root is None else str(root),
            recipe=Recipe(**{"batch_size": 4, **recipe}),  # type: ignore[arg-type]
            seed=seed,
            device=torch.device("cpu"),
        )

    return make
