"""The runs behind a leaderboard, as the page lets a reader look into them: values, curve, spec, environment."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from attnbench.detection_record import DetectionRecord
from attnbench.detection_spec import DetectionRun
from attnbench.record import Environment, Epoch, Record
from attnbench.report.numbers import duration, four_digits, plural
from attnbench.report.page.axes import Axis, axis, epoch_axis
from attnbench.report.page.marks import PageMark
from attnbench.spec import RunSpec
from attnbench.spec_io import to_yaml

_DIGITS = 6
"""Significant digits of what is only drawn."""
_MOST_EPOCHS = 40
"""Points of a curve, about."""


RUN_HEADERS = ("top-1 %", "epoch", "training")
"""What the cells of a run are."""


@dataclass(frozen=True, kw_only=True)
class RunPoint:
    """A point of a run's curve."""

    at: int
    """Epoch, counted from 1."""
    value: float
    """Its number."""
    lines: tuple[str, ...]
    """What it says when it is pointed at."""


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One line of a run's curves."""

    name: str
    """What it shows; empty where the run has no other."""
    mark: PageMark | None
    """How it is drawn; none for as its variant."""
    points: tuple[RunPoint, ...]
    """Its points."""


@dataclass(frozen=True, kw_only=True)
class RunCurve:
    """Lines of a run that share their axes."""

    title: str
    """What stands above them."""
    selected: int | None
    """Epoch whose weights were tested, where one was selected."""
    epochs: Axis
    """Horizontal axis."""
    values: Axis
    """Vertical axis."""
    lines: tuple[RunLine, ...]
    """The lines."""


@dataclass(frozen=True, kw_only=True)
class RunTable:
    """A plain table of a run."""

    title: str
    """What stands above it."""
    headers: tuple[str, ...]
    """Of its columns."""
    rows: tuple[tuple[str, ...], ...]
    """Its cells, the first of which names the row."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run, in text but for its curves."""

    seed: int
    """Its seed."""
    digest: str
    """Digest of its spec."""
    score: str
    """What its test gave, with its name and unit."""
    remark: str
    """How it was trained."""
    cells: tuple[str, ...]
    """The same and more for a table of runs."""
    facts: tuple[tuple[str, str], ...]
    """Names and values of what else was measured."""
    environment: int
    """Which of the board's environments."""
    spec: str
    """The whole spec as YAML."""
    command: str
    """What runs it again; empty where no command does."""
    curves: tuple[RunCurve, ...]
    """Its learning curves."""
    tables: tuple[RunTable, ...]
    """What else there is of it."""


def environments_of(records: Sequence[Record] | Sequence[DetectionRecord]) -> list[Environment]:
    """Different environments, in the order in which they come up."""
    found: list[Environment] = []
    for record in records:
        if record.environment not in found:
            found.append(record.environment)
    return found


def environment_lines(environment: Environment) -> tuple[tuple[str, str], ...]:
    """Names and values of an environment."""
    return (
        ("attnbench", environment.attnbench),
        ("git revision", environment.git_revision or "unknown"),
        ("python", environment.python),
        ("platform", environment.platform),
        ("processor", environment.processor),
        ("device", environment.device),
        ("precision", environment.precision),
        ("threads", str(environment.threads)),
        *sorted(environment.packages.items()),
    )


def run_of(record: Record, *, store: str, environments: Sequence[Environment]) -> Run:
    """What the page says of one run."""
    values, timing = record.values, record.timing
    epochs = f"{values.selected_epoch} of {record.spec.recipe.epochs}"
    top1, training = four_digits(values.test_top1_percent), duration(timing.train_s)
    return Run(
        seed=record.spec.seed,
        digest=record.digest,
        score=f"top-1 {top1} %",
        remark=f"epoch {epochs}, {training} of training",
        cells=(top1, epochs, training),
        facts=(
            ("top-1, test", f"{top1} %"),
            ("top-5, test", f"{four_digits(values.test_top5_percent)} %"),
            ("loss, test", f"{four_digits(values.test_loss)} nats"),
            ("epoch selected", epochs),
            ("training", training),
            ("whole run", duration(timing.wall_s)),
            *compiling_facts(timing.compile_s),
            (f"forward pass of {timing.throughput_batch_size:,}", f"{four_digits(median(timing.forward_ms))} ms"),
            ("the baseline's beside it", f"{four_digits(median(timing.baseline_forward_ms))} ms"),
            ("parameters", f"{values.parameters:,}"),
            ("MACs of one image", f"{values.macs:,}"),
            ("attention modules", attention_modules(values.num_attention_modules, values.attention_backend)),
            ("started", timing.started_at),
        ),
        environment=environments.index(record.environment),
        spec=to_yaml(record.spec),
        command=f"attnbench train --from-record {shlex.quote(f'{store}/{record.digest}.json')}",
        curves=(_curve(record),),
        tables=(),
    )


def attention_modules(number: int, ran: str | None) -> str:
    """How many modules there are, and what computed them, where that is known."""
    return f"{number:,}" if ran is None else f"{number:,}, {'as kernels (Triton)' if ran == 'triton' else 'by PyTorch'}"


def compiling_facts(compile_s: float | None) -> tuple[tuple[str, str], ...]:
    """Name and value of the time that compiling took; nothing where nothing was to be compiled."""
    return () if compile_s is None else (("compiling", f"{compile_s:,.1f} s"),)


def spec_words(variant: str, spec: RunSpec | DetectionRun) -> str:
    """What the runs of a variant have in common, on one line.

    >>> spec_words("sge:groups=32", RunSpec(attention="sge:groups=32", backbone="resnet50", data="mnist"))
    'sge:groups=32 in resnet50 on mnist, 6 epochs, batch size 128, learning rate 0.1'
    """
    recipe = spec.recipe
    of_detector = f" of {spec.detector}" if isinstance(spec, DetectionRun) else ""
    return (
        f"{variant} in {spec.backbone}{of_detector} on {spec.data}, {plural(recipe.epochs, 'epoch')}, "
        f"batch size {recipe.batch_size}, learning rate {recipe.learning_rate:g}"
    )


def kept_epochs(num_epochs: int, *always: int) -> list[int]:
    """Places of the epochs that a curve is drawn through: all of them, or some at equal distances and the last.

    >>> kept_epochs(4), len(kept_epochs(200)), kept_epochs(200)[:3]
    ([0, 1, 2, 3], 41, [0, 5, 10])
    """
    step = -(-num_epochs // _MOST_EPOCHS)
    return sorted({*range(0, num_epochs, step), num_epochs - 1, *always})


def drawn(value: float) -> float:
    """A number as exact as a plot shows it.

    >>> drawn(88.98666799068451)
    88.9867
    """
    return float(f"{value:.{_DIGITS}g}")


def _curve(record: Record) -> RunCurve:
    """Validation accuracy, with what each epoch gave besides."""
    selected, percents = record.values.selected_epoch, [point.validation_top1_percent for point in record.curve]
    kept = kept_epochs(len(record.curve), selected - 1)
    points = tuple(_point(record.curve[place], selected) for place in kept)
    return RunCurve(
        title="Learning curve, the dashed line at the epoch that was tested",
        selected=selected,
        epochs=epoch_axis(len(percents)),
        values=axis("validation top-1 (%)", percents),
        lines=(RunLine(name="", mark=None, points=points),),
    )


def _point(point: Epoch, selected: int) -> RunPoint:
    top1 = point.validation_top1_percent
    tested = ", which was tested" if point.epoch == selected else ""
    return RunPoint(
        at=point.epoch,
        value=drawn(top1),
        lines=(
            f"epoch {point.epoch}{tested}",
            f"validation top-1 {four_digits(top1)} %, loss {four_digits(point.validation_loss)}",
            f"training loss {four_digits(point.train_loss)}",
        ),
    )
