import itertools
import math
import time
from typing import get_args

import pytest
import torch
from torch import nn

from attnbench.attention import ATTENTION, register_attention
from attnbench.attention.declared_space import declared_space
from attnbench.attention.registration import DEFAULT_TARGET, Placing, Position, attention_placing
from attnbench.errors import AttnBenchError, PlacementError, SpecError
from attnbench.models.backbones import family_of
from attnbench.models.families import FAMILIES
from attnbench.models.fitting import (
    defaults_of,
    fitted_space,
    positions,
    published_default,
    stage_subsets,
    with_settings,
)
from attnbench.models.meeting import meetings, num_stages
from attnbench.space import Choices, Divisors, Domain, Floats, Integers
from attnbench.variant import Variant
from tests.models.modules import SMALLEST, TARGETS, built, register_all

CIFAR = Variant.parse(SMALLEST["cifar-resnet"])
"""Blocks of 8, 16 and 32 channels."""


@pytest.fixture(autouse=True)
def _registered() -> None:
    register_all()


class Moody(nn.Module):
    """A user's module whose constructor refuses by any error it likes."""

    def __init__(
        self, channels: int, *, mood: str = "good", size: int = 1, level: float = 0.0, groups: int = 64
    ) -> None:
        super().__init__()
        if mood == "bad":
            raise RuntimeError("not today")
        if mood == "odd" and size % 2 == 0:
            raise KeyError(size)
        if mood == "never":
            assert not channels
        self.mix = nn.Conv2d(channels, channels, 1, groups=groups)


class Counting(nn.Module):
    """A user's module that computes with values when it is made."""

    def __init__(self, channels: int, *, size: int = 2) -> None:
        super().__init__()
        if torch.rand(size).sum().item() < 0 or size > 4:
            raise ValueError(size)


def parsed(*texts: str) -> tuple[Variant, ...]:
    return tuple(map(Variant.parse, texts))


def values_of(domain: Domain) -> tuple[object, ...]:
    assert isinstance(domain, Choices)
    return domain.values


def channels_in(backbone: str, at: str = "post-bn3") -> list[int]:
    return [place.out_channels for place in built(backbone, f"unchanged:at={at}").places]


def does_build(variant: Variant, backbone: Variant) -> bool:
    try:
        built(str(backbone), str(variant))
    except AttnBenchError:
        return False
    return True


@pytest.mark.parametrize(
    ("family", "target"), [pair for pair in TARGETS if pair[1] in ("post-bn3", "pre-branch", "stage")]
)
def test_a_module_meets_the_channels_of_its_place(family: str, target: Position) -> None:
    met = meetings(Variant.parse(SMALLEST[family]), Placing(at=target))
    assert [(meeting.channels, meeting.convolution) for meeting in met] == [
        ((channels,), ()) for channels in channels_in(SMALLEST[family], target)
    ]


def test_a_conv_module_meets_the_convolution_that_it_replaces() -> None:
    met = meetings(Variant.parse(SMALLEST["regnet"]), Placing(at="conv", stages=(2,)))
    made = built(SMALLEST["regnet"], "sk:stages=2")
    assert len(met) == len(made.places)
    for meeting, place in zip(met, made.places, strict=True):
        first = place.module.branches[0][0]
        assert meeting.channels == (first.in_channels, first.out_channels)
        assert dict(meeting.convolution) == {"stride": place.stride, "groups": first.groups}
    assert dict(met[0].convolution) == {"stride": 2, "groups": met[0].channels[0] // 8}


def test_looking_leaves_the_random_numbers_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    register_attention("counting", placement="block")(Counting)
    fitted_space({"size": Choices((2, 3))}, Variant("counting"), CIFAR)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_a_module_has_the_positions_of_the_family(family) -> None:  # type: ignore[no-untyped-def]
    backbone = Variant.parse(SMALLEST[family.name])
    expected = tuple(at for at in get_args(Position) if at in family.targets)
    assert positions(Variant("se"), backbone) == expected
    assert positions(Variant("sk"), backbone) == ()


def test_positions_are_those_of_the_chosen_stages() -> None:
    (backbone,) = parsed("mobilenetv2_035")
    assert "pre-add" in positions(Variant("se"), backbone)
    assert "pre-add" not in positions(Variant.parse("se:stages=1"), backbone)
    with pytest.raises(SpecError, match="this backbone has the stages"):
        positions(Variant.parse("se:stages=99"), backbone)


def test_stage_subsets_are_all_choices_of_at_least_one() -> None:
    assert stage_subsets(CIFAR) == ((1,), (2,), (3,), (1, 2), (1, 3), (2, 3), (1, 2, 3))
    assert len(set(stage_subsets(Variant("test_resnet")))) == 2 ** num_stages(Variant("test_resnet")) - 1
    with pytest.raises(SpecError, match="efficientnet_b0 has 7 stages, and 127 choices of them; name those to search"):
        stage_subsets(Variant("efficientnet_b0"))


@pytest.mark.parametrize("family", SMALLEST)
@pytest.mark.parametrize(("name", "factor"), [("sge", 1), ("sa", 2), ("ema", 1)])
def test_groups_are_those_that_divide_everywhere(name: str, factor: int, family: str) -> None:
    channels = channels_in(SMALLEST[family])
    expected = tuple(
        groups for groups in range(1, max(channels) + 1) if all(count % (factor * groups) == 0 for count in channels)
    )
    space = declared_space(ATTENTION.get(name).module_class)
    fitted = fitted_space(space, Variant(name), Variant.parse(SMALLEST[family]))
    assert values_of(fitted["groups"]) == expected
    assert fitted.keys() == space.keys()
    assert {key: domain for key, domain in fitted.items() if key != "groups"} == {
        key: domain for key, domain in space.items() if key != "groups"
    }


@pytest.mark.parametrize(
    ("variant", "groups"), [("sge", (1, 2, 4, 8)), ("sge:stages=2,3", (1, 2, 4, 8, 16)), ("sge:stages=3", (32,))]
)
def test_stages_of_the_variant_decide_which_channels_count(variant: str, groups: tuple[int, ...]) -> None:
    fitted = values_of(fitted_space({"groups": Divisors()}, Variant.parse(variant), CIFAR)["groups"])
    assert set(groups) <= set(fitted)
    assert max(fitted) == max(groups)


def test_groups_divide_at_every_searched_place() -> None:
    backbone = CIFAR
    at: tuple[Position, ...] = ("post-bn3", "pre-branch")
    stages = ((1,), (2, 3), (3,))
    space = {"groups": Divisors(), "at": Choices(at), "stages": Choices(stages)}
    channels = [
        count
        for position, chosen in itertools.product(at, stages)
        for meeting in meetings(backbone, Placing(at=position, stages=chosen))
        for count in meeting.channels
    ]
    fitted = fitted_space(space, Variant("sge"), backbone)
    assert max(values_of(fitted["groups"])) == math.gcd(*channels)
    assert (fitted["at"], fitted["stages"]) == (space["at"], space["stages"])
    for groups, position, chosen in itertools.product(values_of(fitted["groups"]), at, stages):
        variant = with_settings(Variant("sge"), {"groups": groups, "at": position, "stages": chosen})  # type: ignore[dict-item]
        assert does_build(variant, backbone)


@pytest.mark.parametrize("name", ["resnet50", "convnext_atto"])
def test_many_places_are_looked_at_in_seconds(name: str) -> None:
    backbone = Variant(name)
    space = {"at": Choices(positions(Variant("se"), backbone)), "stages": Choices(stage_subsets(backbone))}
    started = time.perf_counter()
    fitted = fitted_space(space, Variant("se"), backbone)
    assert time.perf_counter() - started < 30
    assert fitted == space


def test_positions_and_stages_without_a_place_are_left_out() -> None:
    backbone, narrow = parsed("mobilenetv2_035", "se:reduction=2")
    stages = Choices(((1,), (2,), (1, 2)))
    only = fitted_space({"at": Choices(("pre-add", "shortcut")), "stages": stages}, narrow, backbone)
    assert only == {"at": Choices(("pre-add",)), "stages": Choices(((2,), (1, 2)))}
    both = fitted_space({"at": Choices(("pre-add", "post-bn3")), "stages": stages}, narrow, backbone)
    assert both == {"at": Choices(("pre-add", "post-bn3")), "stages": stages}
    single = fitted_space({"stages": Choices((1, 2))}, Variant.parse("se:at=pre-add,reduction=2"), backbone)
    assert single == {"stages": Choices((2,))}


def test_places_where_the_module_does_not_fit_are_left_out() -> None:
    (backbone,) = parsed("cifar-resnet:depth=14")
    stages = Choices(((1,), (2,), (3,), (2, 3)))
    assert fitted_space({"stages": stages}, Variant("sge"), backbone) == {"stages": Choices(((3,),))}
    assert fitted_space({"stages": stages}, Variant.parse("sge:groups=32"), backbone) == {
        "stages": Choices(((2,), (3,), (2, 3)))
    }
    groups = Choices((16, 32, 64))
    fitted = fitted_space({"stages": stages, "groups": groups}, Variant("sge"), backbone)
    assert fitted == {"stages": stages, "groups": Choices((16,))}
    with pytest.raises(SpecError, match=r"^sge:groups=48 does not fit cifar-resnet:depth=14: groups must"):
        fitted_space({"stages": stages}, Variant.parse("sge:groups=48"), backbone)


def test_of_values_that_fit_no_two_places_together_all_are_left() -> None:
    class Exact(nn.Module):
        def __init__(self, channels: int, *, width: int = 16) -> None:
            super().__init__()
            if width != channels:
                raise ValueError(f"{width} is not {channels}")

    register_attention("exact", placement="block")(Exact)
    (backbone,) = parsed("cifar-resnet:depth=14")
    space: dict[str, Domain] = {"stages": Choices(((1,), (3,), (1, 3))), "width": Choices((16, 32, 64))}
    assert fitted_space(space, Variant("exact"), backbone) == {
        "stages": Choices(((1,), (3,))),
        "width": Choices((16, 64)),
    }


def test_a_backbone_without_a_place_is_an_error() -> None:
    (backbone,) = parsed("mobilenetv2_035")
    with pytest.raises(PlacementError, match="takes no module at 'shortcut'"):
        fitted_space({"at": Choices(("shortcut",))}, Variant("se"), backbone)
    with pytest.raises(PlacementError, match="no place for a module at 'pre-add' in stages=1"):
        fitted_space({"at": Choices(("pre-add",)), "stages": Choices(((1,),))}, Variant("se"), backbone)
    with pytest.raises(PlacementError, match="takes no module at 'conv'"):
        fitted_space({"reduction": Choices((4, 8))}, Variant("sk"), backbone)


@pytest.mark.parametrize(
    ("variant", "space", "message"),
    [
        ("se", {"reductoin": Choices((4, 8))}, "'se' has no setting 'reductoin'; did you mean 'reduction'"),
        ("se", {"reduction": Choices((4, "few"))}, "'se': reduction must be an integer; got reduction=few"),
        ("se", {"reduction": Floats(4, 8)}, "'se': reduction must be an integer"),
        ("simam", {"regularization": Choices((True,))}, "regularization must be a number; got regularization=true"),
        ("se", {"at": Choices(("post-bn4",))}, "unknown position at=post-bn4; did you mean 'post-bn3'"),
        ("se", {"stages": Choices(((3, 1),))}, "stages must increase and are counted from 1; got stages=3,1"),
        ("se", {"stages": Choices(((1, 9),))}, "this backbone has the stages 1, 2, 3; got stages=9"),
        ("se", {"stages": Divisors()}, "stages must be a list of values; got divisors of the channels"),
        ("sk", {"at": Choices(("post-bn3",))}, "'sk' has no setting 'at'"),
        (
            "se",
            {"reduction": Choices((512, 1024))},
            "^se does not fit cifar-resnet.* with any reduction of the space: reduction must",
        ),
        ("sge", {"groups": Divisors(low=16)}, "no number in divisors .* divides every channel count; got the channels"),
        (
            "sge:groups=48",
            {"normalize": Choices((True, False))},
            "^sge:groups=48 does not fit .* with any normalize of the space: groups",
        ),
        (
            "sge",
            {"gate_scale_init": Floats(0, 1)},
            "^sge does not fit .* with any gate_scale_init of the space: groups",
        ),
        (
            "sge",
            {"at": Choices(("post-bn3",))},
            "^sge does not fit cifar-resnet[^ ]*: groups must divide channels",
        ),
    ],
)
def test_says_why_nothing_is_left(variant: str, space: dict[str, Domain], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        fitted_space(space, Variant.parse(variant), CIFAR)


def test_sk_searches_the_groups_that_divide_its_channels() -> None:
    (backbone,) = parsed("cifar-resnet:depth=14,width=8")
    fitted = fitted_space(declared_space(ATTENTION.get("sk").module_class), Variant("sk"), backbone)
    assert fitted["branch_groups"] == Choices((None, 1, 4, 8))
    wide = fitted_space({"branch_groups": Choices((None, 1, 16, 64))}, Variant("sk"), Variant("resnet50"))
    assert wide["branch_groups"] == Choices((None, 1, 16, 64))
    assert fitted_space({"branch_groups": Divisors()}, Variant("sk"), backbone) == {
        "branch_groups": Choices((1, 2, 4, 8))
    }


def test_a_value_stays_if_it_fits_with_some_other() -> None:
    space: dict[str, Domain] = {"kernel_size": Choices((7, 14, 8, 11)), "dilation": Choices((2, 3))}
    # ⌈K/d⌉ is odd for (14, 2), (14, 3), (7, 3) and (8, 3), and for 11 with neither.
    assert fitted_space(space, Variant("lka"), CIFAR) == {
        "kernel_size": Choices((7, 14, 8)),
        "dilation": Choices((2, 3)),
    }
    assert fitted_space({"kernel_size": space["kernel_size"]}, Variant.parse("lka:dilation=2"), CIFAR) == {
        "kernel_size": Choices((14,))
    }


def test_a_users_constructor_may_raise_what_it_likes() -> None:
    register_attention("moody", placement="block")(Moody)
    space: dict[str, Domain] = {
        "mood": Choices(("good", "bad", "odd")),
        "size": Integers(2, 9),
        "level": Floats(0, 1),
        "groups": Choices((1, 3, 8)),
    }
    fitted = fitted_space(space, Variant("moody"), CIFAR)
    assert fitted == {**space, "mood": Choices(("good", "odd")), "groups": Choices((1, 8))}
    hopeless = {**space, "mood": Choices(("bad", "never"))}
    with pytest.raises(
        SpecError, match=r"^moody does not fit .* with any mood, size, level, groups of the space: AssertionError"
    ):
        fitted_space(hopeless, Variant("moody"), CIFAR)


def test_of_a_long_range_odd_and_even_numbers_are_tried() -> None:
    register_attention("moody", placement="block")(Moody)
    space: dict[str, Domain] = {"size": Integers(2, 1000), "mood": Choices(("odd",)), "groups": Choices((1,))}
    assert fitted_space(space, Variant("moody"), CIFAR) == space


def test_a_users_constructor_may_compute_with_values() -> None:
    register_attention("counting", placement="block")(Counting)
    assert fitted_space({"size": Choices((2, 4, 8))}, Variant("counting"), CIFAR) == {"size": Choices((2, 4))}


def test_where_combinations_are_too_many_to_try_nothing_is_dropped() -> None:
    register_attention("moody", placement="block")(Moody)
    space: dict[str, Domain] = {"mood": Choices(("good", "bad")), "size": Integers(1, 60), "level": Floats(0, 1)}
    others: dict[str, Domain] = {"groups": Choices(tuple(range(1, 41)))}
    assert fitted_space({**space, **others}, Variant("moody"), CIFAR)["mood"] == Choices(("good", "bad"))
    assert fitted_space({**space, "groups": Choices((1,))}, Variant("moody"), CIFAR)["mood"] == Choices(("good",))


@pytest.mark.parametrize(
    ("variant", "backbone", "expected"),
    [
        ("sge", "resnet18", "sge"),
        ("sge", "cifar-resnet:depth=14", "sge:groups=16"),
        ("sge:normalize=false", "cifar-resnet:depth=14", "sge:groups=16,normalize=false"),
        ("sge:stages=3", "cifar-resnet:depth=14", "sge:stages=3"),
        ("sge:stages=2,3", "cifar-resnet:depth=14", "sge:groups=32,stages=2,3"),
        ("sa", "resnet18", "sa:groups=32"),
        ("sa", "cifar-resnet:depth=14", "sa:groups=8"),
        ("fca", "test_convnext", "fca:frequencies=8"),
        ("se", "cifar-resnet:depth=14,width=8", "se:reduction=8"),
        ("sk", "cifar-resnet:depth=14,width=8", "sk"),
    ],
)
def test_the_published_default_is_lowered_no_more_than_is_needed(variant: str, backbone: str, expected: str) -> None:
    attention, network = parsed(variant, backbone)
    space = declared_space(ATTENTION.get(attention.name).module_class)
    default = published_default(attention, fitted_space(space, attention, network), network)
    assert str(default) == expected
    assert does_build(default, network)


def test_the_published_default_takes_the_smallest_where_none_is_below() -> None:
    (variant,) = parsed("sge")
    assert str(published_default(variant, {"groups": Choices((4, 2))}, CIFAR)) == "sge:groups=4"
    register_attention("moody", placement="block")(Moody)
    with pytest.raises(SpecError, match="to compare with; se:reduction=64 does not: reduction"):
        published_default(Variant.parse("se:reduction=64"), {"reduction": Choices((2, 4))}, CIFAR)
    with pytest.raises(SpecError, match=r"name a variant that fits cifar-resnet.*; moody does not: ValueError"):
        published_default(Variant("moody"), {"mood": Choices(("bad",))}, CIFAR)


def test_defaults_are_those_of_the_settings_alone() -> None:
    class Strided(nn.Module):
        def __init__(
            self, in_channels: int, out_channels: int, *, stride: int = 1, groups: int = 1, needed: int, depth: int = 3
        ) -> None:
            super().__init__()

    register_attention("strided", placement="conv")(Strided)
    assert defaults_of("strided") == {"depth": 3}


@pytest.mark.parametrize(
    ("variant", "settings", "expected"),
    [
        ("sge", {"groups": 8, "normalize": True}, "sge:groups=8"),
        ("sge:groups=8", {"groups": 64}, "sge"),
        ("sge:groups=8,stages=3", {"groups": 4}, "sge:groups=4,stages=3"),
        ("sge:at=pre-add", {"at": "post-bn3"}, "sge"),
        ("bam", {"at": "stage", "stages": (1, 2)}, "bam:stages=1,2"),
        ("bam:stages=1", {"stages": None}, "bam"),
        ("bam", {"at": "post-bn3"}, "bam:at=post-bn3"),
        ("eca", {"kernel_size": None}, "eca"),
    ],
)
def test_settings_at_their_defaults_are_left_out(variant: str, settings: dict[str, object], expected: str) -> None:
    made = with_settings(Variant.parse(variant), settings)  # type: ignore[arg-type]
    assert str(made) == expected
    entry = ATTENTION.get(made.name)
    assert attention_placing(made).at == dict(made.settings).get("at", DEFAULT_TARGET[entry.placement])


def test_families_are_those_of_the_smallest_backbones() -> None:
    assert {family_of(Variant.parse(text).name).name for text in SMALLEST.values()} == set(SMALLEST)
