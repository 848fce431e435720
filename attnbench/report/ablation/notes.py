"""The sentences around an ablation: what it shows, what it does not, and on what it rests."""

from collections.abc import Sequence

from attnbench.report.ablation.ablation import Ablation
from attnbench.report.leaderboard.compared import (
    alike_line,
    one_seed_line,
    outcome_lines,
    power_line,
    testing_line,
    with_points,
)
from attnbench.report.leaderboard.differences import ALPHA, Difference
from attnbench.report.leaderboard.notes import gaps, limits
from attnbench.report.numbers import listed, plural
from attnbench.stats import fewest_seeds
from attnbench.variant import format_setting


def notes(ablation: Ablation) -> list[str]:
    """What a table of an ablation tells and what it cannot, one paragraph a string."""
    paragraphs = [
        outcome(ablation),
        *_reference(ablation),
        default_line(ablation),
        *_missing(ablation),
        *_baseline(ablation),
        *gaps(ablation.board),
        *limits(ablation.board),
    ]
    return [paragraph for paragraph in paragraphs if paragraph]


def outcome(ablation: Ablation) -> str:
    """Which differences to the reference are shown, in one sentence; never more than the statistics say."""
    name = ablation.reference_name
    if ablation.reference is None:
        return f"The reference {name} has no record here, so no differences to it are given."
    differences = list(ablation.to_reference.values())
    tested = [found for found in differences if found.is_over_seeds]
    if not tested:
        return "" if differences else f"There is nothing to compare with the reference {name}."
    shown = [found for found in tested if found.is_shown]
    seeds = sorted({len(found.seeds) for found in tested})
    over = f"over {plural(seeds[0], 'seed')}" if len(seeds) == 1 else f"over {seeds[0]} to {seeds[-1]} seeds"
    if len(tested) == 1:
        verb = "is" if shown else "is not"
        return f"The difference of {with_points(tested[0])} to the reference {name} {verb} shown {over}."
    if not shown:
        return f"None of the {len(tested)} differences to the reference {name} is shown {over}."
    which = "all are" if len(shown) == len(tested) else "the others are not" if len(shown) > 1 else "no other is"
    return (
        f"Of the {len(tested)} differences to the reference {name}, {over}, these are shown: "
        f"{listed([with_points(found) for found in shown])}; {which}."
    )


def default_line(ablation: Ablation) -> str:
    """Which row has the settings that the module was published with."""
    design = ablation.design
    published = ",".join(
        f"{name}={format_setting(value)}" for name, value in zip(design.settings, design.published, strict=True)
    )
    if design.kind == "stages":  # where a module stands in the backbone at hand is no one's publication
        return ""
    if design.default is None:
        return f"The module's default {published} is not among the rows."
    name = ablation.name_of(design.default)
    if name == published:
        return f"The module's default is {name}."
    return f"The module's default {published} does not fit this backbone; {name} is as near as it gets."


def _reference(ablation: Ablation) -> list[str]:
    differences, name = list(ablation.to_reference.values()), ablation.reference_name
    return [
        alike_line(differences, role="reference", name=name),
        one_seed_line(differences, role="reference", name=name),
        power_line(differences, role="reference"),
        testing_line(differences, role="reference"),
    ]


def _missing(ablation: Ablation) -> list[str]:
    """What could not be built, and what has no record."""
    design = ablation.design
    without = [
        name
        for name in map(ablation.name_of, (point.variant for point in design.points))
        if name not in ablation.points
    ]
    return [*design.left_out, f"No record here: {listed(without)}." if without else ""]


def _baseline(ablation: Ablation) -> list[str]:
    board = ablation.board
    name = board.facts.spec.baseline
    if board.baseline is None:
        return [f"The baseline {name} has no record here, so no differences to it are given."]
    differences = [row.top1_difference for row in board.rows if row.top1_difference is not None]
    return [
        *outcome_lines(differences, role="baseline", name=name),
        one_seed_line(differences, role="baseline", name=name),
        _family(differences),
    ]


def _family(differences: Sequence[Difference]) -> str:
    """How the comparisons with the baseline are corrected, and whether so many seeds can show anything there."""
    tested = [found for found in differences if found.is_over_seeds]
    if not tested:
        return ""
    size = tested[0].family_size
    text = f"Differences to the baseline are corrected by themselves, for {plural(size, 'comparison')}"
    if not any(found.can_be_shown for found in tested):
        return f"{text}, for which {fewest_seeds(ALPHA, size)} seeds are needed."
    return f"{text}. {power_line(differences, role='baseline')}".rstrip()
