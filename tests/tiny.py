"""The smallest suite that still trains: seconds a run."""

from attnbench.spec import Compute, Measure, Recipe, SuiteSpec

BACKBONE = "cifar-resnet:depth=8,stem_stride=2,width=8"
DATA = "cluttered-digits:test_images=40,train_images=96,validation_images=40"


def tiny_suite(
    attention: tuple[str, ...] = ("none", "sge:groups=4"),
    seeds: tuple[int, ...] = (0,),
    epochs: int = 2,
    imports: tuple[str, ...] = (),
) -> SuiteSpec:
    """A suite of tiny runs."""
    return SuiteSpec(
        attention=attention,
        backbone=BACKBONE,
        data=DATA,
        seeds=seeds,
        recipe=Recipe(epochs=epochs, batch_size=32, learning_rate=0.05, crop_padding=2, horizontal_flip=True),
        compute=Compute(device="cpu"),
        measure=Measure(throughput_batch_size=4, throughput_rounds=2),
        imports=imports,
    )
