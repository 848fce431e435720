import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest

from attnbench.errors import SpecError
from attnbench.identity import fields_of
from attnbench.spec import Compute, Measure, PluginFile, Recipe, RunSpec, SuiteSpec, digest
from attnbench.spec_io import from_builtins


def make(**fields: Any) -> RunSpec:
    return RunSpec(**{"attention": "sge", "backbone": "resnet18", "data": "cluttered-digits", **fields})


def test_the_digest_is_the_same_for_ever() -> None:
    # A change of this value orphans every record that exists: raise the schema with it.
    assert digest(make()) == "9f548bf0d8d6d103"


def test_the_digest_of_a_users_module_is_the_same_for_ever() -> None:
    assert digest(make(plugin=PluginFile(path="mine.py", sha256="ab" * 32))) == "942ae551c37bb7e8"


def test_the_digest_depends_on_every_field() -> None:
    changed = [
        make(attention="se"),
        make(backbone="resnet34"),
        make(data="cifar10"),
        make(root="somewhere"),
        make(recipe=Recipe(epochs=7)),
        make(compute=Compute(threads=2)),
        make(compute=Compute(devices=2)),
        make(baseline="se"),
        make(measure=Measure(throughput_rounds=3)),
        make(seed=1),
        make(plugin=PluginFile(path="mine.py", sha256="ab")),
        make(data_plugin=PluginFile(path="mine.py", sha256="ab")),
        make(data_plugin=PluginFile(path="mine.py", sha256="cd")),
    ]
    assert len({digest(spec) for spec in [make(), *changed]}) == len(changed) + 1


def test_the_digest_does_not_depend_on_how_the_spec_was_made() -> None:
    fields = {"attention": "sge", "backbone": "resnet18", "data": "cluttered-digits"}
    assert digest(from_builtins(fields, RunSpec, source="s")) == digest(make())


def test_whole_numbers_have_the_digest_of_their_floats() -> None:
    whole, real = Recipe(learning_rate=1, gradient_clip_norm=2), Recipe(learning_rate=1.0, gradient_clip_norm=2.0)
    assert digest(make(recipe=whole)) == digest(make(recipe=real))


def test_equal_variants_have_equal_digests() -> None:
    assert digest(make(attention="ge:extent=8,parametric=false")) == digest(
        make(attention="ge:parametric=False, extent=8")
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1; got epochs=0"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"learning_rate": 0.0}, "learning_rate must be positive; got learning_rate=0.0"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\)"),
        ({"momentum": 0.0}, "nesterov needs a positive momentum"),
        ({"weight_decay": -1.0}, "weight_decay must not be negative"),
        ({"schedule": "step"}, "step_epochs go with schedule='step'"),
        ({"step_epochs": (1,)}, "step_epochs go with schedule='step'"),
        ({"schedule": "step", "step_epochs": (3, 2)}, "step_epochs must increase"),
        ({"schedule": "step", "step_epochs": (9,)}, "step_epochs must increase and lie between 0 and epochs"),
        ({"step_factor": 0.0}, "step_factor must be positive"),
        ({"warmup_epochs": 6.0}, "warmup_epochs must not be negative and lie below epochs"),
        ({"label_smoothing": 1.0}, "label_smoothing"),
        ({"gradient_clip_norm": 0.0}, "gradient_clip_norm must be positive or none"),
        ({"crop_padding": -1}, "crop_padding must not be negative"),
    ],
)
def test_a_recipe_says_what_is_allowed(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Recipe(**fields)


def test_a_field_at_its_default_that_was_added_later_is_no_part_of_the_digest() -> None:
    assert "devices" not in fields_of(Compute())
    assert fields_of(Compute(devices=2))["devices"] == 2
    assert not {"num_nodes", "strategy"} & fields_of(Compute(devices=2)).keys()
    several = fields_of(Compute(num_nodes=2, strategy="ddp"))
    assert (several["num_nodes"], several["strategy"]) == (2, "ddp")
    assert "threads" in fields_of(Compute())


@pytest.mark.parametrize("name", ["threads", "devices", "num_nodes"])
def test_there_is_at_least_one_of_each(name: str) -> None:
    with pytest.raises(SpecError, match=f"{name} must be at least 1; got {name}=0"):
        Compute(**{name: 0})


def test_a_run_says_how_its_steps_can_be_divided() -> None:
    with pytest.raises(SpecError, match="devices must divide batch_size; got devices=2, batch_size=33"):
        make(recipe=Recipe(batch_size=33), compute=Compute(devices=2))
    said = "devices times num_nodes must divide batch_size; got devices=2, num_nodes=3, batch_size=32"
    with pytest.raises(SpecError, match=said):
        make(recipe=Recipe(batch_size=32), compute=Compute(devices=2, num_nodes=3))


def test_a_strategy_is_for_several_devices() -> None:
    assert Compute(devices=2, num_nodes=3, strategy="ddp").num_ranks == 6
    with pytest.raises(SpecError, match="there is one; got strategy='ddp', devices=1, num_nodes=1"):
        Compute(strategy="ddp")


def test_half_precision_needs_a_gpu() -> None:
    with pytest.raises(SpecError, match="float16 needs a GPU"):
        Compute(device="cpu", precision="float16")


def test_a_suite_puts_its_baseline_first() -> None:
    suite = SuiteSpec(attention=("sge",), backbone="resnet18", data="cifar10")
    assert suite.attention == ("none", "sge")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"attention": ("sge:b=1,a=2", "sge:a=2,b=1")}, "each variant may be named once"),
        ({"seeds": ()}, "at least one seed"),
        ({"seeds": (1, 1)}, "each seed may be named once"),
        ({"seeds": (-1,)}, "seeds must lie in"),
        ({"compute": Compute(devices=3)}, "devices must divide batch_size; got devices=3, batch_size=128"),
    ],
)
def test_a_suite_says_what_is_allowed(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        SuiteSpec(**{"attention": ("sge",), "backbone": "resnet18", "data": "cifar10", **fields})


def test_specs_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Recipe(learning_rate=math.inf), "learning_rate must be finite; got learning_rate=inf"),
        (lambda: Recipe(weight_decay=math.inf), "weight_decay must be finite"),
        (lambda: Recipe(warmup_epochs=math.nan), "warmup_epochs must be finite"),
        (lambda: Recipe(learning_rate=10**400), "learning_rate must be a number of 64 bits; got .* of 1329 bits"),
        (lambda: Recipe(epochs=2**63), "epochs must be a number of 64 bits; got epochs=9223372036854775808"),
        (lambda: Recipe(schedule="step", step_epochs=(2**64,)), "step_epochs must be a number of 64 bits"),
        (lambda: Compute(threads=10**30), "threads must be a number of 64 bits"),
        (lambda: Measure(throughput_rounds=10**30), "throughput_rounds must be a number of 64 bits"),
        (
            lambda: RunSpec(attention="a", backbone="b", data="c", root="\ud800"),
            r"root must be text .*got root='\\ud800'",
        ),
        (lambda: RunSpec(attention="a", backbone="b", data="c", root="a\0b"), r"root must be text that UTF-8 can hold"),
        (lambda: SuiteSpec(attention=("a:b=\ud800",), backbone="b", data="c"), "attention must be text that UTF-8 can"),
        (lambda: PluginFile(path="\ud800.py", sha256=""), "path must be text that UTF-8 can hold"),
    ],
)
def test_what_no_record_could_hold_is_refused_before_anything_is_trained(
    make: Callable[[], object], message: str
) -> None:
    with pytest.raises(SpecError, match=message):
        make()
