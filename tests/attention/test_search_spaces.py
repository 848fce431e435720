"""What the modules declare that a search may try, and what a user's module may declare."""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

import attnbench
from attnbench.attention import ATTENTION, register_attention
from attnbench.attention.declared_space import declared_space
from attnbench.attention.registration import RESERVED, attention_placing, attention_settings
from attnbench.cli import main
from attnbench.errors import ContractError, PlacementError, SpecError
from attnbench.models.fitting import defaults_of, fitted_space, published_default, with_settings
from attnbench.models.meeting import meetings
from attnbench.space import Choices, Divisors, Domain, Floats, Integers, common_divisors, finite_values
from attnbench.space_io import space_from_builtins
from attnbench.variant import Setting, Variant, settings_of
from tests.attention.inputs import arrays, filled, random_map
from tests.models.modules import built

NAMES = ATTENTION.names()
SEARCHED = [name for name in NAMES if declared_space(ATTENTION.get(name).module_class)]
SETTINGS = [(name, setting) for name in SEARCHED for setting in declared_space(ATTENTION.get(name).module_class)]
NOT_SEARCHED = {"lsk": set(), "srm": {"source"}}
BACKBONES = ["cifar-resnet:depth=14,width=8", "regnety_002", "test_convnext"]
WIDTHS = (64, 512)
DOCUMENTATION = Path(__file__).parents[2] / "docs" / "modules" / "search-spaces.md"

REFUSED_TOGETHER: dict[str, Callable[[Mapping[str, Setting]], bool]] = {
    "cbam": lambda settings: not (settings["channel_gate"] or settings["spatial_gate"]),
}
"""Of the values that fit by themselves, the combinations that do not."""


def space_of(name: str) -> dict[str, Domain]:
    return dict(declared_space(ATTENTION.get(name).module_class))


def values_at(setting: str, domain: Domain, channels: int) -> tuple[Setting, ...]:
    return finite_values(setting, common_divisors(domain, (channels,)) if isinstance(domain, Divisors) else domain)


def made(name: str, settings: Mapping[str, Setting], channels: int) -> nn.Module:
    entry = ATTENTION.get(name)
    torch.manual_seed(0)
    if entry.placement == "conv":
        return entry.module_class(channels, channels, stride=1, groups=1, **settings)
    return entry.module_class(channels, **settings)


def are_alike(first: nn.Module, second: nn.Module, channels: int) -> bool:
    """Whether two new modules have the same state, and compute the same when both are filled alike."""
    x = random_map(2, channels, 9, 9)
    for module in (first, second):
        module.double().eval()(x)  # a module may size its weights by the first map
    states = arrays(first), arrays(second)
    same_shapes = [(key, value.shape) for key, value in states[0].items()] == [
        (key, value.shape) for key, value in states[1].items()
    ]
    return (
        same_shapes
        and all((value == states[1][key]).all() for key, value in states[0].items())
        and torch.equal(filled(first)(x), filled(second)(x))
    )


def is_as_by_default(name: str, settings: Mapping[str, Setting], channels: int) -> bool:
    """Whether settings change nothing on so many channels; where they do not fit, there is nothing to compare."""
    try:
        pair = made(name, {}, channels), made(name, settings, channels)
    except SpecError:
        return True
    return are_alike(*pair, channels)


def test_every_module_with_settings_but_its_source_declares_a_space() -> None:
    without = {name: {*defaults_of(name)} for name in NAMES if name not in SEARCHED}
    assert without == NOT_SEARCHED


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_a_searched_setting_exists_and_its_default_lies_in_the_space(name: str, setting: str) -> None:
    entry, domain = ATTENTION.get(name), space_of(name)[setting]
    parameter = settings_of(entry.module_class, reserved=RESERVED[entry.placement])[setting]
    assert setting != "source"
    if isinstance(domain, Choices):
        assert any(parameter.default is value or repr(parameter.default) == repr(value) for value in domain.values)
    elif isinstance(domain, Divisors):
        # In the networks that the papers' defaults are for.
        assert parameter.default in common_divisors(domain, (256, 512, 1024, 2048)).values
    else:
        assert domain.low <= parameter.default <= domain.high
        assert parameter.default in finite_values(setting, domain)


@pytest.mark.parametrize(("name", "setting"), SETTINGS)
def test_every_searched_value_makes_another_module_than_the_default(name: str, setting: str) -> None:
    domain, default = space_of(name)[setting], defaults_of(name)[setting]
    values = [value for value in values_at(setting, domain, WIDTHS[0]) if value != default]
    assert values
    for value in values:
        assert not all(is_as_by_default(name, {setting: value}, channels) for channels in WIDTHS), value


def combinations(space: Mapping[str, Domain]) -> Iterator[dict[str, Setting]]:
    for values in itertools.product(*(finite_values(setting, domain) for setting, domain in space.items())):
        yield dict(zip(space, values, strict=True))


@pytest.mark.parametrize("text", BACKBONES)
@pytest.mark.parametrize("name", SEARCHED)
def test_what_is_left_of_a_space_builds_in_a_backbone(name: str, text: str) -> None:
    backbone = Variant.parse(text)
    if name == "sk" and text == "test_convnext":
        with pytest.raises(PlacementError, match="takes no module at 'conv'"):
            fitted_space(space_of(name), Variant(name), backbone)
        return
    space = fitted_space(space_of(name), Variant(name), backbone)
    assert space.keys() == space_of(name).keys()
    met = set(meetings(backbone, attention_placing(Variant(name))))
    refused = REFUSED_TOGETHER.get(name, lambda settings: False)
    fitting = [settings for settings in combinations(space) if not refused(settings)]
    for settings in fitting:
        _, typed = attention_settings(with_settings(Variant(name), settings))
        for meeting in met:
            ATTENTION.get(name).module_class(*meeting.channels, **dict(meeting.convolution), **typed)
    built(text, str(published_default(Variant(name), space, backbone)))


def test_gates_of_cbam_are_refused_together_alone() -> None:
    space = fitted_space(space_of("cbam"), Variant("cbam"), Variant.parse(BACKBONES[0]))
    assert (space["channel_gate"], space["spatial_gate"]) == (Choices((True, False)), Choices((True, False)))
    refused = [settings for settings in combinations(space) if REFUSED_TOGETHER["cbam"](settings)]
    assert len(refused) == len(list(combinations(space))) / 4
    for settings in refused:
        with pytest.raises(ValueError, match="cbam needs a gate"):
            made("cbam", settings, 32)


class Gate(nn.Module):
    """A user's module with a setting of every type."""

    def __init__(
        self,
        channels: int,
        *,
        bias: bool = True,
        groups: int = 4,
        scale: float = 1.0,
        norm: str = "l2",
        size: int | None = None,
        untyped=3,  # type: ignore[no-untyped-def]
    ) -> None:
        super().__init__()


GOOD: dict[str, Domain] = {
    "bias": Choices((True, False)),
    "groups": Divisors(),
    "scale": Floats(0, 2),
    "norm": Choices(("l1", "l2")),
    "size": Choices((None, 3, 5)),
    "untyped": Integers(1, 5),
}


def registered(space: Any) -> type[nn.Module]:
    return register_attention("mine", placement="block")(type("Mine", (Gate,), {"search_space": space}))


def test_takes_a_users_space() -> None:
    module_class = registered(GOOD)
    assert declared_space(module_class) == GOOD
    assert ATTENTION.get("mine").module_class is module_class


@pytest.mark.parametrize(
    "space", [{}, {"groups": Integers(1, 8)}, {"scale": Choices((1, 2.0))}, {"size": Choices((None,))}]
)
def test_takes_what_fits_the_constructor(space: dict[str, Domain]) -> None:
    registered(space)
    assert declared_space(ATTENTION.get("mine").module_class) == space


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (["bias"], r"must be a mapping of settings to what they may be; got \['bias'\]$"),
        (None, "must be a mapping of settings to what they may be; got None$"),
        ({1: Choices((1,))}, "must be a mapping of settings to what they may be; got {1: "),
        (
            {"bias": (True, False)},
            r"must give Choices, Divisors, Floats or Integers for each setting; got bias: \(True, False\)$",
        ),
        ({"bias": Choices}, "must give Choices, Divisors, Floats or Integers for each setting; got bias: <class"),
        ({"baïs": Choices((True,))}, "does not fit the constructor: 'mine' has no setting 'baïs'; did you mean 'bias'"),
        ({"channels": Choices((8, 16))}, "does not fit the constructor: 'mine' has no setting 'channels'"),
        ({"at": Choices(("stage",))}, "does not fit the constructor: 'mine' has no setting 'at'"),
        ({"bias": Choices((True, "no"))}, "the constructor: 'mine': bias must be true or false; got bias=no$"),
        ({"bias": Integers(0, 1)}, "the constructor: 'mine': bias must be true or false; got bias=0$"),
        ({"groups": Floats(1, 8)}, r"the constructor: 'mine': groups must be an integer; got groups=0\.5$"),
        ({"norm": Divisors()}, "the constructor: 'mine': norm must be text; got norm=1$"),
        ({"size": Integers(1, 9)}, "must be of the types of the defaults; got size: 1 … 9, where the default is none$"),
        ({"size": Divisors()}, "got size: divisors of the channels, where the default is none$"),
        ({"untyped": Choices(("few", "many"))}, r"got untyped: few \| many, where the default is 3$"),
        ({"untyped": Choices((True, False))}, r"got untyped: true \| false, where the default is 3$"),
        ({"scale": Integers(1, 3)}, r"got scale: 1 … 3, where the default is 1\.0$"),
    ],
)
def test_refuses_a_space_that_is_none_of_the_constructors(space: object, message: str) -> None:
    before = ATTENTION.names()
    with pytest.raises(ContractError, match=rf"^the search_space of 'mine' .*{message}"):
        registered(space)
    assert ATTENTION.names() == before


def test_what_attnbench_passes_itself_is_not_searched() -> None:
    class Convolution(nn.Module):
        search_space = {"groups": Divisors()}  # noqa: RUF012

        def __init__(self, in_channels: int, out_channels: int, *, stride: int, groups: int) -> None:
            super().__init__()

    with pytest.raises(ContractError, match="'mine' has no setting 'groups'; it takes no settings"):
        register_attention("mine", placement="conv")(Convolution)


def test_a_constructor_of_its_own_does_not_inherit_the_space() -> None:
    class Derived(Gate):
        search_space = GOOD

    class Renamed(Derived):
        """The constructor and its space are inherited together."""

    class Plain(Derived):
        def __init__(self, channels: int) -> None:
            super().__init__(channels)

    class Narrower(Derived):
        search_space = {"bias": Choices((True, False))}  # noqa: RUF012

    assert declared_space(register_attention("renamed", placement="block")(Renamed)) == GOOD
    assert declared_space(register_attention("plain", placement="block")(Plain)) == {}
    assert declared_space(Narrower) == {"bias": Choices((True, False))}


def test_the_documented_module_is_checked_and_held_to_the_channels_as_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = DOCUMENTATION.read_text()
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path("gap_gate.py").write_text(code)
    assert main(["check", "gap_gate.py"]) == 0
    assert " ".join(capsys.readouterr().out.split()).endswith(shown.strip())
    fitted = fitted_space(space_of("gap-gate"), Variant("gap-gate"), Variant.parse("cifar-resnet:depth=20"))
    assert fitted == {"bias": Choices((True, False)), "groups": Choices((1, 2, 4, 8, 16))}
    assert "`groups` 1, 2, 4, 8 and 16" in " ".join(text.split())


def test_the_documented_forms_are_read_as_they_stand() -> None:
    rows = re.findall(r"^\| `(\w+\(.*?\))` \| `(.*?)` \|", DOCUMENTATION.read_text(), re.MULTILINE)
    assert len(rows) == 6
    names = {name: getattr(attnbench, name) for name in ("Choices", "Divisors", "Floats", "Integers")}
    for declared, written in rows:
        read = space_from_builtins({"x": yaml.safe_load(written)}, source="s")
        assert repr(read["x"]) == repr(eval(declared, names))
