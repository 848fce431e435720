"""The statistics of gates in a table's words."""

from collections.abc import Sequence

from attnbench.visualize.statistics import LayerStatistics, TensorStatistics

STATISTICS_HEADINGS = ("layer", "gate", "units", "mean", "sd", "spread", "closed", "open", "dead", "|r|", "distinct")
"""The columns of `statistics_rows`."""
STATISTICS_LEGEND = {
    "units": "groups of SGE, channels, or one map",
    "mean, sd": "of the gate over all units, positions and images",
    "spread": "standard deviation of the units' means",
    "closed, open": "share of values below 0.05 and above 0.95, or as set",
    "dead": "units whose gate is the same everywhere (sd below 0.001, or as set)",
    "|r|": "mean correlation of two units' gates, whatever its sign",
    "distinct": "so many uncorrelated units would be as varied",
}
"""What the columns mean."""
_NONE = "–"


def statistics_rows(layers: Sequence[LayerStatistics]) -> list[tuple[str, ...]]:
    """A row of text for each gate of each layer, under `STATISTICS_HEADINGS`.

    Args:
        layers: The statistics.
    """
    return [_row(layer.layer, tensor) for layer in layers for tensor in layer.tensors if tensor.gate is not None]


def _row(layer: str, tensor: TensorStatistics) -> tuple[str, ...]:
    gate = tensor.gate
    assert gate is not None
    agreement = gate.agreement
    return (
        layer or "the model",
        tensor.name,
        str(len(tensor.by_unit)),
        _number(tensor.moments.mean),
        _number(tensor.moments.sd),
        _number(tensor.spread),
        _percent(gate.closed_share),
        _percent(gate.open_share),
        str(len(gate.dead_units)),
        _NONE if agreement is None else f"{agreement.mean_correlation:.2f}",
        _NONE if agreement is None else f"{agreement.distinct_units:.1f}",
    )


def _number(value: float | None) -> str:
    return _NONE if value is None else f"{value:.3f}".replace("-", "−")


def _percent(share: float | None) -> str:
    return _NONE if share is None else f"{100 * share:.1f} %"
