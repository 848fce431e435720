"""YAML that nobody means, and what is read of it."""

import pytest

from attnbench.errors import SpecError
from attnbench.plain_yaml import read_yaml, write_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("[0, 12, -3, +4]", [0, 12, -3, 4]),
        ("[1.5, 1.0e-3, .inf]", [1.5, 0.001, float("inf")]),
        ("[true, no, ~, null]", [True, False, None, None]),
        ("[2030-01-01, 2030-13-45]", ["2030-01-01", "2030-13-45"]),
        ("[010, 0x1F, 0b_, 1:30, 1_000]", ["010", "0x1F", "0b_", "1:30", "1_000"]),
        ("{a: &x {b: 1}, c: {<<: *x, d: 2}}", {"a": {"b": 1}, "c": {"b": 1, "d": 2}}),
        ("a: &a {<<: &b {x: 1}, x: 2}\nc: {<<: *a, x: 3}", {"a": {"x": 2}, "c": {"x": 3}}),
        ("", None),
    ],
)
def test_reads_what_is_meant(text: str, value: object) -> None:
    assert read_yaml(text, source="s") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", r"^s is not valid YAML: while parsing a flow node"),
        ("[" * 10_000, r"^s is not valid YAML here: its brackets nest too deep$"),
        ("{a: 1, b: 2, a: 3}", r"^s is not valid YAML: the key 'a' is there twice in .*line 1, column 14"),
        ("a: !!int foo", r"^s is not valid YAML: a value does not fit its tag: invalid literal for int"),
        ("a: !!timestamp x", r"^s is not valid YAML: a value does not fit its tag: "),
        ("a: !!bool x", r"^s is not valid YAML: a value does not fit its tag: 'x'$"),
        ("a: 1" + "0" * 5_000, r"^s is not valid YAML: a value does not fit its tag: Exceeds the limit"),
        ("a: !!python/object/apply:os.system [ls]", r"^s is not valid YAML: could not determine a constructor"),
        ("a: &a [*a]", r"^s stands for more than 100,000 values; are its aliases meant\?$"),
        ("&a {b: *a}", r"^s stands for more than 100,000 values"),
    ],
)
def test_refuses_all_else_in_a_sentence(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        read_yaml(text, source="s")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("is_on_one_line", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "0\x850",
        "a\u2028b",
        "a\u202eb",
        "\xa0",
        "\U000e0001é",
        "\x1b[31m",
        "a\nb\n",
        " ",
        "",
        "é: [1]",
        "1:30",
        "010",
        "true",
        "# a",
        "a" * 200 + " b",
    ],
)
def test_what_is_written_is_read(text: str, is_on_one_line: bool) -> None:
    data = {"a": [text, {text: 1.5}], "b": [3, True, None]}
    written = write_yaml(data, is_on_one_line=is_on_one_line)
    assert read_yaml(written, source="s") == data
    assert written.replace("\n", "").isprintable()
    assert written.count("\n") == 1 or not is_on_one_line


def test_aliases_of_aliases_fill_no_memory() -> None:
    doubled = "\n".join(f"a{level}: &a{level} [*a{level - 1}, *a{level - 1}]" for level in range(1, 60))
    with pytest.raises(SpecError, match="stands for more than 100,000 values"):
        read_yaml(f"a0: &a0 x\n{doubled}", source="s")
