"""Synthetic records: every field filled, the digest that of the spec, the numbers chosen by the test."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnbench.packed import PackedBits, PackedIntegers
from attnbench.record import SCHEMA, Environment, Epoch, Record, Timing, Values
from attnbench.spec import PluginFile, Recipe, RunSpec, digest

NUM_TEST_IMAGES = 10_000

ENVIRONMENT = Environment(
    attnbench="0.1.0",
    git_revision="0123456789ab",
    python="3.11.9",
    packages={"numpy": "2.0.0", "torch": "2.11.0"},
    platform="Linux x86_64",
    processor="Example CPU 3000",
    device="cpu",
    precision="float32",
    threads=1,
)


def make_record(
    attention: str = "sge",
    seed: int = 0,
    top1: float = 85.0,
    *,
    baseline: str = "none",
    backbone: str = "cifar-resnet:depth=20",
    data: str = "fashion-mnist",
    recipe: Recipe | None = None,
    parameters: int = 272_000,
    macs: int = 41_000_000,
    uncounted_operators: dict[str, int] | None = None,
    num_replaced: int = 0,
    forward_ms: tuple[float, ...] = (10.0, 10.0, 10.0),
    baseline_forward_ms: tuple[float, ...] = (10.0, 9.0, 8.0),
    train_s: float = 100.0,
    plugin: PluginFile | None = None,
    data_plugin: PluginFile | None = None,
    started_at: str = "2030-01-01T00:00:00+00:00",
    correct: NDArray[np.bool_] | None = None,
    sources: NDArray[np.int64] | None = None,
    **environment: Any,
) -> Record:
    """A record whose top-1 accuracy, cost and timings are given; further keywords change its environment.

    The first images are the ones classified correctly, unless `correct` says which.
    """
    if correct is None:
        correct = np.arange(NUM_TEST_IMAGES) < round(top1 / 100 * NUM_TEST_IMAGES)
    else:
        top1 = 100 * float(correct.mean())
    recipe = recipe or Recipe(epochs=6)
    spec = RunSpec(
        attention=attention,
        backbone=backbone,
        data=data,
        baseline=baseline,
        recipe=recipe,
        seed=seed,
        plugin=plugin,
        data_plugin=data_plugin,
    )
    return Record(
        schema=SCHEMA,
        digest=digest(spec),
        spec=spec,
        environment=replace(ENVIRONMENT, **environment),
        curve=tuple(
            Epoch(
                epoch=epoch,
                learning_rate=0.1 / epoch,
                train_loss=2.0 / epoch,
                validation_loss=2.1 / epoch,
                validation_top1_percent=top1 * epoch / recipe.epochs,
                validation_top5_percent=100.0,
            )
            for epoch in range(1, recipe.epochs + 1)
        ),
        values=Values(
            selected_epoch=recipe.epochs,
            test_loss=0.5,
            test_top1_percent=top1,
            test_top5_percent=99.0,
            num_train_images=54_000,
            num_validation_images=6_000,
            num_test_images=len(correct),
            num_classes=10,
            image_shape=(1, 28, 28),
            parameters=parameters,
            macs=macs,
            uncounted_operators={"aten::add": 9} if uncounted_operators is None else uncounted_operators,
            num_replaced=num_replaced,
        ),
        test_correct=PackedBits.pack(correct),
        test_sources=None if sources is None else PackedIntegers.pack(sources),
        timing=Timing(
            started_at=started_at,
            wall_s=train_s + 5.0,
            train_s=train_s,
            throughput_batch_size=64,
            forward_ms=forward_ms,
            baseline_forward_ms=baseline_forward_ms,
        ),
    )
