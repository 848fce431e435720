"""The pages of the modules: they are all there, and what they say is what attnbench computes."""

import re
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest
from torch import nn

import attnbench
from attnbench.attention import ATTENTION
from attnbench.attention.registration import RESERVED
from attnbench.measure import Macs, count_macs, count_parameters
from attnbench.variant import Variant, settings_of

ROOT = Path(__file__).parents[1]
MODULES = ROOT / "docs" / "modules"
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
NAMES = ATTENTION.names()
HEADINGS = ["Equation", "Paper", "Settings", "Departures", "Parameters", "Cost"]
BACKBONE, IMAGE = "resnet50", (3, 224, 224)
NUMBER = r"([+−](?:\d|,\d)+)"


class Network(NamedTuple):
    name: str
    model: nn.Module


class Added(NamedTuple):
    parameters: str
    macs: str


def page(name: str) -> str:
    return (MODULES / f"{name}.md").read_text()


def section(name: str, heading: str) -> str:
    (text,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", page(name), re.DOTALL | re.MULTILINE)
    return str(text)


def rows(text: str) -> list[list[str]]:
    """Cells of the tables in a text, without their backticks."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def the_number(name: str, pattern: str) -> str:
    (number,) = re.findall(pattern, " ".join(page(name).split()))
    return str(number)


def forms() -> dict[str, Added]:
    """Variants whose numbers stand in a table, beside those of their page's two lines."""
    tables = (rows(section(name, "Cost")) for name in NAMES if (MODULES / f"{name}.md").is_file())
    return {
        variant: Added(parameters, macs)
        for table in tables
        for variant, parameters, macs, *_ in table
        if re.fullmatch(NUMBER, parameters)
    }


def difference(value: int, baseline: int) -> str:
    return f"{value - baseline:+,}".replace("-", "−")


@pytest.fixture(scope="module")
def plain() -> nn.Module:
    return attnbench.create_model(BACKBONE)


@pytest.fixture(scope="module")
def plain_macs(plain: nn.Module) -> Macs:
    return count_macs(plain, IMAGE)


@pytest.fixture(scope="module", params=NAMES)
def network(request: pytest.FixtureRequest) -> Network:
    """The backbone with one module; the tests of one network run one after another."""
    return Network(request.param, attnbench.create_model(BACKBONE, request.param))


@pytest.mark.parametrize("name", NAMES)
def test_every_module_has_its_page_in_order(name: str) -> None:
    text = page(name)
    assert re.match(rf"# .+ \(`{re.escape(name)}`\)\n", text)
    assert f"]({name}.svg)" in text
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert [heading for heading in headings if heading in HEADINGS] == HEADINGS


@pytest.mark.parametrize("name", NAMES)
def test_every_picture_is_that_of_its_source(name: str) -> None:
    source = (MODULES / f"{name}.dot").read_text()
    labels = re.findall(r'\blabel="(.*?)"', source)
    lines = {line.strip() for label in labels for line in label.split(r"\n")} - {""}
    drawn = ElementTree.parse(MODULES / f"{name}.svg").iter("{http://www.w3.org/2000/svg}text")
    words = {(element.text or "").replace("\xa0", " ").strip() for element in drawn}
    assert {"x", "y"} <= words
    assert lines <= words
    assert "rankdir=LR" in source


@pytest.mark.parametrize("name", NAMES)
def test_the_settings_are_those_of_the_class(name: str) -> None:
    entry = ATTENTION.get(name)
    expected = settings_of(entry.module_class, reserved=RESERVED[entry.placement])
    stated = [f"{name}:{setting}={default}" for setting, default, _ in rows(section(name, "Settings"))[2:]]
    settings = [Variant.parse(text).settings[0] for text in stated]
    assert sorted(settings) == sorted((setting, parameter.default) for setting, parameter in expected.items())


def test_the_parameters_are_those_of_the_network(network: Network, plain: nn.Module) -> None:
    stated = the_number(network.name, rf"In ResNet-50: {NUMBER} parameters\.")
    assert stated == difference(count_parameters(network.model), count_parameters(plain))


@pytest.mark.slow
def test_the_macs_are_those_of_the_network_and_name_what_they_leave_out(network: Network, plain_macs: Macs) -> None:
    counted = count_macs(network.model, IMAGE)
    sentence = rf"In ResNet-50 at 224×224: {NUMBER} MACs by fvcore's default rules, which leave out \S"
    assert the_number(network.name, sentence) == difference(counted.macs, plain_macs.macs)
    left_out = counted.uncounted_operators.keys() - plain_macs.uncounted_operators.keys()
    named = set(re.findall(r"`(\w+)`", section(network.name, "Cost")))
    assert {operator.removeprefix("aten::") for operator in left_out} <= named


@pytest.mark.slow
@pytest.mark.parametrize(("variant", "stated"), forms().items(), ids=forms())
def test_so_are_the_numbers_of_its_forms(variant: str, stated: Added, plain: nn.Module, plain_macs: Macs) -> None:
    model = attnbench.create_model(BACKBONE, variant)
    parameters = difference(count_parameters(model), count_parameters(plain))
    assert stated == Added(parameters, difference(count_macs(model, IMAGE).macs, plain_macs.macs))


def test_the_index_lists_every_module_and_where_it_stands() -> None:
    listed = {row[0]: row for row in rows(page("index"))[2:]}
    assert sorted(listed) == sorted(f"[`{name}`]({name}.md)" for name in NAMES)
    for name in NAMES:
        assert listed[f"[`{name}`]({name}.md)"][3] == ATTENTION.get(name).placement


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_to_a_file(path: Path) -> None:
    targets = re.findall(r"\]\(([^)\s#]+)", path.read_text())
    missing = [target for target in targets if "://" not in target and not (path.parent / target).is_file()]
    assert missing == []
