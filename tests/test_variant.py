from typing import Literal

import pytest

from attnbench.errors import SpecError
from attnbench.variant import Scalar, Variant, check_settings, split_variants


class Gate:
    def __init__(
        self,
        channels: int,
        *,
        groups: int = 4,
        slope: float = 1.0,
        bias: bool = True,
        extent: int | Literal["global"] = 2,
        free=None,  # type: ignore[no-untyped-def]
        stride: int = 1,
    ) -> None: ...


@pytest.mark.parametrize(
    ("text", "name", "settings"),
    [
        ("sge", "sge", {}),
        (" sge : groups = 32 ", "sge", {"groups": 32}),
        ("ge:extent=global,parametric=False", "ge", {"extent": "global", "parametric": False}),
        ("x:a=1e-3,b=-2,c=none,d=0.5", "x", {"a": 0.001, "b": -2, "c": None, "d": 0.5}),
        ("x:a=nan,b=inf", "x", {"a": "nan", "b": "inf"}),
    ],
)
def test_reads_names_and_settings(text: str, name: str, settings: dict[str, Scalar]) -> None:
    variant = Variant.parse(text)
    assert (variant.name, dict(variant.settings)) == (name, settings)
    assert Variant.parse(str(variant)) == variant


def test_the_order_of_settings_does_not_matter() -> None:
    assert str(Variant.parse("x:b=1,a=2")) == str(Variant.parse("x:a=2,b=1")) == "x:a=2,b=1"


@pytest.mark.parametrize("text", ["", ":a=1", "x:", "x:a", "x:a=", "x:=1", "x:a=1,,b=2"])
def test_refuses_what_is_not_a_variant(text: str) -> None:
    with pytest.raises(SpecError, match="written name"):
        Variant.parse(text)


def test_refuses_a_setting_given_twice() -> None:
    with pytest.raises(SpecError, match="'a' is given twice"):
        Variant.parse("x:a=1,a=2")


def test_splits_a_list_whose_settings_hold_commas() -> None:
    assert split_variants("none, sge:groups=8,gate_scale_init=1 ,se") == [
        "none",
        "sge:groups=8,gate_scale_init=1",
        "se",
    ]


def test_gives_settings_of_the_annotated_types() -> None:
    checked = check_settings(Gate, Variant.parse("g:groups=2,slope=1,bias=false,extent=global,free=3"))
    assert checked == {"groups": 2, "slope": 1.0, "bias": False, "extent": "global", "free": 3}
    assert isinstance(checked["slope"], float)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g:grups=2", r"'g' has no setting 'grups'; did you mean 'groups'\?"),
        ("g:channels=2", "has no setting 'channels'"),
        ("g:stride=2", "has no setting 'stride'"),
        ("g:groups=2.5", "groups must be an integer; got groups=2.5"),
        ("g:bias=1", "bias must be true or false; got bias=1"),
        ("g:extent=local", "extent must be an integer or global; got extent=local"),
    ],
)
def test_refuses_settings_that_do_not_fit(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_settings(Gate, Variant.parse(text), reserved=("stride",))
