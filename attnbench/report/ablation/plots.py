"""The figure of an ablation as files. It needs matplotlib, which is imported when it is drawn."""

from collections.abc import Sequence
from pathlib import Path

from attnbench.report.ablation.ablation import Ablation
from attnbench.report.ablation.group_figure import draw_group_figure
from attnbench.report.ablation.setting_figure import draw_setting_figure
from attnbench.report.plots.board_plots import FORMATS
from attnbench.report.plots.figure import save_figure


def save_ablation_figure(ablation: Ablation, folder: Path, *, formats: Sequence[str] = FORMATS) -> tuple[Path, ...]:
    """Draw an ablation into a folder, which is made if need be; files of the same names are replaced.

    Equal ablations give equal files.

    Args:
        ablation: What is drawn.
        folder: Where the files go.
        formats: What they are written as: ``png``, ``svg`` or ``pdf``.

    Raises:
        SpecError: If there is no such format.
        MissingDependencyError: If matplotlib is not installed.
        StoreError: If a file cannot be written.
    """
    draw = draw_group_figure if ablation.design.kind == "groups" else draw_setting_figure
    files = tuple(folder / f"ablation-{ablation.design.kind}.{suffix}" for suffix in dict.fromkeys(formats))
    save_figure(lambda: draw(ablation), files)
    return files
