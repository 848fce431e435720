from dataclasses import replace
from typing import Any

import pytest

from attnbench.efficiency_spec import Conditions
from attnbench.record import Record
from attnbench.report.plots.pareto import Cost, ParetoPoints, pareto_points
from attnbench.report.plots.pareto_notes import accuracy_label, cost_label, pareto_caption, pareto_title
from attnbench.spec import Recipe
from tests.efficiency_records import make_counts, make_row, make_timing
from tests.records import make_record


def run(attention: str, seed: int, **fields: Any) -> Record:
    return make_record(attention, seed, 80.0 + seed, backbone="resnet50", recipe=Recipe(epochs=60), **fields)


def points_of(cost: Cost = "inference", *, seeds: tuple[int, int] = (3, 3), **fields: Any) -> ParetoPoints:
    """Two variants, with so many seeds each."""
    rows = [
        make_row(
            name,
            *(make_timing(phase, [10.0] * 3) for phase in ("latency", "inference", "training")),
            **{"counts": make_counts(), **fields},
        )
        for name in ("none", "sge")
    ]
    runs = [run(name, seed) for name, count in zip(("none", "sge"), seeds, strict=True) for seed in range(count)]
    return pareto_points(rows, runs, cost=cost)


def caption(points: ParetoPoints, *, has_cut_bars: bool = False) -> str:
    return " ".join(pareto_caption(points, has_cut_bars=has_cut_bars))


@pytest.mark.parametrize(
    ("cost", "counts", "label", "size"),
    [
        ("latency", {}, "latency of one image (ms), median", 1),
        ("inference", {}, "forward pass of 8 images (ms), median", 1),
        ("training", {}, "training step of 8 images (ms), median", 1),
        ("params", {}, "parameters (millions)", 1e6),
        ("params", {"parameters": 999_999}, "parameters (thousands)", 1e3),
        ("full", {}, "operations of one image (GFLOPs, full)", 1e9),
        ("fvcore", {"fvcore": 999_000_000}, "operations of one image (MFLOPs, fvcore)", 1e6),
    ],
)
def test_axes(cost: Cost, counts: dict[str, int], label: str, size: float) -> None:
    points = points_of(cost, counts=make_counts(**counts))
    assert cost_label(points) == (label, size)
    assert accuracy_label(points.points) == "top-1 accuracy (%), mean over 3 seeds"
    assert pareto_title(points) == "resnet50 on fashion-mnist"


def test_caption_of_times() -> None:
    gpu = Conditions(batch_size=16, device="cuda", threads=1, precision="float16", layout="channels_last")
    text = caption(points_of(conditions=gpu, device="Example GPU", threads=4))
    assert text == (
        "Cost: Example GPU, 4 threads, batch 8, float16, eager, channels last (NHWC), images of 3×224×224; "
        "bars are quartiles of steps. "
        "Accuracy: 60 epochs at batch 128, 3 seeds; bars are 95 % intervals (Student's t) over seeds. "
        "The accuracies are of images of 1×28×28 and 10 classes, which are not those of the cost. "
        "Filled markers and the line are the Pareto front: by medians and means, whatever the bars say, no other is as "
        "cheap and more accurate, or as accurate and cheaper."
    )
    assert caption(points_of()).startswith("Cost: Example CPU 3000, 1 thread, batch 8, float32, eager, NCHW, images")
    assert "batch 1, " in caption(points_of("latency"))


def test_caption_of_counts_names_no_machine() -> None:
    assert caption(points_of("params")).startswith("Cost: trainable parameters with 1,000 classes. Accuracy: ")
    text = caption(points_of("published"))
    assert text.startswith("Cost: an image of 3×224×224, 1,000 classes; a multiply-accumulate counts once. Accuracy: ")
    assert "CPU" not in text


def test_caption_of_seeds() -> None:
    assert "3 seeds; bars are 95 % intervals (Student's t) over seeds; bars that reach the edge go on beyond it." in (
        caption(points_of(), has_cut_bars=True)
    )
    one = points_of(seeds=(1, 1))
    assert "batch 128, 1 seed. " in caption(one)
    assert accuracy_label(one.points) == "top-1 accuracy (%), 1 seed"
    several = points_of(seeds=(1, 3))
    assert "batch 128, 1 to 3 seeds; bars are 95 %" in caption(several)
    assert accuracy_label(several.points) == "top-1 accuracy (%), mean over 1 to 3 seeds"


def test_caption_of_several_sessions() -> None:
    rows = [make_row(name, make_timing("inference", [1.0]), session=name) for name in ("none", "sge")]
    text = caption(pareto_points(rows, [run("none", 0), run("sge", 0)], cost="inference"))
    assert "images of 3×224×224, measured in 2 sessions; bars are" in text
    assert "sessions" not in caption(points_of())


def test_caption_says_only_what_differs_between_the_networks() -> None:
    points = points_of()
    same = replace(points.trained.values, image_shape=(3, 224, 224), num_classes=1000)
    equal = replace(points, trained=replace(points.trained, values=same))
    assert "The accuracies are of" not in caption(equal)
    other = replace(points, trained=replace(points.trained, values=replace(same, num_classes=10)))
    assert "The accuracies are of 10 classes, which are not those of the cost. " in caption(other)
    other = replace(points, trained=replace(points.trained, values=replace(same, image_shape=(3, 32, 32))))
    assert "The accuracies are of images of 3×32×32, which are not those of the cost. " in caption(other)
