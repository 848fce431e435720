"""Every preset loads, expands and builds; the paper's are the table's rows."""

import pytest

from attnbench.data import DATA
from attnbench.models import build_model
from attnbench.presets import load_suite, preset_names
from attnbench.presets.published import published_imagenet
from attnbench.spec import Recipe, SuiteSpec, digest
from attnbench.suite import expand
from attnbench.variant import Variant

SHAPES = {
    "cluttered-digits": (1, 28, 10),
    "fashion-mnist": (1, 28, 10),
    "cifar10": (3, 32, 10),
    "cifar100": (3, 32, 100),
    "folder": (3, 224, 10),
    "imagenet": (3, 224, 1000),
}
"""Channels, size and classes of each preset's data."""
NAMES = sorted({name.removesuffix("-resnet56") for name in preset_names()})
"""Presets without those that are the same under another name."""
PUBLISHED = {
    "none": "ResNet{depth}",
    "se": "SE-ResNet{depth}",
    "sk:source=official": "SK-ResNet{depth}*",
    "bam": "BAM-ResNet{depth}",
    "cbam": "CBAM-ResNet{depth}",
    "sge": "SGE-ResNet{depth}",
}


def parameters_of(suite: SuiteSpec, attention: str) -> int:
    channels, size, classes = SHAPES[Variant.parse(suite.data).name]
    built = build_model(
        suite.backbone, attention, num_classes=classes, in_channels=channels, image_size=(size, size), seed=0
    )
    return sum(parameter.numel() for parameter in built.model.parameters())


@pytest.mark.parametrize("name", preset_names())
def test_loads_and_expands_to_distinct_runs_of_known_data(name: str) -> None:
    suite = load_suite(name)
    runs = expand(suite)
    assert len({digest(run) for run in runs}) == len(runs) == len(suite.attention) * len(suite.seeds)
    assert Variant.parse(suite.data).name in DATA.names()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in ("cluttered-digits", "folder") else pytest.mark.slow) for name in NAMES],
)
def test_builds_every_variant_and_each_adds_parameters(name: str) -> None:
    suite = load_suite(name)
    baseline = parameters_of(suite, suite.baseline)
    for attention in suite.attention:
        # ge has none by default; sk stands in place of a 3×3 convolution, and may be smaller than it.
        assert attention in (suite.baseline, "ge", "sk") or parameters_of(suite, attention) > baseline


@pytest.mark.parametrize("data", sorted(SHAPES))
def test_each_data_set_has_the_preset_of_its_name(data: str) -> None:
    assert Variant.parse(load_suite(data).data).name == data


@pytest.mark.slow
@pytest.mark.parametrize("depth", [50, 101])
def test_the_papers_preset_has_the_rows_of_its_table(depth: int) -> None:
    suite = load_suite(f"sge-imagenet-resnet{depth}")
    rows = {row.model: row for row in published_imagenet() if f"ResNet{depth}" in row.model}
    assert [name.format(depth=depth) for name in PUBLISHED.values()] == list(rows)
    assert suite.attention == tuple(PUBLISHED)
    for attention, name in PUBLISHED.items():
        assert parameters_of(suite, attention) / 1e6 == pytest.approx(
            rows[name.format(depth=depth)].parameters_m, abs=0.0051
        )


@pytest.mark.parametrize("depth", [50, 101])
def test_the_papers_preset_has_the_papers_variants_and_training(depth: int) -> None:
    suite = load_suite(f"sge-imagenet-resnet{depth}")
    assert suite.attention == tuple(PUBLISHED)
    assert suite.backbone == f"resnet{depth}:zero_init_last=false"
    assert suite.compute.precision == "float32"
    assert suite.recipe == Recipe(
        epochs=100, batch_size=256, learning_rate=0.1, momentum=0.9, nesterov=False, weight_decay=1e-4,
        schedule="step", step_epochs=(30, 60, 90), step_factor=0.1, horizontal_flip=True, selection="last",
    )  # fmt: skip


def test_a_name_that_says_the_backbone_is_the_same_suite() -> None:
    assert load_suite("cifar100-resnet56") == load_suite("cifar100")
    assert load_suite("cifar100-resnet56").backbone == "cifar-resnet:depth=56,zero_init_last=false"
