"""Where in a model its operations are: one line a module, each operation once."""

from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from attnbench.efficiency_record import CONVENTIONS, Convention, EfficiencyRecord
from attnbench.errors import SpecError
from attnbench.report.text import shown


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One module, without its children."""

    name: str
    """Qualified name; "" is the model itself."""
    own: dict[Convention, int]
    """Operations of one image that the module runs and none of its children does."""


def layers(record: EfficiencyRecord) -> list[Layer]:
    """The modules that run operations themselves, in the model's order; their sums are the model's totals.

    Raises:
        SpecError: If the record's row was not counted.
    """
    if record.counts is None:
        raise SpecError(f"{record.spec.attention} was not counted, so that there are no layers to show")
    own = {convention: _own(record.counts.flops[convention].by_module) for convention in CONVENTIONS}
    names = list(dict.fromkeys(name for counts in own.values() for name in counts))
    counted = [
        Layer(name=name, own={convention: own[convention].get(name, 0) for convention in CONVENTIONS}) for name in names
    ]
    return [layer for layer in counted if any(layer.own.values())]


def render_layers(record: EfficiencyRecord) -> RenderableType:
    """The layers of a row for rich's `Console.print`."""
    return _Rendering(record)


@dataclass(frozen=True)
class _Rendering:
    record: EfficiencyRecord

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        found, spec = layers(self.record), self.record.spec
        totals = {convention: sum(layer.own[convention] for layer in found) for convention in CONVENTIONS}
        yield shown(f"Layers of {spec.attention} in {spec.backbone}", options.ascii_only, "bold")
        yield shown("Million FLOPs of one image, of each module without its children.", options.ascii_only)
        yield Text()
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_footer=True)
        table.add_column("module", footer="total", overflow="fold")
        for convention in CONVENTIONS:
            table.add_column(convention, footer=_millions(totals[convention]), justify="right")
        table.add_column("% of full", footer="100.00", justify="right")
        for layer in found:
            share = 100 * layer.own["full"] / totals["full"] if totals["full"] else 0.0
            cells = [layer.name or "(the model)", *(_millions(layer.own[name]) for name in CONVENTIONS), f"{share:.2f}"]
            table.add_row(*(shown(cell, options.ascii_only) for cell in cells))
        yield table


def _own(by_module: dict[str, int]) -> dict[str, int]:
    own = dict(by_module)
    for name, count in by_module.items():
        if name:
            own[_parent(name, by_module)] -= count
    return own


def _parent(name: str, by_module: dict[str, int]) -> str:
    """The nearest module around it that was counted."""
    while name:
        name = name.rpartition(".")[0]
        if name in by_module:
            return name
    return ""


def _millions(count: int) -> str:
    return f"{count / 1e6:,.3f}"
