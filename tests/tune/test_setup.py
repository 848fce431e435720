from dataclasses import replace
from typing import Any

import pytest
from torch import nn

from attnbench.attention import register_attention
from attnbench.errors import AttnBenchError, PlacementError, SpecError, UnknownNameError
from attnbench.space import Choices, Floats
from attnbench.spec import Compute
from attnbench.tune.proposal import applied, default_proposal
from attnbench.tune.setup import Search, check_spec, make_spec
from tests.tiny import tiny_suite
from tests.tune.studies import tiny_spec


def test_the_modules_own_space_held_to_the_backbone() -> None:
    spec = tiny_spec()
    assert spec.space["groups"] == Choices((1, 2, 4, 8))
    assert spec.default == "sge:groups=8"  # 64 does not divide 8, 16 and 32 channels
    assert (spec.run.attention, spec.sampler, spec.pruner, spec.seeds) == ("sge", "tpe", "median", (0,))


def test_settings_of_the_variant_are_fixed() -> None:
    spec = tiny_spec("sge:groups=4,source=paper")
    assert set(spec.space) == {"gate_scale_init", "gate_shift_init", "normalize"}
    assert spec.default == "sge:groups=4,source=paper"
    assert applied(spec.run, {"normalize": False}).attention == "sge:groups=4,normalize=false,source=paper"


def test_places_and_recipe_by_option() -> None:
    spec = tiny_spec("sge:groups=4", also=("at", "stages", "learning_rate", "weight_decay"))
    assert spec.space["recipe.learning_rate"] == Floats(0.005, 0.15, log=True)
    assert spec.space["recipe.weight_decay"] == Floats(5e-5, 5e-3, log=True)
    assert isinstance(spec.space["stages"], Choices)
    assert (1, 3) in spec.space["stages"].values
    run = applied(spec.run, {"at": "pre-branch", "stages": (1, 3), "recipe.learning_rate": 0.2})
    assert run.attention == "sge:at=pre-branch,groups=4,stages=1,3"
    assert run.recipe.learning_rate == 0.2


def test_with_places_the_default_is_where_the_module_stands_by_itself() -> None:
    spec = tiny_spec(also=("at", "stages"))
    proposal = default_proposal(spec)
    assert proposal is not None
    assert (proposal["groups"], proposal["at"], proposal["stages"]) == (8, "post-bn3", (1, 2, 3))


def test_the_groups_divide_wherever_the_module_may_stand() -> None:
    # The bottleneck's convolution has a quarter of the channels of its end.
    suite = replace(tiny_suite(), backbone="cifar-resnet:bottleneck=true,depth=11,width=8")
    wide = make_spec(suite, "sge", Search())
    anywhere = make_spec(suite, "sge", Search(also=("at",)))
    assert wide.space["groups"] == Choices((1, 2, 4, 8, 16, 32))
    assert anywhere.space["groups"] == Choices((1, 2, 4, 8))


def test_a_trial_is_trained_on_one_device() -> None:
    suite = replace(tiny_suite(), compute=Compute(device="cpu", devices=2))
    with pytest.raises(SpecError, match="a trial is trained on one device; got devices=2: take more workers instead"):
        make_spec(suite, "sge", Search())


def test_no_attention_can_be_tuned_in_its_recipe() -> None:
    spec = tiny_spec("none", also=("learning_rate",))
    assert set(spec.space) == {"recipe.learning_rate"}
    assert default_proposal(spec) == {"recipe.learning_rate": 0.05}
    assert applied(spec.run, {"recipe.learning_rate": 0.1}).attention == "none"


def test_a_users_module_declares_its_space() -> None:
    @register_attention("mine", placement="block")
    class Mine(nn.Module):
        search_space = {"bias": Choices((True, False))}  # noqa: RUF012

        def __init__(self, channels: int, *, bias: bool = True) -> None:
            super().__init__()
            self.proj = nn.Conv2d(channels, channels, 1, bias=bias)

    spec = tiny_spec("mine")
    assert dict(spec.space) == {"bias": Choices((True, False))}
    assert applied(spec.run, {"bias": True}).attention == "mine"
    assert applied(spec.run, {"bias": False}).attention == "mine:bias=false"


@pytest.mark.parametrize(
    ("attention", "search", "error", "message"),
    [
        ("srm", {}, SpecError, "'srm' declares no search space .* --space"),
        ("sge:groups=4", {"space": {"groups": Choices((1, 2))}}, SpecError, "groups in 'sge:groups=4'"),
        ("sge", {"space": {"groups": Choices((3,))}}, SpecError, "groups"),
        ("sge", {"space": {"group": Choices((1, 2))}}, SpecError, "group"),
        ("sge:groups=4", {"space": {"recipe.lr": Choices((1, 2))}}, SpecError, "the recipe has no field 'lr'"),
        ("none", {}, SpecError, "'none' declares no search space"),
        ("none", {"also": ("at",)}, SpecError, "'none' has no other places"),
        ("sk", {"also": ("at",)}, SpecError, "'sk' has no other places"),
        ("sge:at=pre-add", {"also": ("at",)}, SpecError, "at is in the space or fixed already"),
        ("sgee", {}, UnknownNameError, "did you mean 'sge'"),
        ("sge", {"objectives": ("latency",)}, SpecError, "one objective must be accuracy"),
        ("sge", {"objectives": ("accuracy", "macs"), "pruner": "median"}, SpecError, "needs a single objective"),
        ("sge", {"pruner": "wilcoxon", "num_seeds": 4}, SpecError, "spares none below 5 seeds"),
        ("sge", {"sampler": "grid", "also": ("learning_rate",)}, SpecError, "a grid needs the values of recipe.learn"),
        ("sge", {"num_seeds": 1001}, SpecError, "seeds of trials lie below 1000"),
        ("sge:stages=9", {}, SpecError, "this backbone has the stages 1, 2, 3"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(
    attention: str, search: dict[str, Any], error: type[AttnBenchError], message: str
) -> None:
    with pytest.raises(error, match=message):
        tiny_spec(attention, **search)


def test_the_default_must_be_buildable() -> None:
    with pytest.raises(SpecError, match="groups must divide channels"):
        check_spec(tiny_spec(against="sge:groups=7"))
    check_spec(tiny_spec())


def test_a_place_that_the_family_lacks() -> None:
    with pytest.raises(PlacementError):
        make_spec(replace(tiny_suite(), backbone="mobilenetv2_050"), "sge:at=shortcut", Search())
