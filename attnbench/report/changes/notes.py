"""The sentences around the changes between two stores: what differs, and what may be concluded."""

from collections.abc import Iterator, Sequence

from attnbench.report.changes.boards import BoardChange, Changes, VariantChange
from attnbench.report.changes.match import ConditionChange
from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.differences import ALPHA
from attnbench.report.leaderboard.notes import heading
from attnbench.report.numbers import listed, plural, signed_count, signed_number, signed_points
from attnbench.stats import UnpairedRatio, fewest_seeds


def change_conditions(board: BoardChange) -> list[str]:
    """What differs between the runs of B and of A, one line each."""
    if not board.spec_changes and not board.environment_changes:
        return ["The specs and the environments of the records are the same in B and in A."]
    lines = []
    if board.spec_changes:
        lines += ["What was run differs:", *map(_condition, board.spec_changes)]
    if board.environment_changes:
        lines += ["Where it was run differs:", *map(_condition, board.environment_changes)]
    return lines


def change_conclusions(board: BoardChange) -> list[str]:
    """What is to be known of two matched leaderboards, one paragraph a string."""
    return [
        *_missing(board),
        *_edited(board),
        *_identical(board),
        *_accuracy(board),
        *_stars(board),
        *_order(board),
        *_counts(board),
        *_speed(board),
        *_how(board),
    ]


def unmatched(changes: Changes) -> list[str]:
    """Leaderboards that only one store has, one paragraph a string."""
    lines = []
    if not changes.boards:
        lines.append("No leaderboard of A has a counterpart in B. They match by backbone and data set.")
    for store, boards in (("A", changes.only_after), ("B", changes.only_before)):
        lines += [f"Only {store} has: {_described(board)}." for board in boards]
    return lines


def _described(board: Leaderboard) -> str:
    epochs = plural(board.facts.spec.recipe.epochs, "epoch")
    return f"{heading(board)}, {epochs}, {plural(len(board.facts.seeds), 'seed')}: " + listed(
        [row.variant for row in board.rows]
    )


def _condition(change: ConditionChange) -> str:
    return f"  {change.name}: {' and '.join(change.before)} in B, {' and '.join(change.after)} in A"


def _missing(board: BoardChange) -> Iterator[str]:
    for store, names in (("A", board.only_after), ("B", board.only_before)):
        if names:
            yield f"Only {store} has: {listed(list(names))}."
    for store, sides in (("A", _extra(board, of_after=True)), ("B", _extra(board, of_after=False))):
        if sides:
            yield f"Seeds that only {store} has: {'; '.join(sides)}."
    if any(change.accuracy.is_paired and change.before.seeds != change.after.seeds for change in board.variants):
        yield "Means are over all seeds of a store, but A − B is over the seeds of both, and may be another number."


def _extra(board: BoardChange, *, of_after: bool) -> list[str]:
    """Seeds of one store alone, each set of them with the variants that have it."""
    variants: dict[tuple[int, ...], list[str]] = {}
    for change in board.variants:
        own, other = (change.after, change.before) if of_after else (change.before, change.after)
        seeds = tuple(seed for seed in own.seeds if seed not in other.seeds)
        if seeds:
            variants.setdefault(seeds, []).append(change.variant)
    return [f"{' '.join(map(str, seeds))} (of {listed(names)})" for seeds, names in variants.items()]


def _edited(board: BoardChange) -> Iterator[str]:
    renamed = [
        f"{change.variant} in A is {change.before.variant} in B"
        for change in board.variants
        if change.variant != change.before.variant
    ]
    if renamed:
        yield f"One store has several contents under a name: {listed(renamed)}."
    names = [change.variant for change in board.variants if change.is_edited]
    if names:
        yield f"The user's file is not the same in B and in A for: {listed(names)}."


def _identical(board: BoardChange) -> Iterator[str]:
    identical = [_of_seeds(change, change.identical_seeds) for change in board.variants if change.identical_seeds]
    equal = [
        _of_seeds(change, change.equal_seeds)
        for change in board.variants
        if len(change.equal_seeds) > len(change.identical_seeds)
    ]
    if identical:
        yield f"The records are identical, bit for bit, but for their timing: {'; '.join(identical)}."
    if equal:
        yield f"Curve, values and every answer are the same though the conditions differ: {'; '.join(equal)}."


def _of_seeds(change: VariantChange, seeds: Sequence[int]) -> str:
    return f"{change.variant} ({len(seeds)} of {plural(len(change.shared_seeds), 'shared seed')})"


def _accuracy(board: BoardChange) -> Iterator[str]:
    if board.variants and not board.has_one_root:
        yield (
            "The folders of the images are not the same, and may hold other images. So neither seeds nor images are "
            "paired, and what is compared are the means over the seeds of B and of A."
        )
    moved = [change for change in board.variants if not change.is_unchanged]
    over_seeds = [change for change in moved if change.accuracy.is_over_seeds]
    for word, sign in (("higher", 1), ("lower", -1)):
        names = [
            _moved(change) for change in over_seeds if change.accuracy.is_shown and sign * change.accuracy.mean > 0
        ]
        if names:
            yield f"Shown to be {word} in A than in B: {listed(names)}."
    unclear = [change.variant for change in over_seeds if not change.accuracy.is_shown]
    if unclear:
        yield f"Not shown to have changed in accuracy: {listed(unclear)}."
    single = [change for change in moved if change.accuracy.is_paired and not change.accuracy.is_over_seeds]
    if single:
        marked = [_moved(change) for change in single if change.accuracy.is_shown_for_networks]
        which = f"two networks differ on these images (†): {listed(marked)}" if marked else "no two networks differ"
        yield (
            f"One seed shared by B and A: {listed([change.variant for change in single])}. By McNemar's test {which}. "
            "What another seed would give is not known."
        )
    untested = [change.variant for change in moved if change.accuracy.p_value is None]
    if untested:
        yield f"Neither shared seeds and images nor several that differ, so without a test: {listed(untested)}."
    hopeless = [change for change in over_seeds if not change.accuracy.can_be_shown]
    if hopeless:
        size = hopeless[0].accuracy.family_size
        yield (
            f"Too few seeds for any change to be shown in {plural(size, 'comparison')}, however large: "
            f"{listed([change.variant for change in hopeless])}. That takes {fewest_seeds(ALPHA, size)} seeds."
        )


def _moved(change: VariantChange) -> str:
    return f"{change.variant} ({signed_points(change.accuracy.mean)})"


def _stars(board: BoardChange) -> Iterator[str]:
    if not board.has_one_baseline:
        yield f"{_other_baseline(board)}, so that neither Δ base nor × baseline is compared."
        return
    others = [change for change in board.variants if not change.is_baseline]
    came = [change.variant for change in others if change.stars == (False, True)]
    went = [change.variant for change in others if change.stars == (True, False)]
    if came:
        yield f"Shown to differ from the baseline in A and not in B: {listed(came)}."
    if went:
        yield f"Shown to differ from the baseline in B and not in A: {listed(went)}."
    if others and not came and not went:
        yield "The same variants are shown to differ from the baseline in B and in A."
    if came or went:
        yield (
            "That a star came or went does not say that the difference to the baseline has changed: it may lie on "
            "either side of the level by chance."
        )


def _other_baseline(board: BoardChange) -> str:
    name = board.after.facts.spec.baseline
    if not board.has_one_baseline_name:
        return "B and A have different baselines"
    if board.before.baseline is None or board.after.baseline is None:
        missing = "B" if board.before.baseline is None else "A"
        return f"The baseline {name} is a user's, and {missing} has no record of it"
    return f"The baseline {name} was edited and is not the same in B and in A"


def _order(board: BoardChange) -> Iterator[str]:
    before, after = board.orders
    if len(after) < 2:
        return
    if before == after:
        yield "The order by mean top-1 is the same in B and in A."
    else:
        yield (
            f"The order by mean top-1, whatever its uncertainty, was {_ordered(before)} in B and is {_ordered(after)} "
            "in A."
        )


def _ordered(names: Sequence[str]) -> str:
    return " > ".join(names)


def _counts(board: BoardChange) -> Iterator[str]:
    changed = [
        f"{change.variant} ({signed_count(change.parameters_change)} parameters, "
        f"{signed_count(change.macs_change)} MACs)"
        for change in board.variants
        if change.parameters_change or change.macs_change
    ]
    if changed:
        yield f"Parameters or MACs have changed: {'; '.join(changed)}."
    elif board.variants:
        yield f"Parameters and MACs of {plural(len(board.variants), 'variant')} are the same in B and in A."


def _speed(board: BoardChange) -> Iterator[str]:
    others = [(change, change.speed) for change in board.variants if not change.is_baseline]
    paced = [(change, speed) for change, speed in others if speed is not None and speed.has_interval]
    faster = [_paced(change, speed) for change, speed in paced if speed.low > 1]
    slower = [_paced(change, speed) for change, speed in paced if speed.high < 1]
    for word, names in (("Faster", faster), ("Slower", slower)):
        if names:
            yield f"{word} beside the baseline in A than in B, beyond the noise of the passes: {listed(names)}."


def _paced(change: VariantChange, speed: UnpairedRatio) -> str:
    return f"{change.variant} ({signed_number(100 * (speed.ratio - 1))} %)"


def _how(board: BoardChange) -> Iterator[str]:
    moved = [change.accuracy for change in board.variants if not change.is_unchanged]
    tested = [change for change in moved if change.p_value is not None]
    if tested:
        tests = []
        if any(change.is_paired and change.is_over_seeds for change in tested):
            tests.append("a permutation test over the seeds of both")
        if any(not change.is_paired for change in tested):
            tests.append("Welch's t test over seeds, where seeds and images are not shared")
        passed = f"* passes {' or '.join(tests)}" if tests else "† passes McNemar's test over images"
        yield (
            f"{passed}, at {100 * ALPHA:.0f} % after Holm's correction for {plural(len(tested), 'comparison')} of A "
            "with B. In brackets are 95 % intervals of A − B, each of one comparison alone and not corrected: over "
            "seeds and test images where these are paired, else over seeds."
        )
    if board.variants and board.has_one_baseline:
        yield (
            "× baseline is images/s over the baseline's in the pass beside, and A / B the ratio of both with a 95 % "
            "interval over passes. Measurements of one machine differ by more than that from one session to the next."
        )
