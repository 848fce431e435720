"""The lock of the tested versions: for what `pyproject.toml` asks, and for any machine."""

from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

LOCK = Path(__file__).parent.parent / ".ci" / "lock.txt"
PYTHONS = ("3.10", "3.11", "3.12", "3.13")


def pinned() -> list[Requirement]:
    lines = LOCK.read_text().splitlines()
    return [Requirement(line) for line in lines if not line.startswith("#")]


def asked() -> list[Requirement]:
    """What the package and its tests need."""
    wanted = [Requirement(line) for line in requires("attnbench") or ()]
    return [need for need in wanted if need.marker is None or need.marker.evaluate({"extra": "test"})]


@pytest.mark.parametrize("python", PYTHONS)
def test_each_python_has_one_version_of_all_that_is_asked_for(python: str) -> None:
    here = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    versions: dict[str, str] = {}
    for pin in pinned():
        if pin.marker is None or pin.marker.evaluate(here):
            assert pin.name not in versions
            (version,) = pin.specifier
            versions[pin.name] = version.version
    assert len(asked()) > 20
    for need in asked():
        assert need.specifier.contains(versions[need.name.lower()]), need


def test_it_names_no_builds_and_no_places() -> None:
    for pin in pinned():
        (version,) = pin.specifier
        assert version.operator == "=="
        assert "+" not in version.version
        assert pin.url is None
