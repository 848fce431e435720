"""What `benchmarks/kernels` is to show, and whether its measurements do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Timed:
    """One form of a module or network, in one phase."""

    what: str
    """Name of the module, or ``network``."""
    stage: int
    """Stage whose maps it gets; 0 for a network."""
    layout: str
    """NCHW or NHWC."""
    phase: str
    """``forward``, ``training`` or ``backward``."""
    row: str
    """Which form."""
    ms: float
    """Median of the rounds."""
    speed: float
    """The baseline's time over this one's: the median of the rounds' ratios."""
    low: float
    high: float
    """Ends of its 95 % interval."""
    bandwidth_share: float | None
    """The bytes of as many passes as the phase needs at least, over time, over what a large copy moves."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """One target."""

    what: str
    """In words."""
    asked: str
    """The bound."""
    measured: str
    """The worst case, and where it was; empty where it was not tried."""
    verdict: str
    """``met``, ``missed``, or what it needs that is not here."""


def judged(settings: dict[str, Any], timed: list[Timed]) -> list[Target]:
    """Every target, in the order of the issue that set them."""
    on_gpu = settings["device"] == "cuda"

    def share(what: str, phase: str, stages: tuple[int, ...], least: float) -> Target:
        rows = [
            row for row in timed if (row.what, row.phase, row.row) == ("sge", phase, "fused") and row.stage in stages
        ]
        return _at_least(what, least, rows, lambda row: row.bandwidth_share or 0.0, missing=_NEEDS_GPU)

    def network(what: str, phase: str, form: str, least: float) -> Target:
        rows = [row for row in timed if (row.what, row.phase, row.row) == ("network", phase, form)]
        return _at_least(what, least, rows, lambda row: row.speed, missing=_NEEDS_GPU)

    def on_cpu(what: str, form: str, least: float) -> Target:
        rows = [row for row in timed if (row.what, row.phase, row.row) == ("sge", "training", form)]
        return _at_least(what, least, [] if on_gpu else rows, lambda row: row.speed, missing=_NEEDS_CPU)

    ended = "fused with addition and ReLU"
    return [
        share("fused SGE forward, bandwidth, stages 1 and 2", "forward", (1, 2), 0.80),
        share("fused SGE forward, bandwidth, stages 3 and 4", "forward", (3, 4), 0.70),
        share("fused SGE backward, bandwidth over 3 passes", "backward", (1, 2, 3, 4), 0.65),
        network("ResNet-50 with fused SGE over plain, training", "training", "fused", 0.93),
        network("the same with fused addition and ReLU, training", "training", ended, 0.97),
        network("ResNet-50 with fused SGE over plain, inference", "forward", "fused", 0.93),
        network("the same with fused addition and ReLU, inference", "forward", ended, 1.0),
        on_cpu("SGE over the authors' code on a CPU, both passes, eager", "eager", 1.0),
        on_cpu("the same, compiled module by module", "eager, compiled", 2.5),
        *(_kept(settings["kept"], form, most) for form, most in (("fused", 1.01), ("eager", 1.5))),
    ]


_NEEDS_GPU = "needs a GPU"
_NEEDS_CPU = "needs a CPU"


def _at_least(what: str, least: float, rows: list[Timed], value: Callable[[Timed], float], *, missing: str) -> Target:
    """Whether the worst of some rows reaches a bound."""
    asked = f"≥ {least:.2f}"
    if not rows:
        return Target(what=what, asked=asked, measured="", verdict=missing)
    worst = min(rows, key=value)
    where = f" (stage {worst.stage}, {worst.layout})" if worst.stage else ""
    verdict = "met" if value(worst) >= least else "missed"
    return Target(what=what, asked=asked, measured=f"{value(worst):.2f}{where}", verdict=verdict)


def _kept(kept: dict[str, dict[str, float]], form: str, most: float) -> Target:
    stage, worst = max(kept[form].items(), key=lambda item: item[1])
    return Target(
        what=f"bytes that {form} SGE keeps over those of its map",
        asked=f"≤ {most:.2f}",
        measured=f"{worst:.2f} (stage {stage})",
        verdict="met" if worst <= most else "missed",
    )
