"""Whatever stands in `--set`, or behind the name of a data set or a module, gives an object or a sentence."""

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attnbench.attention import ATTENTION
from attnbench.cli.options import SpecOptions, overridden
from attnbench.data import DATA, build_data
from attnbench.data.detection import DETECTION_DATA, build_detection_data
from attnbench.detection_spec import DetectionRecipe
from attnbench.models import create_model
from attnbench.spec import Recipe
from attnbench.variant import settings_of
from benchmarks.fuzz.targets import outcome
from tests.fuzz.inputs import DETECTION_SUITE, SUITE
from tests.fuzz.strategies import NUMBERS, TEXTS

FIELDS = [
    "attention", "backbone", "data", "root", "seeds", "recipe", "recipe.epochs", "recipe.step_epochs", "recipe.later",
    "recipe.epochs.x", "compute.threads", "measure.corruptions", "imports", "detector_recipe.retinanet.epochs", "", ".",
    "detector_recipe", "compute.compile",
]  # fmt: skip
VALUES = st.sampled_from([*map(str, NUMBERS), *TEXTS, "[1,2]", "[]", "[", "[a,,b]", "none"]) | st.text(max_size=20)


def number_of(examples: int) -> settings:
    return settings(
        max_examples=examples, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )


@number_of(150)
@given(
    st.lists(st.tuples(st.sampled_from(FIELDS), VALUES).map("=".join) | st.text(max_size=20), max_size=3),
    st.sampled_from([SUITE, DETECTION_SUITE]),
    st.sampled_from([(), ("mine.py",)]),
)
def test_what_overrides_a_suite(texts: list[str], suite, imports: tuple[str, ...]) -> None:
    outcome(lambda: overridden(suite, SpecOptions(set=tuple(texts), imports=imports), {}))


@pytest.mark.parametrize("name", sorted(DATA.names()))
def test_settings_of_a_data_set(name: str, tmp_path: Path) -> None:
    @number_of(40)
    @given(_settings(name, DATA.get(name)))
    def holds(text: str) -> None:
        outcome(lambda: build_data(text, root=str(tmp_path), recipe=Recipe(), seed=0, device=torch.device("cpu")))

    holds()


@pytest.mark.parametrize("name", sorted(DETECTION_DATA.names()))
def test_settings_of_a_detection_data_set(name: str, tmp_path: Path) -> None:
    @number_of(40)
    @given(_settings(name, DETECTION_DATA.get(name)))
    def holds(text: str) -> None:
        outcome(
            lambda: build_detection_data(text, root=str(tmp_path), annotations=None, recipe=DetectionRecipe(), seed=0)
        )

    holds()


@pytest.mark.parametrize("name", sorted(ATTENTION.names()))
def test_settings_of_a_module(name: str) -> None:
    @number_of(10)
    @given(_settings(name, ATTENTION.get(name).module_class))
    def holds(text: str) -> None:
        outcome(
            lambda: create_model("cifar-resnet:depth=8,width=8", text, num_classes=10, in_channels=1, image_size=(8, 8))
        )

    holds()


def _settings(name: str, constructor) -> st.SearchStrategy[str]:
    keys = st.sampled_from([*settings_of(constructor), "at", "stages", "later"])
    small = st.sampled_from(
        ["0", "1", "2", "-1", "3", "64", "0.5", "1e308", "nan", "true", "none", "1,2", "1,9", str(2**62)]
    )
    pairs = st.lists(
        st.tuples(keys, small | VALUES).map("=".join),
        min_size=1,
        max_size=2,
        unique_by=lambda text: text.partition("=")[0],
    )
    return pairs.map(lambda texts: f"{name}:{','.join(texts)}")
