from typing import Literal

import pytest

from attnbench.errors import SpecError
from attnbench.variant import Setting, Variant, check_settings, settings_of, split_variants


class Gate:
    def __init__(
        self,
        channels: int,
        *,
        groups: int = 4,
        slope: float = 1.0,
        bias: bool = True,
        extent: int | Literal["global"] = 2,
        stages: int | tuple[int, ...] | None = None,
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
        ("x:a=3,4,b=5", "x", {"a": (3, 4), "b": 5}),
        ("x:b=5,a=03, 4 ,12", "x", {"a": (3, 4, 12), "b": 5}),
        ("x:a=global,4", "x", {"a": "global,4"}),
        (f"x:a={2**63 - 1},b={2**63}", "x", {"a": 2**63 - 1, "b": 2.0**63}),
        (f"x:a={'9' * 400},b=-{'9' * 5_000}", "x", {"a": "9" * 400, "b": "-" + "9" * 5_000}),
        (f"x:a=1,{'9' * 5_000}", "x", {"a": "1," + "9" * 5_000}),
    ],
)
def test_reads_names_and_settings(text: str, name: str, settings: dict[str, Setting]) -> None:
    variant = Variant.parse(text)
    assert (variant.name, dict(variant.settings)) == (name, settings)
    assert Variant.parse(str(variant)) == variant


def test_a_list_of_integers_is_written_as_it_is_read() -> None:
    assert str(Variant.parse("sge:stages=3, 04,groups=8")) == "sge:groups=8,stages=3,4"


def test_the_order_of_settings_does_not_matter() -> None:
    assert str(Variant.parse("x:b=1,a=2")) == str(Variant.parse("x:a=2,b=1")) == "x:a=2,b=1"


@pytest.mark.parametrize("text", ["", ":a=1", "x:", "x:a", "x:3", "x:3,4", "x:a=", "x:=1", "x:a=1,,b=2", "x:a=1,-2"])
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


def test_digits_alone_continue_a_list_of_integers() -> None:
    assert split_variants("none,sge:stages=3,4,se,ge:extent=8,stages=1, 2 ,groups=4,bam:stages=1") == [
        "none",
        "sge:stages=3,4",
        "se",
        "ge:extent=8,stages=1,2,groups=4",
        "bam:stages=1",
    ]


def test_digits_after_a_variant_without_settings_are_a_variant_of_their_own() -> None:
    assert split_variants("none,4") == ["none", "4"]


def test_gives_settings_of_the_annotated_types() -> None:
    checked = check_settings(Gate, Variant.parse("g:groups=2,slope=1,bias=false,extent=global,free=3"))
    assert checked == {"groups": 2, "slope": 1.0, "bias": False, "extent": "global", "free": 3}
    assert isinstance(checked["slope"], float)
    assert check_settings(Gate, Variant.parse("g:stages=3,4")) == {"stages": (3, 4)}


def test_takes_settings_beside_those_of_the_constructor() -> None:
    class Other:
        def __init__(self, *, at: str = "end") -> None: ...

    beside = settings_of(Other)
    assert check_settings(Gate, Variant.parse("g:at=start,groups=2"), beside=beside) == {"at": "start", "groups": 2}
    with pytest.raises(SpecError, match=r"'g' has no setting 'att'; did you mean 'at'\?"):
        check_settings(Gate, Variant.parse("g:att=start"), beside=beside)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("g:grups=2", r"'g' has no setting 'grups'; did you mean 'groups'\?"),
        ("g:channels=2", "has no setting 'channels'"),
        ("g:stride=2", "has no setting 'stride'"),
        ("g:groups=2.5", "groups must be an integer; got groups=2.5"),
        ("g:bias=1", "bias must be true or false; got bias=1"),
        ("g:extent=local", "extent must be an integer or global; got extent=local"),
        ("g:groups=2,3", "groups must be an integer; got groups=2,3"),
        ("g:extent=\x1b[31m", r"extent must be printable text of at most 1000 characters; got extent='\\x1b\[31m'"),
        ("g:extent=\ud800", r"extent must be printable text of at most 1000 characters; got extent='\\ud800'"),
        ("g:free=" + "a" * 1_001, r"free must be printable text of at most 1000 characters; got free='aaa"),
        ("g:stages=first", r"stages must be an integer or integers \(3,4\) or none; got stages=first"),
    ],
)
def test_refuses_settings_that_do_not_fit(text: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        check_settings(Gate, Variant.parse(text), reserved=("stride",))


def test_a_message_does_not_repeat_what_is_long() -> None:
    for text in ("x:" + "a" * 10_000, "x:" + "a" * 10_000 + "=1," + "a" * 10_000 + "=2"):
        with pytest.raises(SpecError) as caught:
            Variant.parse(text)
        assert len(str(caught.value)) < 600
