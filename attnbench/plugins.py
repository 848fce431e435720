"""Users' own files and modules, imported so that they can register what they hold."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from attnbench.errors import AttnBenchError, PluginError
from attnbench.spec import PluginFile

_imported: list[str] = []


def imported_plugins() -> tuple[str, ...]:
    """What this process has imported so far, for another one that is to know the same names."""
    return tuple(_imported)


def import_plugin(name: str) -> ModuleType:
    """Import a Python file, or a module by its dotted name, once per process.

    Args:
        name: ``my_module.py`` or ``package.module``.

    Raises:
        PluginError: If there is no such file or module, or its import fails.
    """
    is_file = name.endswith(".py")
    path = Path(name).resolve()
    if is_file and not path.is_file():
        raise PluginError(f"cannot import {name!r}: there is no such file")
    module_name = f"attnbench_plugin_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}" if is_file else name
    if module_name in sys.modules:
        return sys.modules[module_name]
    try:
        module = _import_file(module_name, path) if is_file else importlib.import_module(name)
    except AttnBenchError:
        raise
    except (Exception, SystemExit) as error:
        raise PluginError(f"cannot import {name!r}: {type(error).__name__}: {error}") from error
    _imported.append(name)
    return module


def import_plugins(names: Iterable[str]) -> None:
    """Import files and modules in their order, as `import_plugin` does each.

    Raises:
        PluginError: If there is no such file or module, or its import fails.
    """
    for name in names:
        import_plugin(name)


def _import_file(module_name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
    return module


def plugin_file(name: str) -> PluginFile:
    """A plug-in with the hash of its source, for a run's spec."""
    return PluginFile(path=name, sha256=_sha256(import_plugin(name)))


def plugin_that_defines(member: object, imports: tuple[str, ...]) -> PluginFile | None:
    """The first of some plug-ins that defines a class or function, with its hash; none where none does."""
    return next((plugin_file(name) for name in imports if defines(name, member)), None)


def check_unchanged(*plugins: PluginFile | None) -> None:
    """Import the plug-ins of a spec, where there are any, and hold each to its hash there.

    Raises:
        PluginError: If one cannot be imported, or its source is not the spec's.
    """
    for plugin in filter(None, plugins):
        got = _sha256(import_plugin(plugin.path))
        if got != plugin.sha256:
            raise PluginError(
                f"{plugin.path} has changed since the spec was written; its hash is {got[:12]}…, "
                f"the spec's {plugin.sha256[:12]}…"
            )


def defines(plugin: str, member: object) -> bool:
    """Whether a class or function was defined by the plug-in."""
    return getattr(member, "__module__", None) == import_plugin(plugin).__name__


def _sha256(module: ModuleType) -> str:
    assert module.__file__ is not None
    return hashlib.sha256(Path(module.__file__).read_bytes()).hexdigest()
