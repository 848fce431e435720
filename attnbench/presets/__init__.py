"""Ready suites as YAML, one for each data set and for the papers' settings; `detection/` has those of detection."""

import os
import sys
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from attnbench.detection_spec import DetectionSuite
from attnbench.errors import SpecError, UnknownNameError
from attnbench.printable import one_line, shown
from attnbench.registry import did_you_mean
from attnbench.spec import SuiteSpec
from attnbench.spec_io import from_yaml

if TYPE_CHECKING:
    if sys.version_info >= (3, 11):
        from importlib.resources.abc import Traversable
    else:
        from importlib.abc import Traversable

DEFAULT_PRESET = "cluttered-digits"
DEFAULT_DETECTION_PRESET = "cluttered-scenes"

T = TypeVar("T")

_ALSO = {"cifar10-resnet56": "cifar10", "cifar100-resnet56": "cifar100"}
"""Names that say the backbone, for presets that are named like their data set, where the data's option finds them."""


def preset_names() -> list[str]:
    """Names of the presets, sorted."""
    return sorted([*_stems(files(__package__)), *_ALSO])


def detection_preset_names() -> list[str]:
    """Names of the presets of detection, sorted."""
    return sorted(_stems(_detection()))


def load_suite(name_or_file: str) -> SuiteSpec:
    """A suite from a preset's name or a YAML file.

    Raises:
        UnknownNameError: If it is neither.
        SpecError: If the file cannot be read or is not a valid suite.
    """
    if name_or_file in preset_names():
        file = files(__package__) / f"{_ALSO.get(name_or_file, name_or_file)}.yaml"
        return _preset(file, SuiteSpec, name_or_file)
    return _from_file(name_or_file, SuiteSpec, names=preset_names())


def load_detection_suite(name_or_file: str) -> DetectionSuite:
    """A suite of detection from a preset's name or a YAML file.

    Raises:
        UnknownNameError: If it is neither.
        SpecError: If the file cannot be read or is not a valid suite.
    """
    if name_or_file in detection_preset_names():
        return _preset(_detection() / f"{name_or_file}.yaml", DetectionSuite, name_or_file)
    return _from_file(name_or_file, DetectionSuite, names=detection_preset_names())


def _detection() -> "Traversable":
    return files(__package__) / "detection"


def _stems(folder: "Traversable") -> list[str]:
    return [file.name[: -len(".yaml")] for file in folder.iterdir() if file.name.endswith(".yaml")]


def _preset(file: "Traversable", spec_type: type[T], name: str) -> T:
    return from_yaml(file.read_text(encoding="utf-8"), spec_type, source=f"preset {name}")


def _from_file(name_or_file: str, spec_type: type[T], *, names: list[str]) -> T:
    path = Path(name_or_file)
    # Not path.exists(), which a name that is too long for a file's makes fail.
    if path.suffix not in (".yaml", ".yml") and not os.path.exists(path):
        raise UnknownNameError(f"unknown preset {shown(name_or_file)}; {did_you_mean(name_or_file, names)}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:  # the latter of bytes that are no text, or a name that no file can have
        raise SpecError(
            f"cannot read the suite {one_line(name_or_file)}: {getattr(error, 'strerror', None) or error}"
        ) from None
    return from_yaml(text, spec_type, source=name_or_file)
