"""The variants of an ablation, without training."""

import pytest

from attnbench.ablate import ablation_suite, design_ablation
from attnbench.attention import ATTENTION
from attnbench.errors import AttnBenchError, SpecError
from attnbench.report.ablation.design import Design, Kind, label
from attnbench.spec import SuiteSpec
from attnbench.variant import Variant

SMALL = "cifar-resnet:depth=8,stem_stride=2,width=16"


def design(kind: Kind, attention: str, backbone: str = SMALL) -> Design:
    return design_ablation(kind, attention, SuiteSpec(attention=(), backbone=backbone, data="cluttered-digits"))


def variants(found: Design) -> list[str]:
    return [point.variant for point in found.points]


def test_groups_are_all_that_divide_every_channel_count() -> None:
    found = design("groups", "sge:groups=4")
    assert variants(found) == [f"sge:groups={number}" for number in (1, 2, 4, 8, 16)]
    assert [point.values for point in found.points] == [(1,), (2,), (4,), (8,), (16,)]
    assert (found.settings, found.reference) == (("groups",), "sge:groups=4")


def test_the_default_is_lowered_to_the_backbone_where_it_must_be() -> None:
    small, large = design("groups", "sge"), design("groups", "sge", "resnet50")
    assert (small.reference, small.default, small.published) == ("sge:groups=16", "sge:groups=16", (64,))
    assert (large.reference, large.default, large.published) == ("sge", "sge", (64,))
    assert variants(large) == [*(f"sge:groups={2**power}" for power in range(6)), "sge", "sge:groups=128",
                               "sge:groups=256"]  # fmt: skip


def test_the_other_settings_are_kept() -> None:
    found = design("groups", "sge:groups=4,normalize=false,stages=3")
    assert found.reference == "sge:groups=4,normalize=false,stages=3"
    assert variants(found)[-1] == "sge:normalize=false,stages=3"
    assert len(variants(found)) == 7


def test_initial_values_are_the_grids_of_all_settings_that_end_in_init() -> None:
    found = design("init", "sge:groups=4")
    assert found.settings == ("gate_scale_init", "gate_shift_init")
    assert [(point.variant, point.values) for point in found.points] == [
        ("sge:gate_shift_init=0.0,groups=4", (0.0, 0.0)),
        ("sge:groups=4", (0.0, 1.0)),
        ("sge:gate_scale_init=1.0,gate_shift_init=0.0,groups=4", (1.0, 0.0)),
        ("sge:gate_scale_init=1.0,groups=4", (1.0, 1.0)),
    ]
    assert found.default == found.reference == "sge:groups=4"


def test_a_reference_beside_the_grid_comes_first() -> None:
    found = design("init", "sge:gate_scale_init=0.5,groups=4")
    assert variants(found)[0] == found.reference == "sge:gate_scale_init=0.5,groups=4"
    assert found.points[0].values == (0.5, 1.0)
    assert len(found.points) == 5
    assert found.default == "sge:groups=4"


@pytest.mark.parametrize(
    "attention",
    ["sge:groups=4", "sge:groups=4,normalize=true", "sge:gate_scale_init=0,groups=4", "sge:at=post-bn3,groups=4",
     "sge:groups=4,stages=1,2,3"],
)  # fmt: skip
def test_what_is_at_its_default_is_left_out_so_that_one_record_serves_all(attention: str) -> None:
    found = design("normalization", attention)
    assert variants(found) == ["sge:groups=4", "sge:groups=4,normalize=false"]
    assert found.reference == "sge:groups=4"


def test_placements_are_those_of_the_backbone() -> None:
    found = design("placement", "sge:groups=4")
    assert variants(found) == ["sge:groups=4"] + [
        f"sge:at={at},groups=4" for at in ("pre-add", "post-add", "post-conv2", "pre-branch", "shortcut", "stage")
    ]
    assert found.points[0].values == ("post-bn3",)
    shuffle = design("placement", "sge:groups=2", "shufflenet_v2_x0_5")
    assert [point.values[0] for point in shuffle.points] == ["post-bn3", "post-conv2", "pre-branch", "stage"]


def test_a_place_that_the_module_does_not_fit_is_left_out_and_named() -> None:
    # The branches of ResNet-50 end in 256 channels and more; its narrowest spatial convolution has 64.
    found = design("placement", "sge:groups=256", "resnet50")
    assert "sge:at=post-conv2,groups=256" not in variants(found)
    assert "sge:at=post-add,groups=256" in variants(found)
    assert "at=post-conv2 is left out: it does not fit resnet50." in found.left_out


def test_stages_are_every_contiguous_run_and_once_after_each() -> None:
    found = design("stages", "sge:groups=4")
    assert variants(found) == [
        "sge:groups=4,stages=1",
        "sge:groups=4,stages=2",
        "sge:groups=4,stages=3",
        "sge:groups=4,stages=1,2",
        "sge:groups=4,stages=2,3",
        "sge:groups=4",
        "sge:at=stage,groups=4,stages=1",
        "sge:at=stage,groups=4,stages=2",
        "sge:at=stage,groups=4,stages=3",
    ]
    assert [label(found, point) for point in found.points] == [
        "stage 1", "stage 2", "stage 3", "stages 1–2", "stages 2–3", "stages 1–3",
        "after stage 1", "after stage 2", "after stage 3",
    ]  # fmt: skip
    assert len(design("stages", "sge", "resnet50").points) == 10 + 4
    assert len(design("stages", "sk").points) == 6  # it replaces convolutions, and stands nowhere else


def test_a_module_after_stages_leaves_out_the_last_by_default() -> None:
    found = design("stages", "bam")
    assert {point.values[1]: point.variant for point in found.points} == {
        (1,): "bam:stages=1", (2,): "bam:stages=2", (3,): "bam:stages=3", (1, 2): "bam", (2, 3): "bam:stages=2,3",
        (1, 2, 3): "bam:stages=1,2,3",
    }  # fmt: skip
    assert found.reference == found.default == "bam"
    assert label(found, found.point_of("bam")) == "after stages 1–2"


def test_stages_that_are_no_run_are_compared_as_they_are() -> None:
    found = design("stages", "sge:groups=4,stages=1,3")
    assert (variants(found)[0], label(found, found.points[0])) == ("sge:groups=4,stages=1,3", "stages 1,3")


@pytest.mark.parametrize("kind", ["groups", "init", "normalization", "placement", "stages"])
def test_every_module_is_ablated_or_told_which_ones_are(kind: Kind) -> None:
    designs: dict[str, Design] = {}
    refusals: dict[str, str] = {}
    # Where a module stands is looked up in the backbone, which takes longer, and is the same for all of a placement.
    names = ("bam", "ema", "sge", "sk") if kind in ("placement", "stages") else ATTENTION.names()
    for name in names:
        try:
            designs[name] = design(kind, name)
        except SpecError as error:
            refusals[name] = str(error)
    assert "sge" in designs
    assert ("sk" in designs) == (kind == "stages")
    for name, message in refusals.items():
        assert message.startswith(f"{name} has no setting")
        having = message.partition("; modules that have one: ")[2].split(", ")
        assert [other for other in having if other in names] == list(designs)
    for found in designs.values():
        assert found.reference in variants(found)
        assert len(variants(found)) == len(set(variants(found))) >= 2
        assert len({label(found, point) for point in found.points}) == len(found.points)
        assert [str(Variant.parse(variant)) for variant in variants(found)] == variants(found)


@pytest.mark.parametrize(
    ("kind", "attention", "message"),
    [
        ("groups", "simam", "simam has no setting groups for the ablation 'groups'; modules that have one: "),
        ("placement", "sk", "sk has no setting at for the ablation 'placement'; modules that have one: bam, "),
        ("normalization", "se", "se has no setting normalize of true and false for the ablation"),
        ("groups", "none", "an ablation changes settings of an attention module; got 'none', which has none"),
        ("groups", "sgee", "unknown attention module 'sgee'; did you mean 'sge'"),
        ("groups", "sge:groups=5", "groups must divide channels; got groups=5, channels=16"),
        ("groups", "sge:group=4", "'sge' has no setting 'group'; did you mean 'groups'"),
    ],
)
def test_a_mistake_is_named(kind: Kind, attention: str, message: str) -> None:
    with pytest.raises(AttnBenchError) as caught:
        design(kind, attention)
    assert message in str(caught.value)


def test_the_suite_is_the_baseline_and_the_points_under_one_recipe() -> None:
    suite = SuiteSpec(attention=("se",), backbone=SMALL, data="cluttered-digits", seeds=(0, 1))
    found = design_ablation("normalization", "sge:groups=4", suite)
    grid = ablation_suite(found, suite)
    assert grid.attention == ("none", "sge:groups=4", "sge:groups=4,normalize=false")
    assert (grid.seeds, grid.recipe, grid.backbone) == (suite.seeds, suite.recipe, suite.backbone)
    beside_itself = SuiteSpec(attention=(), backbone=SMALL, data="cluttered-digits", baseline="sge:groups=4")
    assert ablation_suite(found, beside_itself).attention == ("sge:groups=4", "sge:groups=4,normalize=false")
