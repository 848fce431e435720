from typing import Any

import pytest

from attnbench.errors import SpecError
from attnbench.presets import load_suite, preset_names
from attnbench.spec import PluginFile, Recipe, RunSpec, SuiteSpec
from attnbench.spec_io import from_builtins, from_yaml, to_builtins, to_yaml

SUITE = {"attention": ["none", "sge"], "backbone": "resnet18", "data": "cifar10"}


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_survives_yaml(name: str) -> None:
    suite = load_suite(name)
    assert from_yaml(to_yaml(suite), SuiteSpec, source="text") == suite


def test_a_run_survives_yaml() -> None:
    spec = RunSpec(
        attention="ge:extent=global",
        backbone="resnet18",
        data="folder:workers=2",
        root="images",
        recipe=Recipe(schedule="step", step_epochs=(1, 3), gradient_clip_norm=2.0),
        plugin=PluginFile(path="mine.py", sha256="0" * 64),
    )
    assert from_yaml(to_yaml(spec), RunSpec, source="text") == spec
    assert from_builtins(to_builtins(spec), RunSpec, source="text") == spec


def test_reads_numbers_that_yaml_takes_for_text() -> None:
    suite = from_yaml("{attention: [se], backbone: b, data: d, recipe: {learning_rate: 1e-3}}", SuiteSpec, source="s")
    assert suite.recipe.learning_rate == 0.001


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipe": {"epoch": 3}}, r"^s: unknown field recipe.epoch \(.*\); did you mean 'epochs' or 'step_epochs'\?$"),
        ({"backbones": "x"}, r"unknown field backbones \(a newer attnbench may know it\); did you mean 'backbone'\?"),
        ({"recipe": {"epochs": 0}}, r"^s: recipe: epochs must be at least 1; got epochs=0$"),
        ({"recipe": {"epochs": "many"}}, r"^s: recipe.epochs: expected 'int', got 'str'; got 'many'$"),
        ({"recipe": {"schedule": "cosin"}}, "recipe.schedule must be one of cosine, step; got 'cosin'"),
        ({"recipe": 3}, "^s: recipe must be a mapping of fields; got 3"),
        ({"attention": "sge"}, "attention: expected 'array', got 'str'"),
        ({"seeds": [1, 1]}, "each seed may be named once"),
        ({"recipe": {"nesterov": "\ud800"}}, r"^s: text must be what UTF-8 can hold; got '\\ud800'$"),
        ({"attention": ["a:b"]}, "settings are written name:key=value"),
    ],
)
def test_says_which_field_is_wrong(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        from_builtins({**SUITE, **changes}, SuiteSpec, source="s")


def test_says_which_field_is_missing() -> None:
    with pytest.raises(SpecError, match=r"missing required field .backbone."):
        from_builtins({"attention": ["sge"], "data": "cifar10"}, SuiteSpec, source="s")


@pytest.mark.parametrize("text", ["[", "a: b: c", "\x00", "- 1", "", "!!python/object/apply:os.system [ls]"])
def test_other_text_is_a_spec_error(text: str) -> None:
    with pytest.raises(SpecError, match=r"^s"):
        from_yaml(text, SuiteSpec, source="s")


@pytest.mark.parametrize(
    "text",
    [
        "attention: &a [[[[[[[1]]]]], x]\nbackbone: *a\ndata: d",
        f"{'x' * 10_000}: 1",
        f"attention: [sge]\nbackbone: b\ndata: d\nmeasure: {{corruptions: [{'x' * 10_000}]}}",
        'root: "\\ud800"',
        "? [a]\n: b",
    ],
)
def test_a_message_is_one_short_printable_line(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        from_yaml(text, SuiteSpec, source="s")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 700
