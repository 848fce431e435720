"""The weights that a command line names: files, folders of them, and records of runs."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from attnbench.detection_record import DetectionStore
from attnbench.errors import CheckpointError, RecordError, SpecError
from attnbench.models.description import DESCRIPTION, described_as
from attnbench.models.saved import classifier_description
from attnbench.record import Record
from attnbench.spec import RunSpec
from attnbench.spec_rules import canonical
from attnbench.suite import checkpoint_name
from attnbench.variant import Variant


def find_weights(
    targets: Sequence[Path], *, checkpoints: Path | None = None, compare: Sequence[str] = (), seed: int | None = None
) -> list[Path]:
    """The files of weights that targets stand for.

    Args:
        targets: Files of weights, folders of them, and files of records.
        checkpoints: Folder where the weights of records are.
        compare: Variants to take of a folder, in this order; none for all of one seed, the baseline first.
        seed: Seed to take of a folder; none for the one that has the most variants, the lowest of several.

    Raises:
        SpecError: If a target is not there, or a folder does not have what is wanted of it.
        CheckpointError: If the weights of a record are missing.
    """
    for option, value in (("--compare", bool(compare)), ("--seed", seed is not None)):
        if value and not any(target.is_dir() for target in targets):
            raise SpecError(f"{option} chooses within a folder of checkpoints; got files alone")
    found: list[Path] = []
    for target in targets:
        if target.is_dir():
            found += _of_folder(target, compare, seed)
        elif not target.is_file():
            raise SpecError(f"there is no checkpoint, folder of checkpoints or record {str(target)!r}")
        else:
            found.append(_of_record(target, checkpoints) if target.suffix == ".json" else target)
    return list(dict.fromkeys(found))


def _of_record(file: Path, checkpoints: Path | None) -> Path:
    if file.name.endswith(DetectionStore.suffix) and DetectionStore.suffix != ".json":
        raise SpecError(f"{file} is the record of a detector: attnbench detect --checkpoint FILE draws what it finds")
    try:
        record = Record.from_json(file.read_bytes(), source=str(file))
    except OSError as error:
        raise RecordError(f"cannot read {file}: {error.strerror or error}") from error
    found = sorted(checkpoints.glob(f"*{record.digest}.ckpt")) if checkpoints is not None else []
    if found:
        return found[0]
    place = (checkpoints if checkpoints is not None and checkpoints.is_dir() else Path()) / checkpoint_name(record.spec)
    where = f"are not in {checkpoints}" if checkpoints is not None else "may be in a folder that --checkpoints names"
    raise CheckpointError(
        f"the weights of {record.spec.attention}, seed {record.spec.seed}, whose record is {file}, {where}; "
        f"attnbench train --from-record {shlex.quote(str(file))} --checkpoint {shlex.quote(str(place))} makes them"
    )


def _of_folder(folder: Path, compare: Sequence[str], seed: int | None) -> list[Path]:
    runs = {file: spec for file in sorted(folder.glob("*.ckpt")) if (spec := _run_of(file)) is not None}
    if not runs:
        raise SpecError(
            f"{folder} holds no checkpoint of a classifier that says what it is of, as attnbench leaderboard "
            "--checkpoints DIR writes them"
        )
    wanted = [_variant(name, sorted({spec.attention for spec in runs.values()}), folder) for name in compare]
    variants = {number: {spec.attention for spec in runs.values() if spec.seed == number} for number in _seeds(runs)}
    # Of seeds that have what is wanted, the one that has most else; a run that failed takes no other with it.
    for number in sorted(variants, key=lambda number: (-len(variants[number]), number)):
        if (seed is None or seed == number) and variants[number] >= set(wanted):
            return _in_order({file: spec for file, spec in runs.items() if spec.seed == number}, wanted)
    there = ", ".join(sorted(f"{spec.attention} seed {spec.seed}" for spec in runs.values()))
    of = "one seed" if seed is None else f"seed {seed}"
    raise SpecError(f"{folder} must hold {', '.join(wanted) or 'a variant'} of {of}; it holds {there}")


def _seeds(runs: Mapping[Path, RunSpec]) -> set[int]:
    return {spec.seed for spec in runs.values()}


def _in_order(runs: Mapping[Path, RunSpec], wanted: Sequence[str]) -> list[Path]:
    """The files of the runs of one seed that are wanted, in that order; without a wish all, the baseline first."""
    by_name = sorted({spec.attention for spec in runs.values()})
    baselines = {spec.baseline for spec in runs.values()}
    found = []
    for name in wanted or sorted(by_name, key=lambda name: name not in baselines):
        files = [file for file, spec in runs.items() if spec.attention == name]
        if len(files) > 1:
            same = ", ".join(map(str, files))
            raise SpecError(
                f"several checkpoints are of {name} with seed {runs[files[0]].seed}: {same}; name the files"
            )
        found += files
    return found


def _variant(name: str, variants: Sequence[str], folder: Path) -> str:
    """The variant that is meant: as it stands, or the only one of that module."""
    if canonical(name) in variants:
        return canonical(name)
    alike = [variant for variant in variants if Variant.parse(variant).name == name]
    if len(alike) == 1:
        return alike[0]
    raise SpecError(f"--compare must name variants of {folder}; got {name!r}, there are {', '.join(alike or variants)}")


def _run_of(file: Path) -> RunSpec | None:
    """What a checkpoint says of a classifier; none where it says nothing. The weights stay on the disk."""
    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a file that is torn or of something else may raise anything
        raise CheckpointError(
            f"{file} is damaged, cut short or no checkpoint; remove it from the folder, or name files"
        ) from error
    if not isinstance(content, Mapping) or described_as(content) != "classifier":
        return None
    return classifier_description({DESCRIPTION: content[DESCRIPTION]}, source=file).spec
