"""Points of accuracy against cost, and those of them that no other beats."""

from collections.abc import Sequence
from dataclasses import dataclass

from attnbench.stats import Interval


@dataclass(frozen=True, kw_only=True)
class ParetoPoint:
    """One variant."""

    variant: str
    """Variant as in the spec, with ``@`` and the start of the plugin's hash where two contents share a name."""
    is_baseline: bool
    """Whether the others are compared with it."""
    cost: float
    """What accuracy stands against, as measured: a time or a ratio of times, parameters, or operations."""
    quartiles: tuple[float, float] | None
    """Between them lies half of what was timed; none for what is counted."""
    percent: Interval
    """What the cost buys: top-1 accuracy on the test split, over seeds, or AP."""


def pareto_front(points: Sequence[ParetoPoint]) -> list[ParetoPoint]:
    """The points that no other beats: none is as cheap and more accurate, or as accurate and cheaper.

    By medians and means, whatever their uncertainty. Points of equal cost and accuracy beat the others together.

    Returns:
        The front, the cheapest first.
    """

    def beats(other: ParetoPoint, point: ParetoPoint) -> bool:
        own, others = (point.cost, -point.percent.mean), (other.cost, -other.percent.mean)
        return others != own and others[0] <= own[0] and others[1] <= own[1]

    front = [point for point in points if not any(beats(other, point) for other in points)]
    return sorted(front, key=lambda point: (point.cost, point.variant))
