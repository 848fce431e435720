"""Sentences about the differences to one variant: what is shown, what is not, and what could have been."""

from collections.abc import Sequence

from attnbench.report.leaderboard.differences import ALPHA, POWER, Difference
from attnbench.report.numbers import listed, plural, signed_points
from attnbench.stats import fewest_seeds


def outcome_lines(differences: Sequence[Difference], *, role: str, name: str) -> list[str]:
    """Which variants are shown to differ from another one and which are not; empty strings among the paragraphs.

    Args:
        differences: Of variants to that one, corrected as one family.
        role: What that one is to them: ``baseline`` or ``reference``.
        name: Its name.
    """
    over_seeds = [found for found in differences if found.is_over_seeds]
    words = {
        "Shown to be higher than": [with_points(found) for found in over_seeds if found.is_shown and found.mean > 0],
        "Shown to be lower than": [with_points(found) for found in over_seeds if found.is_shown and found.mean < 0],
        "Not shown to differ from": [
            found.variant for found in over_seeds if not found.is_shown and not _are_alike(found)
        ],
    }
    lines = [f"{verb} the {role} {name}: {listed(variants)}." for verb, variants in words.items() if variants]
    return [*lines, alike_line(differences, role=role, name=name)]


def alike_line(differences: Sequence[Difference], *, role: str, name: str) -> str:
    """Which variants give the same answers as another one; nothing where none does."""
    alike = [found.variant for found in differences if found.is_over_seeds and _are_alike(found)]
    return f"The same answers as the {role} {name} on every image after every seed: {listed(alike)}." if alike else ""


def one_seed_line(differences: Sequence[Difference], *, role: str, name: str) -> str:
    """What one shared seed tells; nothing where every difference is over seeds."""
    single = [found for found in differences if not found.is_over_seeds]
    if not single:
        return ""
    marked = [with_points(found) for found in single if found.is_shown_for_networks]
    which = (
        f"its network differs from the {role}'s on these images (†): {listed(marked)}"
        if marked
        else (f"none of the networks is shown to differ from the {role}'s on these images")
    )
    return (
        f"One seed shared with the {role} {name}: {listed([found.variant for found in single])}. By McNemar's test "
        f"{which}. What another seed would give is not known, so nothing is said of the modules."
    )


def power_line(differences: Sequence[Difference], *, role: str) -> str:
    """The power of the design; few seeds are said to be few."""
    tested = [found for found in differences if found.is_over_seeds and not _are_alike(found)]
    if not tested:
        return ""
    size = tested[0].family_size
    hopeless = [found for found in tested if not found.can_be_shown]
    if hopeless:
        seeds = listed(sorted({str(len(found.seeds)) for found in hopeless}, key=int))
        which = "no difference" if len(hopeless) == len(tested) else "some differences"
        return (
            f"With {seeds} seeds {which} can be shown in {plural(size, 'comparison')}, however large: that takes "
            f"{fewest_seeds(ALPHA, size)} seeds. A missing star says nothing here; see attnbench plan."
        )
    least = [found.smallest_detectable for found in tested if found.smallest_detectable is not None]
    points = sorted({f"{value:.2f}" for value in (min(least), max(least))}, key=float)
    by_variant = " points, by variant," if len(points) > 1 else " points"
    return (
        f"A true difference to the {role} of {' to '.join(points)}{by_variant} would have been shown with a "
        f"probability of {100 * POWER:.0f} %; a smaller one may be there unseen."
    )


def testing_line(differences: Sequence[Difference], *, role: str) -> str:
    """How the differences are tested, and what their intervals are over."""
    if not differences:
        return ""
    # Those over seeds come first.
    first = max(differences, key=lambda found: found.is_over_seeds)
    comparisons = f"{plural(first.family_size, 'comparison')} with the {role}"
    if first.is_over_seeds:
        test, over = "* passes a permutation test over seeds", "seeds and test images"
    else:
        test, over = "† passes McNemar's test over images", "test images"
    if len({found.is_over_seeds for found in differences}) > 1:
        over += " (of one seed over test images alone)"
    return (
        f"{test} at {100 * ALPHA:.0f} % after Holm's correction for {comparisons}. In brackets a 95 % interval of Δ "
        f"over {over}, of each comparison alone and not corrected. ± is Student's 95 % interval over seeds."
    )


def with_points(difference: Difference) -> str:
    """A variant's name with its mean difference."""
    return f"{difference.variant} ({signed_points(difference.mean)})"


def _are_alike(difference: Difference) -> bool:
    return difference.low == difference.high == 0
