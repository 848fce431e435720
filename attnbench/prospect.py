"""A dry run of runs of any kind: what is missing in a store, and what that takes.

The time of a run is the median of the records of its variant under the same spec with other seeds. Where there is
none, a few steps of the real training and test are timed, data and all, and multiplied. That leaves out
what a run does once: building the model, and the measurement of its speed.
"""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Generic, TypeVar

from attnbench.data.cache import cache_folder
from attnbench.detection_record import DetectionRecord
from attnbench.detection_spec import DetectionRun
from attnbench.diverged_record import DivergedStore
from attnbench.environment import capture_environment
from attnbench.hardware import resolve_device, use_threads
from attnbench.measure import memory_scope
from attnbench.measure.memory import MemoryScope
from attnbench.record import Record
from attnbench.report.machines import Machine, machine_of
from attnbench.report.plan import same_hardware
from attnbench.report.wall_time import wall_time_s
from attnbench.spec import Compute, RunSpec
from attnbench.step_times import StepTimes
from attnbench.store import RecordFolder

S = TypeVar("S", RunSpec, DetectionRun)
R = TypeVar("R", Record, DetectionRecord)


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """One run of the suite."""

    digest: str
    """Digest of its spec, and the name of its record."""
    detector: str
    """Its detector; empty for a classifier."""
    attention: str
    """Its variant."""
    seed: int
    """Its seed."""
    epochs: int
    """Its epochs."""
    is_recorded: bool
    """Whether the store holds a readable record of it, and its files are there."""
    has_diverged: bool = False
    """Whether the store has it as diverged, and no record of it."""

    @property
    def is_missing(self) -> bool:
        """Whether it would be trained."""
        return not self.is_recorded and not self.has_diverged


@dataclass(frozen=True, kw_only=True)
class VariantTime:
    """What one run of a variant takes."""

    detector: str
    """The detector; empty for a classifier."""
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
    peak_memory_bytes: int | None
    """The most memory that was in use at a time while they were; none where there are records."""


@dataclass(frozen=True, kw_only=True)
class DryRun:
    """What a suite would train, and what that would take."""

    runs: tuple[PlannedRun, ...]
    """All runs, in the suite's order."""
    variants: tuple[VariantTime, ...]
    """Variants with missing runs, in the suite's order."""
    num_train_images: int
    """Images of an epoch."""
    num_workers: int
    """Runs at once."""
    memory_scope: MemoryScope
    """Whose memory the peaks of the variants are."""
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
    is_compiled: bool = False
    """Whether runs compile first, which the timed steps do not."""

    @property
    def missing(self) -> tuple[PlannedRun, ...]:
        """The runs that are to be trained."""
        return tuple(run for run in self.runs if run.is_missing)

    @property
    def images_to_train(self) -> int:
        """Training images that the missing runs see, each as often as it is seen."""
        return self.num_train_images * sum(run.epochs for run in self.missing)

    @property
    def wall_s(self) -> float:
        """Seconds until all missing runs are done, so many at once; no less than the longest of them."""
        return wall_time_s(((variant.run_s, variant.num_missing) for variant in self.variants), self.num_workers)


@dataclass(frozen=True, kw_only=True)
class Prospect(Generic[S]):
    """The runs of a suite, and what a dry run must know of their kind."""

    specs: Sequence[S]
    """The runs, in the suite's order."""
    compute: Compute
    """Where each is trained."""
    epochs_of: Callable[[S], int]
    """Gives the epochs of a run."""
    num_train_images: int
    """Images of an epoch."""
    record_bytes: int
    """Size of a record, estimated."""
    digest_of: Callable[[S], str]
    """Gives the digest of a run."""
    detector_of: Callable[[S], str]
    """What the detector of a run is called; empty for a classifier."""
    has_files: Callable[[S], bool]
    """Whether the files are there that a run leaves besides its record."""
    time_run: Callable[[S, float], tuple[float, StepTimes] | None]
    """Builds a run's model, so that a mistake shows, and times its steps for about so many seconds: gives the seconds
    of the whole run, and the steps'. With no seconds it builds alone, and gives none."""


def look_ahead(prospect: Prospect[S], store: RecordFolder[R], *, workers: int | None, seconds: float) -> DryRun:
    """Find out what a suite would do. Nothing is recorded, and no store is made.

    Args:
        prospect: The suite's runs.
        store: Where their records are, if there are any.
        workers: Runs at once; none chooses as the leaderboard does.
        seconds: About how long the steps of a variant without records are timed.

    Raises:
        AttnBenchError: If anything named is not there or does not fit.
    """
    from attnbench.executors.devices import default_num_workers

    records, lost = (list(store), list(DivergedStore(store.path))) if store.path.is_dir() else ([], [])
    recorded = {record.digest for record in records}
    diverged = {run.digest for run in lost} - recorded
    runs = tuple(_planned(spec, prospect, recorded, diverged) for spec in prospect.specs)
    first_by_variant = {_variant(run): spec for run, spec in reversed(list(zip(runs, prospect.specs, strict=True)))}
    like = {variant: _but_for_seed(spec, records) for variant, spec in first_by_variant.items()}
    missing = [_variant(run) for run in runs if run.is_missing]
    device = resolve_device(prospect.compute)
    with use_threads(prospect.compute.threads):
        here = machine_of(capture_environment(prospect.compute))
        # Every variant's model is built, so that a mistake shows; what has records is not timed.
        times = [
            _variant_time(variant, first_by_variant[variant], like[variant], prospect, missing.count(variant), seconds)
            for variant in dict.fromkeys(map(_variant, runs))
        ]
    same_table = [record for members in like.values() for record in members]
    used = {machine_of(record.environment) for variant in missing for record in like[variant]}
    return DryRun(
        runs=runs,
        variants=tuple(time for time in times if time.num_missing),
        num_train_images=prospect.num_train_images,
        num_workers=workers or default_num_workers(prospect.compute, num_runs=len(missing)),
        memory_scope=memory_scope(device),
        record_bytes=_measured_bytes(store, same_table) or prospect.record_bytes,
        num_measured_records=len(same_table),
        cache_folder=cache_folder(),
        cached_bytes=_bytes_in(cache_folder()),
        free_bytes=shutil.disk_usage(_existing(store.path)).free,
        machines=tuple(sorted((m for m in used if not same_hardware(m, here)), key=repr)),
        is_compiled=prospect.compute.compile != "none",
    )


def _planned(spec: S, prospect: Prospect[S], recorded: set[str], diverged: set[str]) -> PlannedRun:
    digest = prospect.digest_of(spec)
    return PlannedRun(
        digest=digest,
        detector=prospect.detector_of(spec),
        attention=spec.attention,
        seed=spec.seed,
        epochs=prospect.epochs_of(spec),
        is_recorded=digest in recorded and prospect.has_files(spec),
        has_diverged=digest in diverged,
    )


def _variant(run: PlannedRun) -> tuple[str, str]:
    return run.detector, run.attention


def _but_for_seed(spec: RunSpec | DetectionRun, records: Sequence[R]) -> list[R]:
    return [record for record in records if replace(record.spec, seed=spec.seed) == spec]


def _variant_time(
    variant: tuple[str, str],
    spec: S,
    records: Sequence[Record] | Sequence[DetectionRecord],
    prospect: Prospect[S],
    num_missing: int,
    seconds: float,
) -> VariantTime:
    detector, attention = variant
    timed = prospect.time_run(spec, 0.0 if records or not num_missing else seconds)
    run_s = median(record.timing.wall_s for record in records) if records else 0.0
    return VariantTime(
        detector=detector,
        attention=attention,
        num_missing=num_missing,
        run_s=timed[0] if timed else run_s,
        num_records=len(records),
        num_steps=timed[1].num_steps if timed else 0,
        peak_memory_bytes=timed[1].peak_memory_bytes if timed else None,
    )


def _measured_bytes(store: RecordFolder[R], records: Sequence[R]) -> int:
    sizes = [store.file_of(record.digest).stat().st_size for record in records]
    return round(sum(sizes) / len(sizes)) if sizes else 0


def _bytes_in(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _existing(path: Path) -> Path:
    return next(folder for folder in (path.resolve(), *path.resolve().parents) if folder.exists())
