from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from attnbench.efficiency_record import EfficiencyRecord
from attnbench.efficiency_spec import Conditions, spec_digest
from attnbench.errors import SpecError
from attnbench.record import Record
from attnbench.report.front import ParetoPoint, pareto_front
from attnbench.report.plots.pareto import COSTS, Cost, pareto_points
from attnbench.spec import PluginFile, Recipe
from attnbench.stats import Interval, t_interval
from tests.efficiency_records import make_counts, make_row, make_timing
from tests.records import make_record

BACKBONE = "resnet50"
OLD, NEW = (PluginFile(path="gate.py", sha256=letter * 64) for letter in "ab")


def run(attention: str, seed: int = 0, top1: float = 85.0, **fields: Any) -> Record:
    return make_record(attention, seed, top1, **{"backbone": BACKBONE, **fields})


def row(attention: str, ms: float = 10.0, **fields: Any) -> EfficiencyRecord:
    timings = (make_timing("inference", [ms, 2 * ms, 3 * ms, 4 * ms]), make_timing("latency", [ms / 4] * 3))
    return make_row(attention, *timings, **{"counts": make_counts(), **fields})


def point(cost: float, percent: float, variant: str = "") -> ParetoPoint:
    return ParetoPoint(
        variant=variant or f"{cost:g} {percent:g}",
        is_baseline=False,
        cost=cost,
        quartiles=None,
        percent=Interval(percent, None, 1, 0.95),
    )


def costs_and_accuracies(points: list[ParetoPoint]) -> list[tuple[float, float]]:
    return [(point.cost, point.percent.mean) for point in points]


def test_a_point_is_the_median_with_quartiles_and_the_mean_with_its_interval() -> None:
    runs = [run("sge", 0, 85.0), run("sge", 1, 86.0), run("sge", 2, 86.5), run("none", 0, 84.0)]
    result = pareto_points([row("sge", 12.0), row("none", 10.0)], runs, cost="inference")
    none, sge = result.points
    assert (none.variant, none.is_baseline, none.cost, none.quartiles) == ("none", True, 25.0, (17.5, 32.5))
    assert (sge.variant, sge.is_baseline, sge.cost, sge.quartiles) == ("sge", False, 30.0, (21.0, 39.0))
    assert sge.percent == t_interval([85.0, 86.0, 86.5])
    assert none.percent == Interval(84.0, None, 1, 0.95)
    assert (result.cost, result.batch_size, result.num_sessions, result.left_out) == ("inference", 8, 1, ())


@pytest.mark.parametrize(
    ("cost", "value", "batch_size"),
    [
        ("latency", 2.5, 1),
        ("inference", 25.0, 8),
        ("params", 25_557_032, None),
        ("full", 4_100_000_000, None),
        ("fvcore", 4_000_000_000, None),
        ("published", 4_050_000_000, None),
    ],
)
def test_every_cost(cost: Cost, value: float, batch_size: int | None) -> None:
    result = pareto_points([row("sge")], [run("sge")], cost=cost)
    assert (result.points[0].cost, result.batch_size) == (value, batch_size)
    assert (result.points[0].quartiles is None) == (batch_size is None)


def test_latency_is_the_cost_unless_another_is_asked_for() -> None:
    assert pareto_points([row("sge")], [run("sge")]).cost == "latency"
    with pytest.raises(SpecError, match=r"cost must be one of latency, .*, published; got 'money'"):
        pareto_points([row("sge")], [run("sge")], cost="money")  # type: ignore[arg-type]


def test_points_stand_by_cost_then_accuracy_whatever_the_order_of_records() -> None:
    rows = [row("c", 10.0), row("a", 10.0), row("b", 9.0)]
    runs = [run("a", 0, 80.0), run("c", 0, 81.0), run("b", 0, 70.0)]
    result = pareto_points(rows, runs)
    assert [point.variant for point in result.points] == ["b", "c", "a"]
    assert pareto_points([*rows[::-1], *rows], [*runs[::-1], *runs]).points == result.points


def test_variants_without_one_of_the_two_are_named() -> None:
    failed = make_row("se", counts=make_counts(), errors={"latency": "RuntimeError: no\n luck"})
    rows = [row("sge"), row("sk"), failed]
    result = pareto_points(rows, [run("sge"), run("se"), run("ge:extent=8,parametric=false")])
    assert [point.variant for point in result.points] == ["sge"]
    assert result.left_out == (
        "ge:extent=8,parametric=false has an accuracy and no cost (latency).",
        "se has an accuracy and no cost (latency); in latency it failed: RuntimeError: no luck.",
        "sk has a row and no accuracy.",
    )
    assert [point.variant for point in pareto_points(rows, [run("se"), run("sge")], cost="full").points] == [
        "se",
        "sge",
    ]


def test_no_variant_with_both_is_an_error_that_says_why() -> None:
    with pytest.raises(
        SpecError, match=r"no variant has .* \(latency\) in resnet50: se has an accuracy .* sk has a row"
    ):
        pareto_points([row("sk")], [run("se")])
    with pytest.raises(SpecError, match=r"no cost \(training\)"):
        pareto_points([row("sk")], [run("sk")], cost="training")


def test_an_edited_plugin_is_another_network() -> None:
    result = pareto_points([row("gate", plugin=OLD), row("none")], [run("gate", plugin=NEW), run("none")])
    assert [point.variant for point in result.points] == ["none"]
    assert result.left_out == (
        "gate has a row and no accuracy of this content of the user's file.",
        "gate has an accuracy and no cost (latency) of this content of the user's file.",
    )
    both = [row("gate", 8.0, plugin=OLD, session="1"), row("gate", 9.0, plugin=NEW, session="2")]
    result = pareto_points(both, [run("gate", plugin=NEW), run("gate", plugin=OLD)])
    assert [point.variant for point in result.points] == ["gate@aaaaaaaa", "gate@bbbbbbbb"]
    moved = replace(OLD, path="elsewhere/gate.py")
    assert pareto_points(both[:1], [run("gate", plugin=moved)]).points[0].variant == "gate"


def test_only_one_backbone_is_plotted_and_others_are_not_mixed_in() -> None:
    other = run("sge", 0, 10.0, backbone="resnet18")
    result = pareto_points([row("sge"), row("se", backbone="resnet34")], [run("sge"), other])
    assert [(point.variant, point.percent.mean) for point in result.points] == [("sge", 85.0)]
    with pytest.raises(SpecError, match="accuracies of resnet18, and costs of resnet50"):
        pareto_points([row("sge")], [other])
    with pytest.raises(SpecError, match="accuracies of none, and costs of resnet50"):
        pareto_points([row("sge")], [])
    with pytest.raises(SpecError, match="one backbone; got several: resnet18, resnet50"):
        pareto_points([row("sge"), row("sge", backbone="resnet18")], [run("sge"), other])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"data": "cluttered-digits"}, "data cluttered-digits; data fashion-mnist"),
        ({"recipe": Recipe(epochs=60)}, "epochs 6; epochs 60"),
        ({"recipe": Recipe(label_smoothing=0.1)}, r"label_smoothing 0\.0; label_smoothing 0\.1"),
    ],
)
def test_several_data_sets_or_recipes_are_for_the_caller_to_choose(change: dict[str, Any], named: str) -> None:
    with pytest.raises(SpecError, match=f"accuracies of one kind; got 2 of them, choose one: .*{named}"):
        pareto_points([row("sge")], [run("sge"), run("se", **change)])


def conditions(**fields: Any) -> dict[str, Any]:
    return {"conditions": Conditions(**{"batch_size": 8, "device": "cpu", "threads": 1, **fields})}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (conditions(mode="compiled"), "mode compiled; mode eager"),
        (conditions(layout="channels_last"), "layout channels_last; layout nchw"),
        (conditions(precision="bfloat16"), "precision bfloat16; precision float32"),
        ({"device": "Example GPU"}, "device Example GPU; device cpu"),
        ({"processor": "Other"}, "processor Example CPU 3000; processor Other"),
        ({"threads": 4}, "threads 1; threads 4"),
    ],
)
def test_times_under_several_conditions_are_for_the_caller_to_choose(change: dict[str, Any], named: str) -> None:
    rows = [row("sge"), row("se", session="t", **change)]
    with pytest.raises(SpecError, match=f"costs of one kind; got 2 of them, choose one: {named}"):
        pareto_points(rows, [run("sge"), run("se")])
    assert len(pareto_points(rows, [run("sge"), run("se")], cost="params").points) == 2


def test_another_batch_or_image_is_another_cost() -> None:
    smaller = make_row("se", make_timing("inference", [1.0] * 3, batch_size=4))
    with pytest.raises(SpecError, match="choose one: batch 4; batch 8"):
        pareto_points([row("sge"), smaller], [run("sge")], cost="inference")
    spec = replace(row("se").spec, image_shape=(3, 192, 192))
    other = replace(row("se"), spec=spec, digest=spec_digest(spec, "s"))
    for cost in COSTS[:2] + COSTS[3:]:
        with pytest.raises(SpecError, match="choose one: image 3×192×192; image 3×224×224"):
            pareto_points([row("sge"), other], [run("sge")], cost=cost)


def test_the_latest_of_several_sessions_counts() -> None:
    old = row("sge", 90.0, session="zz", started_at="2029-01-01T00:00:00+00:00")
    new, beside = row("sge", 10.0, session="aa"), row("se", 11.0, session="bb")
    for rows in ([old, new, beside], [beside, new, old]):
        result = pareto_points(rows, [run("sge"), run("se")], cost="inference")
        assert [point.cost for point in result.points] == [25.0, 27.5]
        assert result.num_sessions == 2
    assert pareto_points([old, new], [run("sge")]).num_sessions == 1


def test_a_seed_counts_once_though_its_speed_was_measured_against_two_baselines() -> None:
    again = run("sge", 0, 86.0, baseline="se", started_at="2030-01-02T00:00:00+00:00")
    for runs in ([run("sge", 0, 85.0), again], [again, run("sge", 0, 85.0)]):
        assert pareto_points([row("sge")], runs).points[0].percent == Interval(86.0, None, 1, 0.95)


def test_the_front_has_what_nothing_beats() -> None:
    points = [point(3, 90), point(1, 80), point(2, 79), point(2, 85), point(4, 89), point(5, 91)]
    assert costs_and_accuracies(pareto_front(points)) == [(1, 80), (2, 85), (3, 90), (5, 91)]
    assert pareto_front([]) == []


def test_ties_of_both_are_kept_and_ties_of_one_are_not() -> None:
    points = [point(1, 80, "b"), point(1, 80, "a"), point(1, 79), point(2, 80), point(2, 81)]
    assert [point.variant for point in pareto_front(points)] == ["a", "b", "2 81"]


def test_the_front_of_random_points_is_what_its_definition_says() -> None:
    generator = np.random.default_rng(0)
    for _ in range(50):
        points = [point(*map(float, pair)) for pair in generator.integers(0, 6, size=(12, 2))]
        front = pareto_front(points)
        assert all(
            (other.cost > one.cost or other.percent.mean < one.percent.mean)
            or (other.cost, other.percent.mean) == (one.cost, one.percent.mean)
            for one, other in product(front, points)
        )
        beaten = [one for one in points if one not in front]
        assert all(
            any(
                other.cost <= one.cost
                and other.percent.mean >= one.percent.mean
                and (other.cost, other.percent.mean) != (one.cost, one.percent.mean)
                for other in front
            )
            for one in beaten
        )
