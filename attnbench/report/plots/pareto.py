"""Accuracy against cost: run records and efficiency records of one network, raw numbers, nothing rounded."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, TypeAlias, TypeVar, get_args

import numpy as np

from attnbench.efficiency_record import EfficiencyRecord, PhaseTiming
from attnbench.efficiency_spec import PHASES, RowSpec
from attnbench.errors import SpecError
from attnbench.record import Record
from attnbench.report.front import ParetoPoint
from attnbench.spec import RunSpec
from attnbench.stats import t_interval

Cost: TypeAlias = Literal["latency", "inference", "training", "params", "full", "fvcore", "published"]
"""What accuracy stands against: milliseconds of a phase, parameters, or operations in a convention."""

COSTS: tuple[Cost, ...] = get_args(Cost)
"""Every cost."""

_R = TypeVar("_R", EfficiencyRecord, Record)
_Network: TypeAlias = tuple[str, str]
"""A variant, and the hash of the user's file that registers it."""


@dataclass(frozen=True, kw_only=True)
class ParetoPoints:
    """The variants that have an accuracy and a cost, and what they have in common."""

    points: tuple[ParetoPoint, ...]
    """The variants, the cheapest first."""
    cost: Cost
    """What accuracy stands against."""
    batch_size: int | None
    """Images of a step, as measured; none for what is counted."""
    num_sessions: int
    """Sessions in which the costs were measured."""
    measured: EfficiencyRecord
    """A record that stands for the conditions of the costs."""
    trained: Record
    """A record that stands for the data and the recipe of the accuracies."""
    left_out: tuple[str, ...]
    """A sentence for each variant that lacks one of the two."""


def pareto_points(
    efficiency_records: Sequence[EfficiencyRecord], run_records: Sequence[Record], *, cost: Cost = "latency"
) -> ParetoPoints:
    """Put the accuracy of each variant beside its cost.

    Backbone and variant must be the same in both, and so must the content of a user's file. Image and classes
    may differ. Of several records of one variant and session, or one seed, the latest counts.

    Args:
        efficiency_records: What is measured of cost, in one backbone and under one set of conditions.
        run_records: Runs, on one data set and by one recipe.
        cost: What accuracy stands against.

    Raises:
        SpecError: If there is no such cost, the records are of several networks, conditions, data sets or
            recipes, or no variant has both.
    """
    if cost not in COSTS:
        raise SpecError(f"cost must be one of {', '.join(COSTS)}; got {cost!r}")
    backbone = _shared_backbone(efficiency_records, run_records)
    rows = [record for record in efficiency_records if record.spec.backbone == backbone]
    runs = _one_group("accuracies", [record for record in run_records if record.spec.backbone == backbone], _recipe)
    priced = _one_group("costs", [row for row in rows if _cost(row, cost)], lambda row: _conditions(row, cost))
    measured = {_network(row.spec): row for row in sorted(priced, key=lambda row: (row.started_at, row.session))}
    accuracies = _accuracies(runs)
    shared = sorted(measured.keys() & accuracies.keys())
    left_out = _left_out(rows, measured, accuracies, cost)
    if not shared:
        raise SpecError(f"no variant has an accuracy and a cost ({cost}) in {backbone}: {' '.join(left_out)}")
    names = Counter(attention for attention, _ in shared)
    points = [_point(network, names, measured[network], accuracies[network], cost) for network in shared]
    first = measured[shared[0]]
    timing = _timing(first, cost)
    return ParetoPoints(
        points=tuple(sorted(points, key=lambda point: (point.cost, -point.percent.mean, point.variant))),
        cost=cost,
        batch_size=timing.batch_size if timing else None,
        num_sessions=len({measured[network].session for network in shared}),
        measured=first,
        trained=runs[0],
        left_out=tuple(left_out),
    )


def _shared_backbone(rows: Sequence[EfficiencyRecord], runs: Sequence[Record]) -> str:
    priced, trained = {row.spec.backbone for row in rows}, {run.spec.backbone for run in runs}
    if not priced & trained:
        raise SpecError(
            "accuracy and cost must be of one backbone; got accuracies of "
            f"{', '.join(sorted(trained)) or 'none'}, and costs of {', '.join(sorted(priced)) or 'none'}"
        )
    if len(priced & trained) > 1:
        raise SpecError(f"a plot needs records of one backbone; got several: {', '.join(sorted(priced & trained))}")
    return (priced & trained).pop()


def _one_group(what: str, records: Sequence[_R], describe: Callable[[_R], Mapping[str, object]]) -> list[_R]:
    """The records, each digest once, if they are described alike.

    Raises:
        SpecError: If they are not; it names what differs.
    """
    unique = list({record.digest: record for record in records}.values())
    described = [describe(record) for record in unique]
    differing = [name for name in described[0] if len({repr(known[name]) for known in described}) > 1] if unique else []
    groups = sorted({", ".join(f"{name} {known[name]}" for name in differing) for known in described})
    if len(groups) > 1:
        raise SpecError(f"a plot needs {what} of one kind; got {len(groups)} of them, choose one: {'; '.join(groups)}")
    return unique


def _recipe(run: Record) -> dict[str, object]:
    """What runs must share for their accuracies to be compared."""
    return {"data": run.spec.data, **asdict(run.spec.recipe), **asdict(run.spec.compute)}


def _conditions(row: EfficiencyRecord, cost: Cost) -> dict[str, object]:
    """What rows must share for their costs to be compared."""
    spec, environment, timing = row.spec, row.environment, _timing(row, cost)
    shared: dict[str, object] = {"image": "×".join(map(str, spec.image_shape)), "classes": spec.num_classes}
    if timing is None:
        return shared
    conditions = spec.conditions
    return shared | {
        "batch": timing.batch_size,
        "mode": conditions.mode,
        "layout": conditions.layout,
        "precision": conditions.precision,
        "device": environment.device,
        "processor": environment.processor,
        "threads": environment.threads,
        "torch": environment.packages.get("torch", "unknown"),
    }


def _network(spec: RunSpec | RowSpec) -> _Network:
    return spec.attention, spec.plugin.sha256 if spec.plugin else ""


def _timing(row: EfficiencyRecord, cost: Cost) -> PhaseTiming | None:
    return next((timing for timing in row.timings if timing.phase == cost), None)


def _cost(row: EfficiencyRecord, cost: Cost) -> float | None:
    """Median milliseconds or a count; none where the row has it not."""
    timing = _timing(row, cost)
    if timing is not None:
        return float(np.median(timing.ms))
    if cost in PHASES or row.counts is None:
        return None
    counted: dict[str, int] = {convention: count.total for convention, count in row.counts.flops.items()}
    counted["params"] = row.counts.parameters
    return counted[cost]


def _accuracies(runs: Sequence[Record]) -> dict[_Network, list[float]]:
    """Top-1 of each network, one number a seed."""
    seeds: dict[_Network, dict[int, float]] = defaultdict(dict)
    for run in sorted(runs, key=lambda run: run.timing.started_at):
        seeds[_network(run.spec)][run.spec.seed] = run.values.test_top1_percent
    return {network: list(percents.values()) for network, percents in seeds.items()}


def _point(
    network: _Network, names: Mapping[str, int], row: EfficiencyRecord, percents: Sequence[float], cost: Cost
) -> ParetoPoint:
    attention, content = network
    value, timing = _cost(row, cost), _timing(row, cost)
    assert value is not None, "rows without the cost are left out"
    lower, upper = np.percentile(timing.ms, [25, 75]) if timing else (0.0, 0.0)
    return ParetoPoint(
        variant=f"{attention}@{content[:8]}" if names[attention] > 1 and content else attention,
        is_baseline=attention == row.spec.baseline,
        cost=value,
        quartiles=(float(lower), float(upper)) if timing else None,
        percent=t_interval(percents),
    )


def _left_out(
    rows: Sequence[EfficiencyRecord],
    measured: Mapping[_Network, EfficiencyRecord],
    accuracies: Mapping[_Network, object],
    cost: Cost,
) -> list[str]:
    """A sentence for each network that lacks an accuracy or the cost."""
    known = {_network(row.spec): row for row in rows}
    sentences = []
    for network in sorted({*known, *accuracies}):
        attention = network[0]
        edited = any(other[0] == attention and other != network for other in {*known, *accuracies})
        other = " of this content of the user's file" if edited else ""
        if network not in accuracies:
            sentences.append(f"{attention} has a row and no accuracy{other}.")
        elif network not in measured:
            errors = known[network].errors.items() if network in known else ()
            why = "".join(f"; in {stage} it failed: {' '.join(text.split())}" for stage, text in errors)
            sentences.append(f"{attention} has an accuracy and no cost ({cost}){other}{why}.")
    return sentences
