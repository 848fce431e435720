"""Synthetic records: every field filled, the digest that of the spec, the numbers chosen by the test."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnbench.localisation_record import STEPS, LayerScores, Localisation, MapKind, MapScores
from attnbench.packed import PackedBits, PackedIntegers
from attnbench.record import SCHEMA, Environment, Epoch, Record, Timing, Values
from attnbench.robustness_record import Corrupted
from attnbench.spec import Compute, Corruption, Measure, PluginFile, Recipe, RunSpec, digest

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
    compile_s: float | None = None,
    plugin: PluginFile | None = None,
    data_plugin: PluginFile | None = None,
    started_at: str = "2030-01-01T00:00:00+00:00",
    correct: NDArray[np.bool_] | None = None,
    sources: NDArray[np.int64] | None = None,
    localisation: Localisation | None = None,
    robustness: tuple[Corrupted, ...] | None = None,
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
        compute=Compute(compile="none" if compile_s is None else "attention"),
        measure=Measure(
            localisation_images=localisation.num_images if localisation else 0,
            corruptions=tuple(dict.fromkeys(corrupted.corruption for corrupted in robustness or ())),
        ),
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
            compile_s=compile_s,
        ),
        localisation=localisation,
        robustness=robustness,
    )


def make_localisation(
    energies: Mapping[MapKind, NDArray[np.float64]], *, layer: str = "layer3.2", object_share: float = 0.12
) -> Localisation:
    """Maps of which each image has a given share on the object, and half of it as IoU.

    Args:
        energies: Of each kind of map, (num_images,), in [0, 1].
        layer: Whose attention it is.
        object_share: Mean share of an image's pixels that are the object's.
    """
    layers = {"attention": layer, "grad-cam": "layer3"}
    maps = tuple(
        MapScores(
            kind=kind,
            layer=layers.get(kind, ""),
            threshold=0.5,
            energy=PackedIntegers.pack(np.rint(STEPS * energy).astype(np.int64)),
            iou=PackedIntegers.pack(np.rint(STEPS / 2 * energy).astype(np.int64)),
        )
        for kind, energy in energies.items()
    )
    return Localisation(
        num_images=len(next(iter(energies.values()))),
        num_validation_images=100,
        object_share=object_share,
        maps=maps,
        layers=(
            LayerScores(layer="layer2.2", energy=0.2, iou=0.1),
            LayerScores(layer=layer, energy=0.3, iou=0.15),
        )
        if "attention" in energies
        else (),
    )


def make_robustness(
    percents: Mapping[Corruption, Mapping[float, float]], *, num_images: int = NUM_TEST_IMAGES
) -> tuple[Corrupted, ...]:
    """Top-1 accuracies by corruption and strength; the first images are the ones classified correctly."""
    return tuple(
        Corrupted(
            corruption=corruption,
            strength=strength,
            test_correct=PackedBits.pack(np.arange(num_images) < round(percent / 100 * num_images)),
        )
        for corruption, by_strength in percents.items()
        for strength, percent in by_strength.items()
    )
