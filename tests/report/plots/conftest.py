from collections.abc import Iterator

import pytest

from attnbench.report.plots.figure import plot_style


@pytest.fixture
def style() -> Iterator[None]:
    """Figures are drawn as the files are."""
    with plot_style():
        yield
