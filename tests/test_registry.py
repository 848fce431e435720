from importlib.metadata import EntryPoint

import pytest

from attnbench import registry as registry_module
from attnbench.errors import DuplicateNameError, PluginError, RegistryError, UnknownNameError
from attnbench.registry import Registry, did_you_mean


@pytest.fixture
def fruits() -> Registry[int]:
    fruits: Registry[int] = Registry("fruit")
    fruits.register("apple", 1)
    fruits.register("pear-2", 2)
    return fruits


def test_gives_back_what_was_registered(fruits: Registry[int]) -> None:
    assert fruits.get("apple") == 1
    assert fruits.names() == ["apple", "pear-2"]


def test_names_what_is_close(fruits: Registry[int]) -> None:
    with pytest.raises(UnknownNameError, match=r"^unknown fruit 'aple'; did you mean 'apple'\?$"):
        fruits.get("aple")


def test_names_all_where_nothing_is_close(fruits: Registry[int]) -> None:
    with pytest.raises(UnknownNameError, match="allowed: apple, pear-2"):
        fruits.get("zzz")


def test_a_name_is_taken_once(fruits: Registry[int]) -> None:
    with pytest.raises(DuplicateNameError, match="'apple' is already registered as 1"):
        fruits.register("apple", 3)
    assert fruits.get("apple") == 1


@pytest.mark.parametrize("name", ["", "a:b", "a,b", "a=b", "A", "-a", "a b", "32"])
def test_names_survive_in_a_list_of_variants(fruits: Registry[int], name: str) -> None:
    with pytest.raises(RegistryError, match="a-z, 0-9"):
        fruits.register(name, 3)


def test_loads_an_entry_point_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    plugins: Registry[int] = Registry("fruit", entry_point_group="fruits")
    points = [EntryPoint("fig", "tests.fig_plugin", "fruits"), EntryPoint("bad", "no_such_module", "fruits")]

    def find(*, group: str, name: str | None = None) -> list[EntryPoint]:
        return [point for point in points if point.group == group and name in (None, point.name)]

    monkeypatch.setattr(registry_module, "entry_points", find)
    monkeypatch.setattr(EntryPoint, "load", lambda point: _load(point, plugins))
    assert plugins.names() == ["bad", "fig"]
    assert plugins.get("fig") == 7
    with pytest.raises(PluginError, match="'bad' is declared by 'no_such_module', which cannot be imported"):
        plugins.get("bad")


def _load(point: EntryPoint, plugins: Registry[int]) -> None:
    if point.name == "bad":
        raise ModuleNotFoundError(f"No module named {point.value!r}")
    plugins.register(point.name, 7)


def test_did_you_mean_offers_three_at_most() -> None:
    assert did_you_mean("ab", ["aba", "abb", "abc", "abd"]).count(" or ") == 2
