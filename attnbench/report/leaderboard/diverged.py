"""Which runs of classifiers diverged beside the records of a table, and which have no table at all."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from attnbench.diverged_record import AnyDivergedRun, DivergedClassification
from attnbench.record import Record
from attnbench.report.diverged import DivergedSeeds, diverged_seeds, without_table
from attnbench.report.leaderboard.grouping import named_data, shared_conditions
from attnbench.spec import RunSpec


def diverged_beside(
    variants: Mapping[str, Sequence[Record]], diverged: Iterable[AnyDivergedRun]
) -> tuple[DivergedSeeds, ...]:
    """The runs that diverged under the conditions of a table.

    Args:
        variants: The records of the table by the names of the variants.
        diverged: Runs of any kind and conditions.
    """
    conditions = shared_conditions(next(iter(variants.values()))[0].spec)
    alike = [run for run in _of_classifiers(diverged) if shared_conditions(run.spec) == conditions]
    return diverged_seeds(alike, variants, content_of=_content)


def without_leaderboard(groups: Iterable[Sequence[Record]], diverged: Iterable[AnyDivergedRun]) -> list[str]:
    """A paragraph for all runs of the same conditions that diverged, where no record has these conditions.

    Args:
        groups: What `comparable` gives.
        diverged: Runs of any kind and conditions.
    """
    shown = {shared_conditions(group[0].spec) for group in groups}
    alone: dict[tuple[object, ...], list[DivergedClassification]] = defaultdict(list)
    for run in _of_classifiers(diverged):
        if shared_conditions(run.spec) not in shown:
            alone[shared_conditions(run.spec)].append(run)
    return [_paragraph(runs) for _, runs in sorted(alone.items(), key=lambda item: repr(item[0]))]


def _of_classifiers(diverged: Iterable[AnyDivergedRun]) -> list[DivergedClassification]:
    return [run for run in diverged if isinstance(run, DivergedClassification)]


def _paragraph(runs: Sequence[DivergedClassification]) -> str:
    spec = runs[0].spec
    return without_table(f"{spec.backbone} on {named_data(spec)}", diverged_seeds(runs, {}, content_of=_content))


def _content(spec: RunSpec) -> str:
    return spec.plugin.sha256[:8] if spec.plugin else ""
