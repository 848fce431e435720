"""Where attention modules stand in every family, held against what the documentation says."""

import copy
from pathlib import Path

import pytest
import torch

from attnbench.attention.registration import TARGETS as ALL_TARGETS
from attnbench.errors import PlacementError, SpecError
from attnbench.models.backbones import family_of
from attnbench.models.families import FAMILIES
from tests.models.modules import SMALLEST, TARGETS, Unchanged, built, register_all, without_own

DOCUMENTATION = Path(__file__).parents[2] / "docs" / "backbones.md"


@pytest.fixture(autouse=True)
def _registered() -> None:
    register_all()


def documented() -> dict[str, dict[str, bool]]:
    """The table of families and positions in the documentation."""
    rows = [line.strip("|").split("|") for line in DOCUMENTATION.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip().strip("`") for cell in row] for row in rows]
    start = next(number for number, row in enumerate(cells) if row[:2] == ["family", "post-bn3"])
    header = cells[start]
    table = {}
    for row in cells[start + 2 : start + 2 + len(FAMILIES)]:
        assert all(cell == "yes" or cell.startswith("no") for cell in row[1:]), row
        table[row[0]] = {target: cell == "yes" for target, cell in zip(header[1:], row[1:], strict=True)}
    return table


def test_the_documentation_says_what_each_family_declares() -> None:
    assert documented() == {
        family.name: {target: target in family.targets for target in ALL_TARGETS} for family in FAMILIES
    }
    assert SMALLEST.keys() == {family.name for family in FAMILIES}


@pytest.mark.parametrize("target", ALL_TARGETS)
@pytest.mark.parametrize("family", SMALLEST)
def test_a_family_takes_what_the_documentation_says_and_learns_there(family: str, target: str) -> None:
    attention = "sk:branch_groups=1" if target == "conv" else f"se:at={target},reduction=2"
    if not documented()[family][target]:
        with pytest.raises(PlacementError, match=f"takes no module at '{target}': .*; it takes them at post-bn3"):
            built(SMALLEST[family], attention)
        return
    made = built(SMALLEST[family], attention)
    made.model(torch.randn(4, 3, 64, 64)).square().sum().backward()
    for place in made.places:
        assert made.model.get_submodule(place.name) is place.module
        for parameter in place.module.parameters():
            assert parameter.grad is not None
            assert torch.isfinite(parameter.grad).all()
    assert any(parameter.grad.any() for place in made.places for parameter in place.module.parameters())


@pytest.mark.parametrize(("family", "target"), TARGETS)
def test_a_module_that_changes_nothing_leaves_the_backbone_as_it_is(family: str, target: str) -> None:
    backbone = SMALLEST[family]
    made = built(backbone, f"unchanged:at={target}")
    plain = without_own(backbone)
    assert made.model.state_dict().keys() == plain.state_dict().keys()
    images = torch.randn(2, 3, 64, 64)
    for place in made.places:
        assert isinstance(place.module, Unchanged)
        place.module.num_calls = 0
    with torch.no_grad():
        assert torch.equal(made.model.eval()(images), plain.eval()(images))
    assert [place.module.num_calls for place in made.places] == [1] * len(made.places)


@pytest.mark.parametrize("family", SMALLEST)
def test_stages_choose_whose_blocks_are_filled(family: str) -> None:
    backbone = SMALLEST[family]
    everywhere = [place.name for place in built(backbone, "unchanged").places]
    stages = family_of(family if family == "cifar-resnet" else backbone.partition(":")[0]).stages(without_own(backbone))
    for number, stage in enumerate(stages, start=1):
        names = [place.name for place in built(backbone, f"unchanged:stages={number}").places]
        assert names == [name for name in everywhere if name.startswith(f"{stage.name}.")]
        assert len(names) == len(stage.blocks)
    last = len(stages)
    names = [place.name for place in built(backbone, f"unchanged:stages=1,{last}").places]
    assert names == [name for name in everywhere if name.startswith((f"{stages[0].name}.", f"{stages[-1].name}."))]
    with pytest.raises(SpecError, match=rf"this backbone has the stages 1, .*{last}; got stages=1,{last + 1}"):
        built(backbone, f"unchanged:stages=1,{last + 1}")


def test_a_position_that_no_chosen_block_has_is_an_error() -> None:
    with pytest.raises(PlacementError, match="no place for a module at 'pre-add' in stages=1"):
        built("mobilenetv2_035", "unchanged:at=pre-add,stages=1")


@pytest.mark.parametrize("position", ["pre-branch", "post-add", "shortcut", "post-bn3"])
def test_a_copy_of_a_model_uses_its_own_modules(position: str) -> None:
    made = built(SMALLEST["cifar-resnet"], f"recorded:at={position}")
    model, images = made.model.eval(), torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        before = model(images)
        other = copy.deepcopy(model)
        for place in made.places:
            other.get_submodule(place.name).weight.fill_(0)
        assert torch.equal(model(images), before)
        assert not torch.allclose(other(images), before)


@pytest.mark.parametrize(
    ("backbone", "position"),
    [
        ("cifar-resnet:depth=8,width=8", "pre-branch"),
        ("cifar-resnet:depth=8,width=8", "post-add"),
        ("test_convnext2", "post-conv2"),
    ],
)
def test_a_placed_module_compiles_in_one_graph(backbone: str, position: str) -> None:
    model = built(backbone, f"se:reduction=2,at={position}").model.eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        compiled = torch.compile(model, fullgraph=True, backend="aot_eager")(images)
        torch.testing.assert_close(compiled, model(images))
