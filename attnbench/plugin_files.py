"""Which user's file registers what a spec names: a run carries its hash."""

from attnbench.attention import ATTENTION
from attnbench.data import DATA
from attnbench.models import NO_ATTENTION
from attnbench.plugins import import_plugins, plugin_that_defines
from attnbench.spec import PluginFile
from attnbench.variant import Variant


def plugin_of(attention: str, imports: tuple[str, ...]) -> PluginFile | None:
    """The user's file that registers a variant's module, with its hash; none for attnbench's own.

    Raises:
        UnknownNameError: If the variant names no registered module.
        PluginError: If a file cannot be imported.
    """
    import_plugins(imports)  # they register what the variant names
    name = Variant.parse(attention).name
    return None if name == NO_ATTENTION else plugin_that_defines(ATTENTION.get(name).module_class, imports)


def data_plugin_of(data: str, imports: tuple[str, ...]) -> PluginFile | None:
    """The user's file that registers a data set, with its hash; none for attnbench's own.

    Raises:
        UnknownNameError: If there is no such data set.
        PluginError: If a file cannot be imported.
    """
    import_plugins(imports)
    return plugin_that_defines(DATA.get(Variant.parse(data).name), imports)
