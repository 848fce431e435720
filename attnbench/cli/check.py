"""`attnbench check`: the plug-in contract on a module, in seconds."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from attnbench.errors import PluginError, SpecError
from attnbench.variant import split_variants

if TYPE_CHECKING:
    from attnbench.attention.contract import CheckResult, Subject

_COST_SIZE = (56, 56)
"""Height and width of the map for parameters and MACs: those of ResNet-50's first blocks at 224×224."""
_ASCII = {"×": "x", "…": "...", "–": "-", "−": "-"}
_ATTENTION_HELP = "Of a file's modules those to check, such as gap-gate:bias=false,gap-gate; by default all."


def check(
    what: str,
    /,
    *,
    attention: Annotated[str | None, Parameter(help=_ATTENTION_HELP)] = None,
    channels: int | None = None,
) -> int:
    """Hold an attention module to the contract of the plug-in point, and say what passes and what fails.

    Shapes, memory layouts, half precision, gradients, determinism, saving,
    compilation and export are tried on small maps; parameters and MACs are
    counted. Nothing is trained. The exit code is 1 if a check fails.

    Parameters
    ----------
    what
        A Python file that registers modules, my_module.py, or a registered variant, sge:groups=8.

    channels
        Channels of the maps; by default 64, or where the module refuses them 128 or 256.
    """
    is_file = what.endswith(".py")
    if attention is not None and not is_file:
        raise SpecError(f"--attention chooses among the modules of a file; got {what!r}, which is no .py file")
    console, progress = Console(), Console(stderr=True)
    passed = True
    with _without_foreign_words():
        with progress.status("Loading torch …"):
            from attnbench.attention.contract import check_subject, subject_of

            registered = _register(what) if is_file else [what]
        variants = split_variants(attention) if attention else registered
        # All at first: a mistake in the last is named before the first is checked.
        subjects = [subject_of(variant, channels) for variant in variants]
        for variant, subject in zip(variants, subjects, strict=True):
            with progress.status(f"Checking {variant} …"):
                results = check_subject(subject)
                remarks = [*_cost(subject, results), *_searched(subject)]
            console.print(_report(variant, subject.channels, results, remarks, ascii_only=console.options.ascii_only))
            passed = passed and all(result.passed for result in results)
    return 0 if passed else 1


def _register(file: str) -> list[str]:
    """Import a file; the names that it registers, sorted."""
    from attnbench.attention import ATTENTION
    from attnbench.plugins import import_plugin

    before = ATTENTION.names()
    import_plugin(file)
    names = sorted(set(ATTENTION.names()) - set(before))
    if not names:
        raise PluginError(
            f"{file} registers no attention module; decorate a class with "
            '@attnbench.register_attention("name", placement="block")'
        )
    return names


def _cost(subject: "Subject", results: "list[CheckResult]") -> list[str]:
    """Sentences on parameters and MACs; a module that cannot be counted is a failure, added to the results."""
    from attnbench.attention.contract import CheckResult, make
    from attnbench.attention.contract.words import one_line, times
    from attnbench.measure import count_macs, count_parameters

    if not results[0].passed:
        return ["The other checks need a module, and were not run."]
    shape = (subject.channels, *_COST_SIZE)
    try:
        module = make(subject, _COST_SIZE)
        counted = count_macs(module, shape)
    except Exception as error:
        results.append(CheckResult("cost", False, f"cannot be counted on {times(*shape)}: {one_line(error)}"))
        return []
    names = [name.removeprefix("aten::") for name in counted.uncounted_operators]
    left_out = f"which leave out: {', '.join(names)}" if names else "which leave out no operator of this module"
    return [
        f"{count_parameters(module):,} parameters and {counted.macs:,} MACs on a map of {times(*shape)}, "
        f"by fvcore's default rules, {left_out}."
    ]


def _searched(subject: "Subject") -> list[str]:
    """A sentence on what the class declares for a search, if anything."""
    from attnbench.attention.declared_space import declared_space
    from attnbench.space import describe

    space = declared_space(subject.entry.module_class)
    domains = "; ".join(f"{setting}: {describe(domain)}" for setting, domain in space.items())
    return [f"A search tries {domains}."] if space else []


def _report(
    variant: str, channels: int, results: "list[CheckResult]", remarks: list[str], *, ascii_only: bool
) -> RenderableType:
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for result in results:
        mark, word, style = ("✓", "pass", "green") if result.passed else ("✗", "FAIL", "bold red")
        table.add_row(
            Text(word if ascii_only else f"{mark} {word}", style),
            Text(result.name, "" if result.passed else "bold"),
            _text(result.seen, ascii_only),
        )
    num_failed = sum(not result.passed for result in results)
    verdict = f"{num_failed} of {len(results)} checks failed." if num_failed else f"All {len(results)} checks passed."
    return Group(
        _text(f"{variant} on maps of {channels} channels", ascii_only, "bold"),
        Text(),
        table,
        Text(),
        *(_text(line, ascii_only) for line in [verdict, *remarks]),
        Text(),
    )


def _text(content: str, ascii_only: bool, style: str = "") -> Text:
    """Text that is shown as it is: no markup, nothing that the console cannot encode."""
    if ascii_only:
        for char, plain in _ASCII.items():
            content = content.replace(char, plain)
        content = content.encode("ascii", "backslashreplace").decode()
    return Text(content, style)


@contextmanager
def _without_foreign_words() -> Iterator[None]:
    """Warnings and log lines of torch and others would stand between the table and its reader."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
