import os
import uuid
from pathlib import Path

import pytest

from attnbench.tune.storage import sqlite_url

POSTGRESQL = "ATTNBENCH_TEST_POSTGRESQL"
"""Environment variable: the URL of a PostgreSQL database whose user may make tables."""
EXPECTED = "ATTNBENCH_EXPECT_POSTGRESQL"
"""Environment variable: set where that URL must be."""


@pytest.fixture(params=["sqlite", "postgresql"])
def storage_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A storage of each kind; other tests may have studies in it."""
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "study.db")
    url = os.environ.get(POSTGRESQL)
    if url is None:
        assert EXPECTED not in os.environ, f"{EXPECTED} is set, and {POSTGRESQL} is not"
        pytest.skip(f"{POSTGRESQL} names no database")
    return url


@pytest.fixture
def study_name() -> str:
    """A name that no other study of the storage has."""
    return f"test-{uuid.uuid4().hex[:12]}"
