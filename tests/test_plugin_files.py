from pathlib import Path

import pytest

from attnbench.errors import PluginError, UnknownNameError
from attnbench.plugin_files import data_plugin_of, plugin_of
from attnbench.plugins import plugin_file

MODULES = """
import attnbench
from attnbench.data import register_data
from attnbench.data.cluttered_digits import ClutteredDigits
from torch import nn


@attnbench.register_attention("own", placement="block")
class Own(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x):
        return x


@register_data("own-digits")
class OwnDigits(ClutteredDigits): ...
"""


def test_the_file_is_that_which_registers_what_is_named(tmp_path: Path) -> None:
    own, other = tmp_path / "own.py", tmp_path / "other.py"
    own.write_text(MODULES)
    other.write_text("")
    imports = (str(other), str(own))
    assert plugin_of("own", imports) == data_plugin_of("own-digits:seed=3", imports) == plugin_file(str(own))
    assert plugin_of("sge:groups=4", imports) is None
    assert plugin_of("none", imports) is None
    assert data_plugin_of("cluttered-digits", imports) is None


def test_what_is_not_there_is_said() -> None:
    with pytest.raises(UnknownNameError, match="sgee"):
        plugin_of("sgee", ())
    with pytest.raises(UnknownNameError, match="own-digits"):
        data_plugin_of("own-digits", ())
    with pytest.raises(PluginError):
        plugin_of("sge", ("nowhere.py",))
