"""The options that `train` and `leaderboard` share, and how they override a suite."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Group, Parameter

from attnbench.compute_spec import Compilation, Strategy
from attnbench.detection_spec import DetectionSuite
from attnbench.errors import SpecError
from attnbench.loggers import LoggerKind, LogTo, check_logging
from attnbench.presets import DEFAULT_PRESET, load_suite, preset_names
from attnbench.printable import one_line, shown
from attnbench.registry import did_you_mean
from attnbench.spec import SuiteSpec
from attnbench.spec_io import from_builtins, to_builtins
from attnbench.variant import Scalar, Variant

_WHAT = Group("What is compared", sort_key=1)
_HOW = Group("How it is trained", sort_key=2)
_WHERE = Group("Where it runs", sort_key=3)
_LOGS = Group("What else hears of it", sort_key=5)

_LOG_FOLDER = Path("logs")

Suite = TypeVar("Suite", SuiteSpec, DetectionSuite)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SpecOptions:
    """Options that override fields of a suite; what is not given stays as the suite or preset has it."""

    data: Annotated[str | None, Parameter(group=_WHAT)] = None
    """Data set, with settings as NAME:KEY=VALUE,…; see `attnbench list data`."""
    root: Annotated[str | None, Parameter(group=_WHAT)] = None
    """Folder of the data set, where it has one."""
    backbone: Annotated[str | None, Parameter(group=_WHAT)] = None
    """Network, with settings; see `attnbench list backbones`."""
    baseline: Annotated[str | None, Parameter(group=_WHAT)] = None
    """Variant that the others are compared with."""
    imports: Annotated[tuple[str, ...], Parameter(name="--import", group=_WHAT, negative=(), show_default=False)] = ()
    """Python file or module to import first, which registers attention modules, data sets or detectors of your own; may
    be repeated."""
    epochs: Annotated[int | None, Parameter(group=_HOW)] = None
    """Passes over the training images."""
    batch_size: Annotated[int | None, Parameter(group=_HOW)] = None
    """Images a training step."""
    learning_rate: Annotated[float | None, Parameter(group=_HOW)] = None
    """Peak learning rate of SGD."""
    weight_decay: Annotated[float | None, Parameter(group=_HOW)] = None
    """L2 penalty on the weights."""
    set: Annotated[tuple[str, ...], Parameter(group=_HOW, negative=(), show_default=False)] = ()
    """Any other field, as FIELD=VALUE: recipe.crop_padding=2, compute.channels_last=false; may be repeated."""
    device: Annotated[Literal["auto", "cpu", "cuda"] | None, Parameter(group=_WHERE)] = None
    """Device; auto takes the GPU where there is one."""
    precision: Annotated[Literal["auto", "float32", "bfloat16", "float16"] | None, Parameter(group=_WHERE)] = None
    """Arithmetic; auto is bfloat16 on a GPU that has it, else float32."""
    threads: Annotated[int | None, Parameter(group=_WHERE)] = None
    """CPU threads of one run. Another number gives other last bits."""
    devices: Annotated[int | None, Parameter(group=_WHERE)] = None
    """Processes of one run on each node, with a GPU or threads each; the images of a step are divided among them."""
    num_nodes: Annotated[int | None, Parameter(group=_WHERE)] = None
    """Machines of one run, on which torchrun or srun starts the processes; see docs/scaling.md."""
    strategy: Annotated[Strategy | None, Parameter(group=_WHERE)] = None
    """Lightning's, for several devices; ddp is faster, and wants every parameter to be used at each step."""
    compile: Annotated[Compilation | None, Parameter(group=_WHERE)] = None
    """Compile each attention module by itself, or the whole model; for seconds or minutes at first, see the docs."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LogOptions:
    """Where runs are logged while they train. It is no part of a spec, and changes no result."""

    logger: Annotated[LoggerKind | None, Parameter(group=_LOGS)] = None
    """Log each run's learning curve, test and settings there; wandb stays offline unless WANDB_MODE says otherwise."""
    log_dir: Annotated[Path | None, Parameter(group=_LOGS)] = None
    """Folder of the logs; by default logs."""


def check_log_options(options: LogOptions, *, trains_nothing: Mapping[str, bool]) -> None:
    """Refuse options of logging that would do nothing.

    Args:
        options: What a command line gives.
        trains_nothing: For each option that ends a command before training, whether it is given.

    Raises:
        SpecError: If there is such an option.
    """
    if options.logger is None:
        if options.log_dir is not None:
            raise SpecError("--log-dir goes with --logger; got it alone")
        return
    for name, is_given in trains_nothing.items():
        if is_given:
            raise SpecError(f"{name} trains nothing that could be logged; got --logger beside it")


def log_to_from(options: LogOptions) -> LogTo | None:
    """Where a command line wants runs to be logged, if anywhere.

    Raises:
        MissingDependencyError: If the logger's package is not installed.
        StoreError: If the folder cannot be made.
    """
    if options.logger is None:
        return None
    log_to = LogTo(kind=options.logger, folder=options.log_dir or _LOG_FOLDER)
    check_logging(log_to)
    return log_to


_FIELDS = {
    "data": "data",
    "root": "root",
    "backbone": "backbone",
    "baseline": "baseline",
    "epochs": "recipe.epochs",
    "batch_size": "recipe.batch_size",
    "learning_rate": "recipe.learning_rate",
    "weight_decay": "recipe.weight_decay",
    "device": "compute.device",
    "precision": "compute.precision",
    "threads": "compute.threads",
    "devices": "compute.devices",
    "num_nodes": "compute.num_nodes",
    "strategy": "compute.strategy",
    "compile": "compute.compile",
}


def suite_from(name_or_file: str | None, options: SpecOptions, **fields: object) -> SuiteSpec:
    """The suite that a command line describes.

    Args:
        name_or_file: A preset's name or a YAML file; none takes the preset of the data set.
        options: What overrides its fields.
        **fields: Further fields of the suite to override, where not None.

    Raises:
        SpecError: If an option does not fit.
        UnknownNameError: If there is no such preset.
    """
    if name_or_file is None:
        data_name = Variant.parse(options.data).name if options.data else DEFAULT_PRESET
        name_or_file = data_name if data_name in preset_names() else DEFAULT_PRESET
    return overridden(load_suite(name_or_file), options, fields)


def overridden(suite: Suite, options: SpecOptions, fields: Mapping[str, object]) -> Suite:
    """A suite with what a command line gives.

    Args:
        suite: The suite.
        options: What overrides its fields.
        fields: Further fields to override, where not None.

    Raises:
        SpecError: If an option does not fit.
    """
    builtins: dict[str, Any] = to_builtins(suite)
    given: dict[str, Any] = {_FIELDS[name]: getattr(options, name) for name in _FIELDS}
    given |= fields
    for path, value in given.items():
        if value is not None:
            _put(builtins, path, value)
    for text in options.set:
        path, equals, value = text.partition("=")
        if not equals:
            raise SpecError(f"--set takes FIELD=VALUE; got {shown(text)}")
        _put(builtins, path.strip(), _value(value.strip()))
    if options.imports:
        before: Any = builtins["imports"]
        builtins["imports"] = [*(before if isinstance(before, list | tuple) else [before]), *options.imports]
    return from_builtins(builtins, type(suite), source="the options")


def quick(suite: SuiteSpec, *, keeps_seeds: bool, keeps_epochs: bool) -> SuiteSpec:
    """A smoke test of a suite: two seeds and a third of the epochs.

    Args:
        suite: The suite.
        keeps_seeds: Whether its seeds were asked for, and stay.
        keeps_epochs: Whether its epochs were.
    """
    seeds = suite.seeds if keeps_seeds else suite.seeds[:2]
    if keeps_epochs:
        return replace(suite, seeds=seeds)
    epochs = max(1, suite.recipe.epochs // 3)
    recipe = replace(
        suite.recipe,
        epochs=epochs,
        warmup_epochs=min(suite.recipe.warmup_epochs, epochs / 2),
        step_epochs=tuple(sorted({step * epochs // suite.recipe.epochs for step in suite.recipe.step_epochs} - {0})),
        schedule=suite.recipe.schedule if epochs > 1 else "cosine",
    )
    return replace(suite, seeds=seeds, recipe=recipe)


def names_from(text: str | None, allowed: tuple[str, ...], *, option: str) -> tuple[str, ...]:
    """The names in a list with commas between.

    Raises:
        SpecError: If one is not allowed.
    """
    names = tuple(name.strip() for name in text.split(",")) if text else ()
    for name in names:
        if name not in allowed:
            raise SpecError(f"{option}: unknown name {shown(name)}; {did_you_mean(name, allowed)}")
    return names


def _put(builtins: dict[str, Any], path: str, value: object) -> None:
    *parents, name = path.split(".")
    if parents == ["recipe"]:  # what is asked for holds for every detector
        for departures in _fields_of(builtins.get("detector_recipe")).values():
            _fields_of(departures).pop(name, None)
    for parent in parents:
        builtins = builtins.setdefault(parent, {})
        if not isinstance(builtins, dict):
            raise SpecError(f"--set: {one_line(parent)} of {one_line(path)} has no fields")
    builtins[name] = value


def _fields_of(value: object) -> dict[str, Any]:
    # What is no mapping is refused when the suite is made.
    return value if isinstance(value, dict) else {}


def _value(text: str) -> Scalar | list[str]:
    if text.lower() == "none":
        return None
    return [part.strip() for part in text.strip("[]").split(",") if part.strip()] if text.startswith("[") else text
