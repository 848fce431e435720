"""`attnbench list`: what there is to choose from."""

import inspect
from collections.abc import Callable, Iterable
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from attnbench.presets import detection_preset_names, load_detection_suite, load_suite, preset_names
from attnbench.variant import settings_of


def list_names(
    kind: Literal["attention", "backbones", "detectors", "data", "presets"] | None = None,
    /,
    *,
    imports: Annotated[tuple[str, ...], Parameter(name="--import", negative=(), show_default=False)] = (),
) -> int:
    """List the attention modules, backbones, detectors, data sets and presets, with their settings.

    Parameters
    ----------
    kind
        What to list; everything by default.
    imports
        Python file or module to import first, which registers attention modules of your own; may be repeated.
    """
    from attnbench.plugins import import_plugins

    import_plugins(imports)
    tables: dict[str, Callable[[], Table]] = {
        "attention": _attention,
        "backbones": _backbones,
        "detectors": _detectors,
        "data": _data,
        "presets": _presets,
    }
    console = Console()
    for name, table in tables.items():
        if kind in (None, name):
            console.print(table())
    return 0


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        caption_justify="left",
        box=None,
        padding=(0, 2, 0, 0),
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _settings(constructor: Callable[..., object], reserved: tuple[str, ...]) -> str:
    return ", ".join(
        f"{name}={str(parameter.default).lower() if not isinstance(parameter.default, str) else parameter.default}"
        for name, parameter in settings_of(constructor, reserved=reserved).items()
    )


def _first_line(described: object) -> str:
    return (inspect.getdoc(described) or "").partition("\n")[0].rstrip(".")


def _attention() -> Table:
    from attnbench.attention import ATTENTION
    from attnbench.attention.registration import DEFAULT_TARGET, RESERVED, TARGETS

    table = _table("Attention modules", ("name", "placement", "settings", "what it is"))
    table.add_row("none", "", "", "the backbone as it is")
    for name in ATTENTION.names():
        entry = ATTENTION.get(name)
        settings = _settings(entry.module_class, RESERVED[entry.placement])
        table.add_row(name, entry.placement, settings, escape(_first_line(entry.module_class)))
    positions = ", ".join(target for target in TARGETS if target != "conv")
    table.caption = (
        f"\nblock and stage modules also take at=POSITION, one of {positions}; block is "
        f"at={DEFAULT_TARGET['block']} and stage at={DEFAULT_TARGET['stage']} by default. Every module takes stages, "
        "counted from 1: sge:at=post-conv2,stages=3,4."
    )
    return table


def _backbones() -> Table:
    from attnbench.models.backbones import RESERVED
    from attnbench.models.families import FAMILIES

    table = _table("Backbones", ("family", "", ""))
    for family in FAMILIES:
        table.add_row(family.name, "names", ", ".join(family.names()))
        table.add_row("", "settings", _settings(family.create, RESERVED) or "none")
        table.add_row("", "positions", ", ".join(target for target in family.targets if target != "conv"))
        table.add_row("", "conv modules", f"no, {family.refused['conv']}" if "conv" in family.refused else "yes")
        table.add_row()
    return table


def _detectors() -> Table:
    from attnbench.detection import DETECTORS
    from attnbench.detection.registration import RESERVED

    table = _table("Detectors", ("name", "masks", "settings", "what it is"))
    for name in DETECTORS.names():
        entry = DETECTORS.get(name)
        masks = "yes" if entry.has_masks else "no"
        table.add_row(name, masks, _settings(entry.create, RESERVED), escape(_first_line(entry.create)))
    return table


def _data() -> Table:
    from attnbench.data import DATA
    from attnbench.data.detection import DETECTION_DATA
    from attnbench.data.detection.registration import RESERVED as BESIDE
    from attnbench.data.registration import RESERVED

    table = _table("Data sets", ("name", "task", "settings", "what it is"))
    for name in DATA.names():
        table.add_row(name, "classification", _settings(DATA.get(name), RESERVED), escape(DATA.get(name).description))
    for name in DETECTION_DATA.names():
        of_detection = DETECTION_DATA.get(name)
        table.add_row(name, "detection", _settings(of_detection, BESIDE), escape(of_detection.description))
    return table


def _presets() -> Table:
    table = _table("Presets", ("name", "backbone", "data", "epochs", "seeds"))
    for name in preset_names():
        suite = load_suite(name)
        table.add_row(name, suite.backbone, suite.data, str(suite.recipe.epochs), str(len(suite.seeds)))
    for name in detection_preset_names():
        detectors = load_detection_suite(name)
        epochs, seeds = str(detectors.recipe.epochs), str(len(detectors.seeds))
        table.add_row(f"{name} (--task detection)", detectors.backbone, detectors.data, epochs, seeds)
    return table
