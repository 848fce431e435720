"""Ready suites as YAML, one for each data set and for the papers' settings."""

from importlib.resources import files
from pathlib import Path

from attnbench.errors import SpecError, UnknownNameError
from attnbench.registry import did_you_mean
from attnbench.spec import SuiteSpec
from attnbench.spec_io import from_yaml

DEFAULT_PRESET = "cluttered-digits"

_ALSO = {"cifar10-resnet56": "cifar10", "cifar100-resnet56": "cifar100"}
"""Names that say the backbone, for presets that are named like their data set, where the data's option finds them."""


def preset_names() -> list[str]:
    """Names of the presets, sorted."""
    stems = [file.name[: -len(".yaml")] for file in files(__package__).iterdir() if file.name.endswith(".yaml")]
    return sorted([*stems, *_ALSO])


def load_suite(name_or_file: str) -> SuiteSpec:
    """A suite from a preset's name or a YAML file.

    Raises:
        UnknownNameError: If it is neither.
        SpecError: If the file cannot be read or is not a valid suite.
    """
    if name_or_file in preset_names():
        file = f"{_ALSO.get(name_or_file, name_or_file)}.yaml"
        text = (files(__package__) / file).read_text(encoding="utf-8")
        return from_yaml(text, SuiteSpec, source=f"preset {name_or_file}")
    path = Path(name_or_file)
    if path.suffix not in (".yaml", ".yml") and not path.exists():
        raise UnknownNameError(f"unknown preset {name_or_file!r}; {did_you_mean(name_or_file, preset_names())}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(f"cannot read the suite {name_or_file}: {getattr(error, 'strerror', None) or error}") from None
    return from_yaml(text, SuiteSpec, source=name_or_file)
