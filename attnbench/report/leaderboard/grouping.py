"""Which records can be compared, and which of them are of one variant."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from attnbench.detection_spec import DetectionRun
from attnbench.packed import PackedIntegers
from attnbench.record import Record
from attnbench.spec import RunSpec


def comparable(records: Iterable[Record]) -> list[list[Record]]:
    """Groups of records whose specs differ in variant, its plugin and seed only, and that saw the same test images.

    Args:
        records: Records in any order; one that occurs twice counts once.

    Returns:
        The groups, sorted by data, backbone and the rest of the spec; within one the records are sorted by seed.
    """
    groups: dict[tuple[object, ...], list[Record]] = defaultdict(list)
    for record in {record.digest: record for record in records}.values():
        groups[_shared(record)].append(record)
    parts = [part for group in groups.values() for part in _by_images(group)]
    order = sorted(parts, key=lambda group: _place(group[0]))
    return [sorted(group, key=lambda record: (record.spec.seed, record.spec.attention)) for group in order]


def variants_of(records: Iterable[Record]) -> dict[str, list[Record]]:
    """Records by variant, one a seed, sorted by seed.

    Where two contents of a user's file share a name, each gets the start of its hash. Of several records of one
    variant and seed, made with the same file under other paths, the earliest counts.
    """
    variants: dict[tuple[str, str], dict[int, Record]] = defaultdict(dict)
    for record in sorted(records, key=lambda record: (record.spec.seed, record.timing.started_at, record.digest)):
        plugin = record.spec.plugin
        variants[record.spec.attention, plugin.sha256 if plugin else ""].setdefault(record.spec.seed, record)
    names = Counter(attention for attention, _ in variants)
    return {
        f"{attention}@{sha256[:8]}" if names[attention] > 1 and sha256 else attention: list(members.values())
        for (attention, sha256), members in variants.items()
    }


def baseline_of(variants: Mapping[str, Sequence[Record]], attention: str) -> str | None:
    """The baseline's variant; of several contents under its name, the one with most seeds, then the latest."""
    candidates = [name for name, members in variants.items() if members[0].spec.attention == attention]
    return max(candidates, key=lambda name: (len(variants[name]), variants[name][-1].timing.started_at), default=None)


def named_data(spec: RunSpec | DetectionRun) -> str:
    """Data set as in the spec; one of the user's own with ``@`` and the start of its file's hash."""
    return f"{spec.data}@{spec.data_plugin.sha256[:8]}" if spec.data_plugin else spec.data


def mean_top1(records: Sequence[Record]) -> float:
    """Mean top-1 accuracy on the test split over seeds, percent."""
    return sum(record.values.test_top1_percent for record in records) / len(records)


def shared_conditions(spec: RunSpec) -> tuple[object, ...]:
    """What the specs of one table have in common."""
    data = (spec.data, spec.data_plugin.sha256 if spec.data_plugin else "", spec.root)
    return (*data, spec.backbone, spec.baseline, spec.recipe, spec.compute, spec.measure)


def _shared(record: Record) -> tuple[object, ...]:
    """What records of one table have in common."""
    # Another version of attnbench may corrupt images in other strengths.
    strengths = tuple((corrupted.corruption, corrupted.strength) for corrupted in record.robustness or ())
    return (*shared_conditions(record.spec), record.values.num_test_images, strengths)


def _by_images(records: Sequence[Record]) -> list[list[Record]]:
    """Records whose test images were made from the same sources; one that does not know them goes with the first."""
    by_sources: dict[PackedIntegers | None, list[Record]] = defaultdict(list)
    for record in records:
        by_sources[record.test_sources].append(record)
    unknown = by_sources.pop(None, [])
    known = sorted(by_sources.values(), key=lambda group: group[0].digest)
    return [[*unknown, *known[0]], *known[1:]] if known else [unknown]


def _place(record: Record) -> tuple[str, str, int, str]:
    spec = record.spec
    return spec.data, spec.backbone, spec.recipe.epochs, repr(_shared(record))
