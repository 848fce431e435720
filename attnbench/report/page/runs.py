"""The runs behind a leaderboard, as the page lets a reader look into them: values, curve, spec, environment."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from attnbench.record import Environment, Epoch, Record
from attnbench.report.numbers import duration, four_digits, plural
from attnbench.report.page.axes import Axis, axis, epoch_axis
from attnbench.spec import RunSpec
from attnbench.spec_io import to_yaml

_DIGITS = 6
"""Significant digits of what is only drawn."""
_MOST_EPOCHS = 40
"""Points of a curve, about."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run, in text but for its curve."""

    seed: int
    """Its seed."""
    digest: str
    """Digest of its spec."""
    top1: str
    """Top-1 accuracy on the test split, %."""
    epoch: str
    """Epoch whose weights were tested, and of how many."""
    training: str
    """Time of training and validation."""
    facts: tuple[tuple[str, str], ...]
    """Names and values of what else was measured."""
    environment: int
    """Which of the board's environments."""
    spec: str
    """The whole spec as YAML."""
    command: str
    """What runs it again."""
    curve: tuple[tuple[int, float, str, str, str], ...]
    """Epochs, top-1 accuracy on the validation split after each, and as text this, the validation and the training
    loss."""
    selected_epoch: int
    """Epoch whose weights were tested, counted from 1."""
    epochs: Axis
    """Horizontal axis of the curve."""
    accuracies: Axis
    """Vertical axis of the curve."""


def environments_of(records: Sequence[Record]) -> list[Environment]:
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
    curve = [point.validation_top1_percent for point in record.curve]
    return Run(
        seed=record.spec.seed,
        digest=record.digest,
        top1=four_digits(values.test_top1_percent),
        epoch=epochs,
        training=duration(timing.train_s),
        facts=(
            ("top-1, test", f"{four_digits(values.test_top1_percent)} %"),
            ("top-5, test", f"{four_digits(values.test_top5_percent)} %"),
            ("loss, test", f"{four_digits(values.test_loss)} nats"),
            ("epoch selected", epochs),
            ("training", duration(timing.train_s)),
            ("whole run", duration(timing.wall_s)),
            (f"forward pass of {timing.throughput_batch_size:,}", f"{four_digits(median(timing.forward_ms))} ms"),
            ("the baseline's beside it", f"{four_digits(median(timing.baseline_forward_ms))} ms"),
            ("parameters", f"{values.parameters:,}"),
            ("MACs of one image", f"{values.macs:,}"),
            ("attention modules", f"{values.num_attention_modules:,}"),
            ("started", timing.started_at),
        ),
        environment=environments.index(record.environment),
        spec=to_yaml(record.spec),
        command=f"attnbench train --from-record {shlex.quote(f'{store}/{record.digest}.json')}",
        curve=tuple(_curve_point(record.curve[place]) for place in kept_epochs(len(curve), values.selected_epoch - 1)),
        selected_epoch=values.selected_epoch,
        epochs=epoch_axis(len(curve)),
        accuracies=axis("validation top-1 (%)", curve),
    )


def spec_words(variant: str, spec: RunSpec) -> str:
    """What the runs of a variant have in common, on one line.

    >>> spec_words("sge:groups=32", RunSpec(attention="sge:groups=32", backbone="resnet50", data="mnist"))
    'sge:groups=32 in resnet50 on mnist, 6 epochs, batch size 128, learning rate 0.1'
    """
    recipe = spec.recipe
    return (
        f"{variant} in {spec.backbone} on {spec.data}, {plural(recipe.epochs, 'epoch')}, "
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


def _curve_point(point: Epoch) -> tuple[int, float, str, str, str]:
    top1 = point.validation_top1_percent
    losses = four_digits(point.validation_loss), four_digits(point.train_loss)
    return point.epoch, drawn(top1), four_digits(top1), *losses
