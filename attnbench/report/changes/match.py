"""Which leaderboards of two stores belong beside each other, and in what their conditions differ."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import product

from attnbench.record import Environment, Record
from attnbench.report.leaderboard.board import Leaderboard


@dataclass(frozen=True, kw_only=True)
class ConditionChange:
    """Something of a spec or an environment that is not the same in B and in A."""

    name: str
    """What differs, in words."""
    before: tuple[str, ...]
    """Every value in B, sorted."""
    after: tuple[str, ...]
    """Every value in A, sorted."""


def match_boards(
    boards_a: Sequence[Leaderboard], boards_b: Sequence[Leaderboard]
) -> tuple[list[tuple[Leaderboard, Leaderboard]], list[Leaderboard], list[Leaderboard]]:
    """Put each leaderboard of A beside the one of B that is nearest, each once.

    Only those of one data set and backbone match. Of these the pair with the fewest differing settings comes first,
    so that equal ones find each other.

    Returns:
        Pairs of B's and A's board, in A's order; what only A has; what only B has.
    """
    candidates = [
        (len(spec_changes(before, after)), _distance(before, after), place_a, place_b)
        for (place_a, after), (place_b, before) in product(enumerate(boards_a), enumerate(boards_b))
        if _subject(after) == _subject(before)
    ]
    partners: dict[int, int] = {}
    for *_, place_a, place_b in sorted(candidates):
        if place_a not in partners and place_b not in partners.values():
            partners[place_a] = place_b
    pairs = [(boards_b[partners[place]], board) for place, board in enumerate(boards_a) if place in partners]
    only_a = [board for place, board in enumerate(boards_a) if place not in partners]
    return pairs, only_a, [board for place, board in enumerate(boards_b) if place not in partners.values()]


def spec_changes(before: Leaderboard, after: Leaderboard) -> list[ConditionChange]:
    """What differs between the specs of two leaderboards, and between the sizes of their splits."""
    old, new = _settings(before), _settings(after)
    return [
        ConditionChange(name=name.replace("_", " "), before=(old[name],), after=(new[name],))
        for name in new
        if old[name] != new[name]
    ]


def environment_changes(before: Iterable[Record], after: Iterable[Record]) -> list[ConditionChange]:
    """What differs between the environments of the records of two leaderboards."""
    old, new = ([_environment(record.environment) for record in side] for side in (before, after))
    found = []
    for name in dict.fromkeys(name for known in (*new, *old) for name in known):
        values = [tuple(sorted({known.get(name, "none") for known in side})) for side in (old, new)]
        if values[0] != values[1]:
            found.append(ConditionChange(name=name, before=values[0], after=values[1]))
    return found


def _subject(board: Leaderboard) -> tuple[str, str]:
    return board.facts.spec.data, board.facts.spec.backbone


def _distance(before: Leaderboard, after: Leaderboard) -> int:
    return abs(before.facts.spec.recipe.epochs - after.facts.spec.recipe.epochs)


def _settings(board: Leaderboard) -> dict[str, str]:
    facts, spec = board.facts, board.facts.spec
    settings = {
        "baseline": spec.baseline,
        **asdict(spec.recipe),
        **asdict(spec.compute),
        **asdict(spec.measure),
        "root": spec.root,
        "file that registers the data set": spec.data_plugin and spec.data_plugin.sha256[:8],
        "training images": facts.num_train_images,
        "validation images": facts.num_validation_images,
        "test images": facts.num_test_images,
        "classes": facts.num_classes,
        "image": "×".join(map(str, facts.image_shape)),
    }
    return {name: _word(value) for name, value in settings.items()}


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value if value is not None else "none")


def _environment(environment: Environment) -> dict[str, str]:
    revision = f" ({environment.git_revision})" if environment.git_revision else ""
    packages = {"torch": "unknown"} | environment.packages
    return {
        "device": environment.device,
        "processor": environment.processor,
        "threads of the machine": str(environment.threads),
        "arithmetic": environment.precision,
        "platform": environment.platform,
        "attnbench": environment.attnbench + revision,
        "Python": environment.python,
        "torch": packages.pop("torch"),
        **dict(sorted(packages.items())),
    }
