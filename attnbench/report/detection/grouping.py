"""Which detection records stand in one table, and which of them are of one variant."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from attnbench.detection_record import DetectionRecord
from attnbench.detection_spec import DetectionRun


def comparable(records: Iterable[DetectionRecord]) -> list[list[DetectionRecord]]:
    """Groups of records that differ in detector, variant, their plugins and seed only, and saw the same test images.

    Bodies that start from a file each are alike if the variant's name is all that the files' names differ in.

    Args:
        records: Records in any order; one that occurs twice counts once.

    Returns:
        The groups, sorted by data, backbone and the rest of the spec.
    """
    groups: dict[tuple[object, ...], list[DetectionRecord]] = defaultdict(list)
    for record in {record.digest: record for record in records}.values():
        groups[_shared(record)].append(record)
    parts = [part for group in groups.values() for part in _by_weights(group)]
    return sorted(parts, key=lambda group: _place(group[0]))


def by_detector(records: Iterable[DetectionRecord]) -> dict[str, list[DetectionRecord]]:
    """The records of each detector, the one that was run first in front.

    Where two contents of a user's file share a name, each gets the start of its hash.
    """
    detectors: dict[tuple[str, str], list[DetectionRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda record: (record.timing.started_at, record.spec.detector)):
        plugin = record.spec.detector_plugin
        detectors[record.spec.detector, plugin.sha256[:8] if plugin else ""].append(record)
    names = Counter(detector for detector, _ in detectors)
    return {
        f"{detector}@{content}" if names[detector] > 1 and content else detector: members
        for (detector, content), members in detectors.items()
    }


def variants_of(records: Iterable[DetectionRecord]) -> dict[str, list[DetectionRecord]]:
    """Records of one detector by variant, one a seed, sorted by seed.

    Where two contents of a user's file, or of the file that bodies start from, share a name, each gets the start of
    its hash. Of several records of one variant and seed, made with the same files under other paths, the earliest
    counts.
    """
    variants: dict[tuple[str, str], dict[int, DetectionRecord]] = defaultdict(dict)
    for record in sorted(records, key=lambda record: (record.spec.seed, record.timing.started_at, record.digest)):
        variants[record.spec.attention, content_of(record.spec)].setdefault(record.spec.seed, record)
    names = Counter(attention for attention, _ in variants)
    return {
        f"{attention}@{content}" if names[attention] > 1 and content else attention: list(members.values())
        for (attention, content), members in variants.items()
    }


def baseline_of(variants: Mapping[str, Sequence[DetectionRecord]], attention: str) -> str | None:
    """The baseline's variant; of several contents under its name, the one with most seeds, then the latest."""
    candidates = [name for name, members in variants.items() if members[0].spec.attention == attention]
    return max(candidates, key=lambda name: (len(variants[name]), variants[name][-1].timing.started_at), default=None)


def shared_conditions(spec: DetectionRun) -> tuple[object, ...]:
    """What the specs of one table have in common, but for the weights that bodies start from."""
    data = (spec.data, spec.data_plugin.sha256 if spec.data_plugin else "", spec.root, spec.annotations)
    return (*data, spec.backbone, spec.baseline, spec.recipe, spec.compute, spec.speed_rounds)


def goes_with(spec: DetectionRun, records: Sequence[DetectionRecord]) -> bool:
    """Whether a run without a record was of the conditions of a group of them."""
    first = records[0].spec
    if shared_conditions(spec) != shared_conditions(first):
        return False
    baselines = _baselines_weights([spec, *(record.spec for record in records)])
    return _start(spec, baselines) == _start(first, baselines)


def _start(spec: DetectionRun, baselines: Sequence[str]) -> str:
    """What stands for the weights that a run's body starts from: those of the baseline that go with them.

    Args:
        spec: The run.
        baselines: Weights of the baseline's runs, sorted; empty for none.
    """
    own = spec.weights or ""
    # Where the variant's name occurs in the path, the baseline's may stand in its place.
    choice = f"(?:{re.escape(spec.attention)}|{re.escape(spec.baseline)})"
    pattern = choice.join(map(re.escape, own.split(spec.attention)))
    alike = [own] if own in baselines else [path for path in baselines if re.fullmatch(pattern, path)]
    return alike[0] if alike else own


def _baselines_weights(specs: Iterable[DetectionRun]) -> list[str]:
    return sorted({spec.weights or "" for spec in specs if spec.attention == spec.baseline})


def content_of(spec: DetectionRun) -> str:
    """The start of the hashes by which variants of one name are told apart; empty where there is no file."""
    plugin = spec.plugin.sha256[:8] if spec.plugin else ""
    return "+".join(filter(None, (plugin, (spec.weights_sha256 or "")[:8])))


def _shared(record: DetectionRecord) -> tuple[object, ...]:
    return (*shared_conditions(record.spec), _test_split(record))


def _test_split(record: DetectionRecord) -> str:
    """A hash of how many objects of each class and area every test image holds."""
    return hashlib.sha256(record.box_matches.unpack().objects.tobytes()).hexdigest()


def _by_weights(records: Sequence[DetectionRecord]) -> list[list[DetectionRecord]]:
    """Records whose bodies start alike, a variant's with those of its baseline."""
    baselines = _baselines_weights(record.spec for record in records)
    groups: dict[str, list[DetectionRecord]] = defaultdict(list)
    for record in records:
        groups[_start(record.spec, baselines)].append(record)
    return list(groups.values())


def _place(record: DetectionRecord) -> tuple[str, str, int, str]:
    spec = record.spec
    return spec.data, spec.backbone, spec.recipe.epochs, repr((_shared(record), spec.weights))
