from pathlib import Path

import pytest

from attnbench.errors import PluginError
from attnbench.plugins import check_unchanged, defines, import_plugin, imported_plugins, plugin_file


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text("class Mine: ...\n")
    return path


def test_imports_a_file_once(plugin: Path) -> None:
    module = import_plugin(str(plugin))
    assert import_plugin(str(plugin)) is module
    assert defines(str(plugin), module.Mine)
    assert not defines(str(plugin), Path)


def test_another_process_can_be_told_of_what_is_imported(plugin: Path, tmp_path: Path) -> None:
    import_plugin(str(plugin))
    import_plugin(str(plugin))
    (tmp_path / "broken.py").write_text("1 / 0")
    with pytest.raises(PluginError, match="ZeroDivisionError"):
        import_plugin(str(tmp_path / "broken.py"))
    assert imported_plugins().count(str(plugin)) == 1
    assert str(tmp_path / "broken.py") not in imported_plugins()


def test_two_files_of_one_name_are_two_plugins(plugin: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "mine.py"
    other.parent.mkdir()
    other.write_text("class Mine: ...\n")
    assert import_plugin(str(plugin)) is not import_plugin(str(other))


def test_imports_a_module() -> None:
    assert import_plugin("json").__name__ == "json"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"nothing.py': there is no such file"):
        import_plugin(str(tmp_path / "nothing.py"))


def test_a_broken_file_is_named_with_its_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("1 / 0\n")
    for _ in range(2):
        with pytest.raises(PluginError, match=r"broken.py': ZeroDivisionError: division by zero"):
            import_plugin(str(broken))


def test_a_changed_file_is_not_the_specs(plugin: Path) -> None:
    before = plugin_file(str(plugin))
    check_unchanged(before)
    plugin.write_text("class Mine:\n    changed = True\n")
    with pytest.raises(PluginError, match=r"mine.py has changed since the spec was written"):
        check_unchanged(before)
