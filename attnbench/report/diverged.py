"""What tables say of runs that diverged and so are not in them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from attnbench.detection_record import DetectionRecord
from attnbench.diverged_record import AnyDivergedRun
from attnbench.printable import printable
from attnbench.record import Record
from attnbench.report.numbers import listed
from attnbench.variant import short_names


@dataclass(frozen=True, kw_only=True)
class DivergedSeeds:
    """The runs of one variant that diverged."""

    name: str
    """What the variant is called: as in the table, if it is there with other seeds."""
    runs: tuple[AnyDivergedRun, ...]
    """The runs, one a seed, sorted by seed."""
    detector: str = ""
    """The detector that it is in, as in the table; empty for a classifier."""

    def sentence(self, detectors: Mapping[str, str]) -> str:
        """Which seeds, and where.

        Args:
            detectors: What each detector is called beside the others.
        """
        name = f"{self.name} in {detectors[self.detector]}" if self.detector else self.name
        word = "seeds" if len(self.runs) > 1 else "seed"
        seeds, places = listed([str(run.spec.seed) for run in self.runs]), listed([run.place for run in self.runs])
        return f"{name} {word} {seeds} diverged at {places}"


def diverged_seeds(
    diverged: Iterable[AnyDivergedRun],
    variants: Mapping[str, Sequence[Record] | Sequence[DetectionRecord]],
    *,
    content_of: Callable[[Any], str],
) -> tuple[DivergedSeeds, ...]:
    """Runs that diverged by their variants, but for seeds of which the table has a record.

    Args:
        diverged: The runs, of the same conditions as the table's.
        variants: The records of the table by the names of the variants.
        content_of: Gives of a spec the start of the hashes by which variants of one name are told apart.
    """
    names: dict[tuple[str, str], str] = {}
    found: dict[str, dict[int, AnyDivergedRun]] = defaultdict(dict)
    for name, records in variants.items():
        names[records[0].spec.attention, content_of(records[0].spec)] = name
    for run in sorted(diverged, key=lambda run: (run.spec.attention, run.spec.seed, run.started_at, run.digest)):
        attention, content = run.spec.attention, content_of(run.spec)
        is_taken = any(attention == other for other, _ in names)
        own = f"{attention}@{content}" if is_taken and content else attention
        name = names.setdefault((attention, content), own)
        if all(record.spec.seed != run.spec.seed for record in variants.get(name, ())):
            found[name].setdefault(run.spec.seed, run)
    return tuple(DivergedSeeds(name=name, runs=tuple(runs.values())) for name, runs in found.items())


def diverged_notes(diverged: Sequence[DivergedSeeds], detectors: Iterable[str] = ()) -> list[str]:
    """A paragraph for each variant, and what follows from them; nothing where no run diverged.

    Args:
        diverged: The runs.
        detectors: Those of the table.
    """
    if not diverged:
        return []
    names = _short_names(diverged, detectors)
    sentences = [
        f"{seeds.sentence(names)} and {'are' if len(seeds.runs) > 1 else 'is'} not in the table." for seeds in diverged
    ]
    return [*sentences, "A variant without its seeds that diverged looks better than it is."]


def without_table(title: str, diverged: Sequence[DivergedSeeds]) -> str:
    """What there is to say of runs that have all diverged.

    Args:
        title: Backbone and data.
        diverged: The runs.
    """
    names = _short_names(diverged, ())
    runs = "; ".join(seeds.sentence(names) for seeds in diverged)
    return printable(f"{title}: every run that is recorded has diverged, so there is no table. {runs}.")


def _short_names(diverged: Sequence[DivergedSeeds], detectors: Iterable[str]) -> dict[str, str]:
    return short_names(dict.fromkeys([*detectors, *(seeds.detector for seeds in diverged if seeds.detector)]))


def diverged_fields(diverged: Sequence[DivergedSeeds]) -> list[dict[str, Any]]:
    """The runs for programs, one after the other."""
    return [
        {
            **({"detector": seeds.detector} if seeds.detector else {}),
            "variant": seeds.name,
            "seed": run.spec.seed,
            "digest": run.digest,
            "loss": run.loss,
            "value": run.value,
            "step": run.step,
            "epoch": run.epoch,
        }
        for seeds in diverged
        for run in seeds.runs
    ]


def num_diverged(diverged: Sequence[DivergedSeeds], name: str, detector: str = "") -> int:
    """How many runs of a variant diverged, in one detector."""
    return sum(len(seeds.runs) for seeds in diverged if (seeds.name, seeds.detector) == (name, detector))
