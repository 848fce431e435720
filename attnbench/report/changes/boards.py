"""What has changed between two stores of run records: leaderboard by leaderboard, variant by variant.

B is the reference, before; A is what is reported, after. Differences are A − B, and numbers are raw, nothing is
rounded.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from attnbench.record import Record, without_timing
from attnbench.report.changes.accuracy import AccuracyChange, accuracy_change, corrected_changes
from attnbench.report.changes.match import (
    ConditionChange,
    environment_changes,
    match_boards,
    spec_changes,
)
from attnbench.report.leaderboard.board import Leaderboard, Row
from attnbench.stats import UnpairedRatio, unpaired_ratio_interval


@dataclass(frozen=True, kw_only=True)
class VariantChange:
    """One variant that both boards have."""

    variant: str
    """Variant as in A's board."""
    is_baseline: bool
    """Whether it is the baseline in both."""
    before: Row
    """Its row in B."""
    after: Row
    """Its row in A."""
    accuracy: AccuracyChange
    """How far its accuracy has moved, corrected over the variants that are not unchanged."""
    identical_seeds: tuple[int, ...]
    """Seeds whose records are the same bit for bit but for what depends on the clock."""
    equal_seeds: tuple[int, ...]
    """Seeds with the same curve, values and answers, whatever spec and environment say; those above are among them."""
    is_edited: bool
    """Whether the content of the user's file that registers it is another."""
    speed: UnpairedRatio | None
    """Images/s over the baseline's beside them, A's over B's, above 1 where A is faster; none where the stores have
    not the same baseline."""

    @property
    def shared_seeds(self) -> tuple[int, ...]:
        """Seeds that both have, sorted."""
        return tuple(seed for seed in self.after.seeds if seed in self.before.seeds)

    @property
    def is_unchanged(self) -> bool:
        """Whether every seed that both have gave the same results, and there is one."""
        return bool(self.equal_seeds) and self.equal_seeds == self.shared_seeds

    @property
    def parameters_change(self) -> int:
        """Parameters more than before."""
        return self.after.parameters - self.before.parameters

    @property
    def macs_change(self) -> int:
        """Multiply-accumulates more than before."""
        return self.after.macs - self.before.macs

    @property
    def stars(self) -> tuple[bool, bool]:
        """Whether it is shown to differ from its baseline, in B and in A."""
        before, after = self.before.top1_difference, self.after.top1_difference
        return before is not None and before.is_shown, after is not None and after.is_shown


@dataclass(frozen=True, kw_only=True)
class BoardChange:
    """Two leaderboards of one backbone and data set."""

    before: Leaderboard
    """B's."""
    after: Leaderboard
    """A's."""
    spec_changes: tuple[ConditionChange, ...]
    """What was asked for differently."""
    environment_changes: tuple[ConditionChange, ...]
    """What differs between the machines and the software."""
    variants: tuple[VariantChange, ...]
    """What both have, in A's order."""
    only_before: tuple[str, ...]
    """Variants that only B has, in its order."""
    only_after: tuple[str, ...]
    """Variants that only A has, in its order."""

    @property
    def has_one_baseline_name(self) -> bool:
        """Whether both compare with a baseline of one name."""
        return self.before.facts.spec.baseline == self.after.facts.spec.baseline

    @property
    def has_one_baseline(self) -> bool:
        """Whether both compare with the same baseline: of one name, and where that is a user's, of one content."""
        return _same_baseline(self.before, self.after)

    @property
    def has_one_root(self) -> bool:
        """Whether the images of both come from one folder, or from none."""
        return self.before.facts.spec.root == self.after.facts.spec.root

    @property
    def orders(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The variants of both by mean top-1, in B and in A, by A's names."""
        names = {change.before.variant: change.variant for change in self.variants}
        before = tuple(names[row.variant] for row in self.before.rows if row.variant in names)
        return before, tuple(change.variant for change in self.variants)


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Two stores, leaderboard by leaderboard."""

    boards: tuple[BoardChange, ...]
    """What both have, in A's order."""
    only_before: tuple[Leaderboard, ...]
    """Leaderboards that only B has."""
    only_after: tuple[Leaderboard, ...]
    """Leaderboards that only A has."""


def changes(boards_a: Sequence[Leaderboard], boards_b: Sequence[Leaderboard]) -> Changes:
    """Compare the leaderboards of A with those of B.

    Boards of one data set and backbone match, the nearest in their settings first; those of other data or another
    backbone never do.

    Args:
        boards_a: What is reported, as `leaderboards` makes them.
        boards_b: The reference.
    """
    pairs, only_a, only_b = match_boards(boards_a, boards_b)
    return Changes(
        boards=tuple(_board(before, after) for before, after in pairs),
        only_before=tuple(only_b),
        only_after=tuple(only_a),
    )


def _board(before: Leaderboard, after: Leaderboard) -> BoardChange:
    pairs = _match_rows(before, after)
    same_baseline = _same_baseline(before, after)
    shared = _corrected([_variant(old, new, same_baseline=same_baseline) for old, new in pairs])
    matched_before, matched_after = ({pair[side].variant for pair in pairs} for side in (0, 1))
    return BoardChange(
        before=before,
        after=after,
        spec_changes=tuple(spec_changes(before, after)),
        environment_changes=tuple(environment_changes(_records(before), _records(after))),
        variants=tuple(shared),
        only_before=tuple(row.variant for row in before.rows if row.variant not in matched_before),
        only_after=tuple(row.variant for row in after.rows if row.variant not in matched_after),
    )


def _match_rows(before: Leaderboard, after: Leaderboard) -> list[tuple[Row, Row]]:
    """Rows of B and A of one variant, in A's order: those of one content, or else of one name if no other has it."""
    old = {(_attention(row), _content(row)): row for row in before.rows}
    num_before, num_after = (Counter(map(_attention, board.rows)) for board in (before, after))
    by_name = {_attention(row): row for row in before.rows if num_before[_attention(row)] == 1}
    pairs = []
    for row in after.rows:
        name = _attention(row)
        partner = old.get((name, _content(row))) or (by_name.get(name) if num_after[name] == 1 else None)
        if partner is not None:
            pairs.append((partner, row))
    return pairs


def _same_baseline(before: Leaderboard, after: Leaderboard) -> bool:
    contents = [board.baseline and _content(board.baseline) for board in (before, after)]
    return before.facts.spec.baseline == after.facts.spec.baseline and contents[0] == contents[1]


def _corrected(variants: Sequence[VariantChange]) -> list[VariantChange]:
    """The same variants with their changes as one family, to which what is the same does not belong."""
    family = [change for change in variants if not change.is_unchanged]
    corrected = iter(corrected_changes([change.accuracy for change in family]))
    return [change if change.is_unchanged else replace(change, accuracy=next(corrected)) for change in variants]


def _variant(before: Row, after: Row, *, same_baseline: bool) -> VariantChange:
    old = {record.spec.seed: record for record in before.records}
    pairs = [(old[record.spec.seed], record) for record in after.records if record.spec.seed in old]
    return VariantChange(
        variant=after.variant,
        is_baseline=before.is_baseline and after.is_baseline,
        before=before,
        after=after,
        accuracy=accuracy_change(before.records, after.records),
        identical_seeds=tuple(one.spec.seed for one, other in pairs if without_timing(one) == without_timing(other)),
        equal_seeds=tuple(one.spec.seed for one, other in pairs if _results(one) == _results(other)),
        is_edited=_content(before) != _content(after),
        speed=unpaired_ratio_interval(_speeds(after), _speeds(before)) if same_baseline else None,
    )


def _results(record: Record) -> tuple[object, ...]:
    return record.curve, record.values, record.test_correct


def _attention(row: Row) -> str:
    return row.records[0].spec.attention


def _content(row: Row) -> str | None:
    plugin = row.records[0].spec.plugin
    return plugin.sha256 if plugin else None


def _speeds(row: Row) -> list[float]:
    """Of each pass the images/s over those of the baseline's beside it."""
    timings = [record.timing for record in row.records]
    return [
        baseline_ms / ms
        for timing in timings
        for baseline_ms, ms in zip(timing.baseline_forward_ms, timing.forward_ms, strict=True)
    ]


def _records(board: Leaderboard) -> list[Record]:
    return [record for row in board.rows for record in row.records]
