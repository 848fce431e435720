from tests.report.plots.conftest import style

__all__ = ["style"]
