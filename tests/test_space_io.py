import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from attnbench.attention import ATTENTION
from attnbench.attention.declared_space import declared_space
from attnbench.errors import SpecError
from attnbench.plain_yaml import read_yaml
from attnbench.space import Choices, Divisors, Domain, Floats, Integers
from attnbench.space_io import read_space, space_from_builtins, space_to_builtins, space_to_yaml

EVERY_FORM: dict[str, Domain] = {
    "groups": Divisors(),
    "width": Divisors(2, 32),
    "low": Divisors(low=2),
    "high": Divisors(high=32),
    "normalize": Choices((True, False, None)),
    "stages": Choices(((1,), (2, 3), 4)),
    "extent": Choices((2, 4.0, "global")),
    "kernel_size": Integers(1, 9),
    "depth": Integers(1, 1000, (1, 10, 100), log=True),
    "recipe.learning_rate": Floats(1e-6, 0.3, (1e-6, 0.1), log=True),
    "gate": Floats(-1, 2, (0, 1)),
}


def read(text: str) -> dict[str, Domain]:
    return space_from_builtins(yaml.safe_load(text), source="space.yaml")


def exactly(space: dict[str, Domain]) -> str:
    """With the types of the numbers, which `==` does not see: 4 and 4.0 are two settings."""
    return repr(space)


def test_a_space_survives_yaml(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(space_to_yaml(EVERY_FORM), encoding="utf-8")
    assert exactly(read_space(path)) == exactly(EVERY_FORM)
    assert exactly(space_from_builtins(space_to_builtins(EVERY_FORM), source="s")) == exactly(EVERY_FORM)


@pytest.mark.parametrize("name", ATTENTION.names())
def test_so_does_that_of_every_module(name: str) -> None:
    space = dict(declared_space(ATTENTION.get(name).module_class))
    assert exactly(space_from_builtins(yaml.safe_load(space_to_yaml(space)) or {}, source="s")) == exactly(space)


def test_is_written_a_line_a_setting_in_its_order() -> None:
    assert space_to_yaml({name: EVERY_FORM[name] for name in ("width", "groups", "stages", "depth")}) == (
        "width: {divisors: {low: 2, high: 32}}\n"
        "groups: divisors\n"
        "stages: [[1], [2, 3], 4]\n"
        "depth: {low: 1, high: 1000, log: true, grid: [1, 10, 100]}\n"
    )
    many = {"extent": Choices(tuple(range(1000, 1400)))}
    assert space_to_yaml(many).count("\n") == 1


@pytest.mark.parametrize(
    ("text", "domain"),
    [
        ("divisors", Divisors()),
        ("{divisors: {}}", Divisors()),
        ("{divisors: {high: 32}}", Divisors(high=32)),
        ("{low: 1, high: 8}", Integers(1, 8)),
        ("{low: 1.0, high: 8}", Floats(1, 8)),
        ("{low: 1, high: 8.0}", Floats(1, 8)),
        ("{low: 1e-3, high: 1e0, log: true}", Floats(0.001, 1, log=True)),
        ("{low: 0, high: 1.0, grid: [0, 1e-1]}", Floats(0, 1, (0, 0.1))),
        ("{low: '1', high: '8'}", Integers(1, 8)),
        ("[1e-3, 1, 'none', ~, True, learnt]", None),
    ],
)
def test_reads_numbers_as_they_are_written(text: str, domain: Domain | None) -> None:
    if domain is None:
        with pytest.raises(SpecError, match=r"^space.yaml: x: choices must .* each named once; got .*none \| none"):
            read(f"x: {text}")
        return
    assert exactly(read(f"x: {text}")) == exactly({"x": domain})


def test_reads_text_among_choices_as_in_a_variant() -> None:
    (domain,) = read("x: [1e-3, none, 'true', '3,4', '8', learnt, 2]").values()
    assert repr(domain) == repr(Choices((0.001, None, True, (3, 4), 8, "learnt", 2)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- groups", r"^space.yaml: a space must be a mapping of settings to what they may be; got \['groups'\]$"),
        ("", r"^space.yaml: a space must be a mapping .*; got None$"),
        (
            "true: [1]",
            r"^space.yaml: the name of a setting must be a word of at most 200 characters, such as .*; got True$",
        ),
        ("'': [1]", r"^space.yaml: the name of a setting must be a word .*; got ''$"),
        ("recipe.: [1]", r"^space.yaml: the name of a setting must be a word .*; got 'recipe.'$"),
        ("a" * 201 + ": [1]", r"^space.yaml: the name of a setting must be a word .*; got 'a+...a+'$"),
        ("x: 64", r"^space.yaml: x: must be divisors, a list of values, or low and high; got 64$"),
        ("x: divisor", r"^space.yaml: x: must be divisors, a list of values, or low and high; got 'divisor'$"),
        ("x:", r"^space.yaml: x: must be divisors, a list of values, or low and high; got None$"),
        ("x: []", r"^space.yaml: x: choices must be at least one value"),
        ("x: [1, 1]", r"^space.yaml: x: choices must .* each named once; got 1 \| 1$"),
        ("x: [{a: 1}]", r"^space.yaml: x: a choice must be true, false, none, a number, .*; got {'a': 1}$"),
        ("x: [2020-01-01]", r"^space.yaml: x: a choice must be .*; got datetime.date\(2020, 1, 1\)$"),
        ("x: [[1, 2.5]]", r"^space.yaml: x: a choice must be .* or a list of whole numbers; got \[1, 2.5\]$"),
        ("x: [[]]", r"^space.yaml: x: a choice must be .*; got \[\]$"),
        ("x: ['']", r"^space.yaml: x: a choice must be .*; got ''$"),
        ("x: ['a,b=c']", r"^space.yaml: x: a choice must be .*; got 'a,b=c'$"),
        ("x: {low: 1, hihg: 2}", r"^space.yaml: x: unknown field hihg; did you mean 'high'\?$"),
        ("x: {low: 1, high: 2, step: 1}", r"^space.yaml: x: unknown field step; allowed: grid, high, log, low$"),
        ("x: {divisors: {lo: 1}}", r"^space.yaml: x: unknown field lo; did you mean 'low'\?$"),
        ("x: {divisors: {low: 1}, log: true}", r"^space.yaml: x: unknown field log; allowed: divisors$"),
        ("x: {divisors: 8}", r"^space.yaml: x: the bounds of divisors are written {low: 2, high: 32}; got 8$"),
        ("x: {divisors: {low: 1.5}}", r"^space.yaml: x: divisors take whole numbers; got 1.5$"),
        ("x: {divisors: {low: 0}}", r"^space.yaml: x: divisors need 1 ≤ low ≤ high; got low=0, high=None$"),
        ("x: {low: 1}", r"^space.yaml: x: a range needs low and high; got {'low': 1}$"),
        ("x: {}", r"^space.yaml: x: a range needs low and high; got {}$"),
        ("x: {low: a, high: 2}", r"^space.yaml: x: low must be a number; got 'a'$"),
        ("x: {low: true, high: 2}", r"^space.yaml: x: low must be a number; got True$"),
        ("x: {low: 1, high: [2]}", r"^space.yaml: x: high must be a number; got \[2\]$"),
        ("x: {low: 2, high: 1}", r"^space.yaml: x: a range needs finite bounds, low < high; got low=2, high=1$"),
        ("x: {low: 0.0, high: .inf}", r"^space.yaml: x: a range needs finite bounds"),
        ("x: {low: 1, high: 2, log: 'yes'}", r"^space.yaml: x: log must be true or false; got 'yes'$"),
        ("x: {low: 1, high: 2, grid: 1}", r"^space.yaml: x: grid must be a list of numbers; got 1$"),
        ("x: {low: 1, high: 2, grid: [1, b]}", r"^space.yaml: x: grid must be a number; got 'b'$"),
        ("x: {low: 1, high: 2, grid: [1, 3]}", r"^space.yaml: x: a grid's values lie in its range"),
        (
            "x: {low: 0, high: 1, grid: [0, 0.5]}",
            r"^space.yaml: x: between whole bounds grid must be of whole numbers; got 0.5; for fractions write "
            r"low: 0.0, high: 1.0$",
        ),
    ],
)
def test_says_which_setting_is_wrong(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        read(text)


def test_says_which_file_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"^cannot read the space .*nothing.yaml: No such file"):
        read_space(tmp_path / "nothing.yaml")
    with pytest.raises(SpecError, match=r"^cannot read the space .*: Is a directory"):
        read_space(tmp_path)
    path = tmp_path / "space.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SpecError, match=r"^cannot read the space .*space.yaml: .*codec can't decode"):
        read_space(path)
    path.write_text("x: [")
    with pytest.raises(SpecError, match=r"space.yaml is not valid YAML: while parsing"):
        read_space(path)
    path.write_text("x: {low: 1, hihg: 2}")
    with pytest.raises(SpecError, match=r"^.*space.yaml: x: unknown field hihg; did you mean 'high'\?$"):
        read_space(str(path))


def test_needs_no_torch() -> None:
    code = "import sys, attnbench.space_io; from attnbench import Choices; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("low", [-(10**400), 10**400])
@pytest.mark.parametrize("high", [1, 1.5])
def test_a_number_that_no_record_holds_is_refused(low: int, high: float) -> None:
    with pytest.raises(SpecError, match=r"^s: x: .* must be a number of 64 bits"):
        space_from_builtins({"x": {"low": low, "high": high}}, source="s")
    with pytest.raises(SpecError, match=r"^s: x: a choice must be"):
        space_from_builtins({"x": [low, high]}, source="s")


def test_an_empty_space_comes_back() -> None:
    assert space_from_builtins(read_yaml(space_to_yaml({}), source="s"), source="s") == {}
