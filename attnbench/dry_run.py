"""What a suite would train and what that would take, without training it.

The time of a run is the median of the records of its variant under the same spec with other seeds. Where there is
none, a few steps of the real training and validation are timed, data and all, and multiplied. That leaves out
what a run does once: building the model, and the measurement of its speed.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from attnbench.data import ImageData
from attnbench.data.cache import cache_folder
from attnbench.environment import capture_environment
from attnbench.record import Epoch, PackedIntegers, Record, Store
from attnbench.report.machines import Machine, machine_of
from attnbench.report.plan import same_hardware
from attnbench.report.wall_time import wall_time_s
from attnbench.run import build_run_model, read_data
from attnbench.spec import RunSpec, SuiteSpec, digest
from attnbench.step_times import StepTimes, time_steps
from attnbench.store import encode_record
from attnbench.suite import expand
from attnbench.training import resolve_device, use_threads

SECONDS_A_VARIANT = 5.0
"""Timing of a variant's steps stops at the first step that ends later than this."""

_BYTES_A_TIMED_PASS = 24
"""One number of milliseconds in a record's JSON, with its line."""
_BYTES_OF_THE_REST = 1500
"""Environment, values and the names of the fields in a record's JSON."""


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run of the suite."""

    digest: str
    """Digest of its spec, and the name of its record."""
    attention: str
    """Its variant."""
    seed: int
    """Its seed."""
    is_recorded: bool
    """Whether the store holds a readable record of it."""


@dataclass(frozen=True, kw_only=True)
class VariantTime:
    """What one run of a variant takes."""

    attention: str
    """The variant."""
    num_missing: int
    """Its runs that are to be trained."""
    run_s: float
    """Seconds of one run."""
    num_records: int
    """Records whose median it is; 0 where steps were timed."""
    num_steps: int
    """Training steps that were timed; 0 where there are records."""


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a suite would train, and what that would take."""

    runs: tuple[PlannedRun, ...]
    """All runs, in the suite's order."""
    variants: tuple[VariantTime, ...]
    """Variants with missing runs, in the suite's order."""
    epochs: int
    """Epochs of a run."""
    num_train_images: int
    """Images of an epoch."""
    num_workers: int
    """Runs at once."""
    record_bytes: int
    """Size of one record."""
    num_measured_records: int
    """Records of this suite's table whose mean size that is; 0 where it was estimated."""
    cache_folder: Path
    """Folder of made and downloaded data sets."""
    cached_bytes: int
    """What lies there, of all data sets."""
    free_bytes: int
    """Free space on the disk of the store."""
    machines: tuple[Machine, ...]
    """Where the records come from whose times were taken, without this machine."""

    @property
    def missing(self) -> tuple[PlannedRun, ...]:
        """The runs that are to be trained."""
        return tuple(run for run in self.runs if not run.is_recorded)

    @property
    def images_to_train(self) -> int:
        """Training images that the missing runs see, each as often as it is seen."""
        return self.num_train_images * self.epochs * len(self.missing)

    @property
    def wall_s(self) -> float:
        """Seconds until all missing runs are done, so many at once; no less than the longest of them."""
        return wall_time_s(((variant.run_s, variant.num_missing) for variant in self.variants), self.num_workers)


def dry_run(suite: SuiteSpec, store: Store, *, workers: int | None, seconds: float = SECONDS_A_VARIANT) -> DryRun:
    """Find out what a suite would do. Nothing is recorded, and no store is made.

    Args:
        suite: The grid.
        store: Where its records are, if there are any.
        workers: Runs at once; none chooses as the leaderboard does.
        seconds: About how long the steps of a variant without records are timed.

    Raises:
        AttnBenchError: If anything named is not there or does not fit.
    """
    from attnbench.workers import default_num_workers

    specs = expand(suite)
    records = store.read()[0] if store.path.is_dir() else []
    recorded = {record.digest for record in records}
    runs = tuple(
        PlannedRun(digest=name, attention=spec.attention, seed=spec.seed, is_recorded=name in recorded)
        for spec, name in ((spec, digest(spec)) for spec in specs)
    )
    first_by_variant = {spec.attention: spec for spec in reversed(specs)}
    like = {attention: _but_for_seed(spec, records) for attention, spec in first_by_variant.items()}
    missing = [run.attention for run in runs if not run.is_recorded]
    data = read_data(specs[0])
    with use_threads(suite.compute.threads):
        here = machine_of(capture_environment(suite.compute))
        # Every variant's model is built, so that a mistake shows; what has records is not timed.
        times = [
            _variant_time(first_by_variant[name], like[name], data, missing.count(name), seconds)
            for name in suite.attention
        ]
    same_table = [record for members in like.values() for record in members]
    has_gpu = resolve_device(suite.compute).type == "cuda"
    used = {machine_of(r.environment) for name in missing for r in like[name]}
    return DryRun(
        runs=runs,
        variants=tuple(time for time in times if time.num_missing),
        epochs=suite.recipe.epochs,
        num_train_images=data.num_images["train"],
        num_workers=workers or default_num_workers(suite.compute, has_gpu=has_gpu, num_runs=len(missing)),
        record_bytes=_measured_bytes(store, same_table) or _estimated_bytes(specs[0], data),
        num_measured_records=len(same_table),
        cache_folder=cache_folder(),
        cached_bytes=_bytes_in(cache_folder()),
        free_bytes=shutil.disk_usage(_existing(store.path)).free,
        machines=tuple(sorted((m for m in used if not same_hardware(m, here)), key=repr)),
    )


def _but_for_seed(spec: RunSpec, records: Sequence[Record]) -> list[Record]:
    return [record for record in records if replace(record.spec, seed=spec.seed) == spec]


def _variant_time(
    spec: RunSpec, records: Sequence[Record], data: ImageData, num_missing: int, seconds: float
) -> VariantTime:
    model = build_run_model(spec, spec.attention, data).model
    if records or not num_missing:
        run_s, num_steps = median(record.timing.wall_s for record in records) if records else 0.0, 0
    else:
        times = time_steps(
            model, data, recipe=spec.recipe, compute=spec.compute, num_classes=data.num_classes, seconds=seconds
        )
        run_s, num_steps = _run_s(times, spec, data), times.num_steps
    return VariantTime(
        attention=spec.attention, num_missing=num_missing, run_s=run_s, num_records=len(records), num_steps=num_steps
    )


def _run_s(times: StepTimes, spec: RunSpec, data: ImageData) -> float:
    epoch_s = times.training_step_s * len(data.train_dataloader()) + times.evaluation_step_s * len(
        data.val_dataloader()
    )
    return spec.recipe.epochs * epoch_s + times.evaluation_step_s * len(data.test_dataloader())


def _measured_bytes(store: Store, records: Sequence[Record]) -> int:
    sizes = [store.file_of(record.digest).stat().st_size for record in records]
    return round(sum(sizes) / len(sizes)) if sizes else 0


def _estimated_bytes(spec: RunSpec, data: ImageData) -> int:
    epoch = Epoch(
        epoch=1, learning_rate=1 / 3, train_loss=1 / 3, validation_loss=1 / 3, validation_top1_percent=1 / 3,
        validation_top5_percent=1 / 3,
    )  # fmt: skip
    bits = -(-data.num_images["test"] // 6)  # eight to a byte, four characters of base64 to three bytes
    sources = 0 if data.test_sources is None else len(encode_record(PackedIntegers.pack(data.test_sources)))
    passes = 2 * spec.measure.throughput_rounds * _BYTES_A_TIMED_PASS
    curve = spec.recipe.epochs * len(encode_record(epoch))
    return len(encode_record(spec)) + curve + bits + sources + passes + _BYTES_OF_THE_REST


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _existing(path: Path) -> Path:
    return next(folder for folder in (path.resolve(), *path.resolve().parents) if folder.exists())
