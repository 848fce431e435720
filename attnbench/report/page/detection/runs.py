"""The runs of a detector, as the page lets a reader look into them: values, losses, matches, spec, environment."""

from collections.abc import Sequence
from statistics import median

from attnbench.detection_record import AveragePrecisions, DetectionEpoch, DetectionRecord
from attnbench.matches import Matches
from attnbench.record import Environment
from attnbench.report.detection.found import found_of
from attnbench.report.detection.plotted import IOUS
from attnbench.report.detection.points import points
from attnbench.report.detection.table import HEADERS
from attnbench.report.leaderboard.marks import marks_of
from attnbench.report.numbers import duration, four_digits, plural
from attnbench.report.page.axes import axis, epoch_axis
from attnbench.report.page.marks import page_marks
from attnbench.report.page.runs import (
    Run,
    RunCurve,
    RunLine,
    RunPoint,
    RunTable,
    attention_modules,
    compiling_facts,
    drawn,
    kept_epochs,
)
from attnbench.spec_io import to_yaml

RUN_HEADERS = ("AP %", "epochs", "training")
"""What the cells of a run are."""


def detection_run_of(record: DetectionRecord, *, environments: Sequence[Environment]) -> Run:
    """What the page says of one run."""
    ap, training = points(record.values.box.ap_percent), duration(record.timing.train_s)
    epochs = plural(len(record.curve), "epoch")
    return Run(
        seed=record.spec.seed,
        digest=record.digest,
        score=f"AP {ap} %",
        remark=f"{epochs}, {training} of training",
        cells=(ap, str(len(record.curve)), training),
        facts=tuple(_facts(record)),
        environment=environments.index(record.environment),
        spec=to_yaml(record.spec),
        command="",
        curves=tuple(_curves(record)),
        tables=tuple(_tables(record)),
    )


def _facts(record: DetectionRecord) -> list[tuple[str, str]]:
    values, timing, counts = record.values, record.timing, record.values.counts
    regions = [(f"MACs of {plural(counts.num_regions, 'region')}", f"{counts.region_macs:,}")]
    return [
        *_figures(values.box, ""),
        *(_figures(values.mask, "mask ") if values.mask else []),
        ("training", duration(timing.train_s)),
        ("whole run", duration(timing.wall_s)),
        *compiling_facts(timing.compile_s),
        ("forward pass of one image, before training", f"{four_digits(median(timing.forward_ms))} ms"),
        ("the baseline's beside it", f"{four_digits(median(timing.baseline_forward_ms))} ms"),
        ("parameters", f"{counts.parameters:,}"),
        ("parameters of the body", f"{counts.body_parameters:,}"),
        ("MACs of the body", f"{counts.body_macs:,}"),
        ("MACs of the pyramid", f"{counts.pyramid_macs:,}"),
        ("MACs of proposals" if counts.region_macs else "MACs of the dense heads", f"{counts.dense_macs:,}"),
        *(regions if counts.region_macs else []),
        ("attention modules", attention_modules(values.num_attention_modules, values.attention_backend)),
        ("started", timing.started_at),
    ]


def _figures(figures: AveragePrecisions, prefix: str) -> list[tuple[str, str]]:
    """The figures that there are."""
    found = {header: getattr(figures, f"{name}_percent") for name, header in HEADERS.items()}
    return [(f"{prefix}{header}, test", f"{points(value)} %") for header, value in found.items() if value is not None]


def _curves(record: DetectionRecord) -> list[RunCurve]:
    """Its losses, and AP where it was validated."""
    kept = [record.curve[place] for place in kept_epochs(len(record.curve))]
    names = list(dict.fromkeys(name for point in record.curve for name in point.train_losses))
    marks = page_marks(marks_of(dict.fromkeys(names, False)))
    lines = tuple(RunLine(name=name, mark=marks[name], points=_losses(kept, name)) for name in names)
    losses = [loss for point in record.curve for loss in point.train_losses.values()]
    found = [_curve(record, "Training losses", "loss", losses, lines)] if losses else []
    validated = {point.epoch: point.validation.ap_percent for point in record.curve if point.validation is not None}
    if validated:
        line = RunLine(name="", mark=None, points=tuple(_validation(*pair) for pair in validated.items()))
        found.append(_curve(record, "Validation", "validation AP (%)", list(validated.values()), (line,)))
    return found


def _curve(
    record: DetectionRecord, title: str, label: str, values: Sequence[float], lines: tuple[RunLine, ...]
) -> RunCurve:
    return RunCurve(
        title=title, selected=None, epochs=epoch_axis(len(record.curve)), values=axis(label, values), lines=lines
    )


def _losses(epochs: Sequence[DetectionEpoch], name: str) -> tuple[RunPoint, ...]:
    return tuple(_loss(point, name) for point in epochs if name in point.train_losses)


def _loss(point: DetectionEpoch, name: str) -> RunPoint:
    loss = point.train_losses[name]
    rate = f"learning rate {point.learning_rate:.3g} at its end"
    return RunPoint(at=point.epoch, value=drawn(loss), lines=(f"epoch {point.epoch}: {four_digits(loss)}", rate))


def _validation(epoch: int, ap_percent: float) -> RunPoint:
    return RunPoint(at=epoch, value=drawn(ap_percent), lines=(f"epoch {epoch}, validation AP {points(ap_percent)} %",))


def _tables(record: DetectionRecord) -> list[RunTable]:
    tables = [_matches("Boxes", record.box_matches)]
    if record.mask_matches is not None:
        tables.append(_matches("Masks", record.mask_matches))
    faults = [(kind, f"{number:,}") for kind, number in record.values.annotation_faults.items() if number]
    if faults:
        title = "Faults in the annotations, left out or mended before training"
        tables.append(RunTable(title=title, headers=("fault", "number"), rows=tuple(faults)))
    return tables


def _matches(what: str, packed: Matches) -> RunTable:
    """Objects that were hit, by their area; and detections that hit none, however low their scores."""
    table = packed.unpack()
    by_iou = [found_of(table, iou) for iou in IOUS]
    rows = []
    for found in zip(*by_iou, strict=True):
        cells = [f"{one.num_hits:,} ({_percent(one.num_hits, one.num_objects)})" for one in found]
        rows.append((found[0].area, f"{found[0].num_objects:,}", *cells, *(f"{one.num_false:,}" for one in found)))
    return RunTable(
        title=f"{what} of the test split by the objects' area, detections of whatever score",
        headers=("area", "objects", *(f"{kind} at IoU {iou:g}" for kind in ("hit", "false") for iou in IOUS)),
        rows=tuple(rows),
    )


def _percent(number: int, whole: int) -> str:
    return f"{100 * number / whole:.1f} %" if whole else "–"
