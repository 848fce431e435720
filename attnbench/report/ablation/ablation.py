"""Records to an ablation: the variants of a design beside the baseline and beside the reference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from attnbench.diverged_record import AnyDivergedRun
from attnbench.record import Record
from attnbench.report.ablation.design import Design, Point, label
from attnbench.report.leaderboard.board import Leaderboard, Row, leaderboard
from attnbench.report.leaderboard.differences import Difference, against


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """The variants of a design with what their records say."""

    design: Design
    """What is compared."""
    board: Leaderboard
    """The records' leaderboard, with its rows in the design's order, the baseline first, each named by its settings."""
    points: Mapping[str, Point]
    """The design's point of each row but the baseline's, by the row's name."""
    to_reference: Mapping[str, Difference]
    """Differences to the reference by the row's name, corrected for each other and for none to the baseline."""

    @property
    def reference(self) -> Row | None:
        """The reference's row, if it has records."""
        return next((row for name, row in self.rows.items() if self.is_reference(name)), None)

    @property
    def rows(self) -> dict[str, Row]:
        """The rows of the design's points, by their names."""
        return {row.variant: row for row in self.board.rows if row.variant in self.points}

    def is_reference(self, name: str) -> bool:
        """Whether a row is the one whose settings are changed."""
        return name in self.points and self.points[name].variant == self.design.reference

    @property
    def reference_name(self) -> str:
        """What the reference's row is called, whether it has records or not."""
        return self.name_of(self.design.reference)

    def name_of(self, variant: str) -> str:
        """What the row of a variant is called."""
        return label(self.design, self.design.point_of(variant))


def ablation(records: Iterable[Record], design: Design, diverged: Sequence[AnyDivergedRun] = ()) -> Ablation:
    """What records say of a design.

    Args:
        records: Of the design's variants and of the baseline, which can all be compared.
        design: What is compared.
        diverged: Runs of these that diverged.

    Raises:
        SpecError: If there is no record, or they belong to several tables.
    """
    board = leaderboard(records, diverged)
    order = [point.variant for point in design.points]
    # A baseline that is no point of the design comes before all points.
    rows = sorted(board.rows, key=lambda row: order.index(row.variant) if row.variant in order else -1)
    points = {label(design, point): point for point in design.points}
    names = {point.variant: name for name, point in points.items()}
    named = replace(
        board,
        rows=tuple(_named_row(row, names) for row in rows),
        differences=_named(board.differences, names),
        diverged=tuple(replace(seeds, name=names.get(seeds.name, seeds.name)) for seeds in board.diverged),
    )
    between = [found for found in named.differences if {found.variant, found.other} <= points.keys()]
    to_reference = {found.variant: found for found in against(between, names[design.reference])}
    in_order = [row.variant for row in named.rows if row.variant in points]
    return Ablation(
        design=design,
        board=named,
        points={name: points[name] for name in in_order},
        to_reference={name: to_reference[name] for name in in_order if name in to_reference},
    )


def _named_row(row: Row, names: Mapping[str, str]) -> Row:
    difference = row.top1_difference
    return replace(
        row,
        variant=names.get(row.variant, row.variant),
        top1_difference=None if difference is None else _named([difference], names)[0],
    )


def _named(differences: Sequence[Difference], names: Mapping[str, str]) -> tuple[Difference, ...]:
    return tuple(
        replace(found, variant=names.get(found.variant, found.variant), other=names.get(found.other, found.other))
        for found in differences
    )
