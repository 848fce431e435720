"""Studies as plain data, and records of their contenders: the numbers are chosen by the test."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from attnbench.record import Record
from attnbench.space import Choices, Domain, Floats
from attnbench.spec import Recipe, RunSpec
from attnbench.study import Contender, Final, Importance, StudySummary, TrialSummary
from attnbench.tune_spec import Objective, TuneSpec
from attnbench.variant import Variant
from tests.records import make_record

RECIPE = Recipe(epochs=6)
SPACE: Mapping[str, Domain] = {
    "groups": Choices((1, 2, 4, 8, 16, 32, 64)),
    "gate_scale_init": Floats(0.0, 1.0),
    "stages": Choices(((1,), (2, 3), (1, 2, 3))),
    "normalize": Choices((True, False)),
    "recipe.learning_rate": Floats(0.01, 0.3, log=True),
}
DEFAULT: Mapping[str, object] = {
    "groups": 64, "gate_scale_init": 0.0, "stages": "1,2,3", "normalize": True, "recipe.learning_rate": 0.1,
}  # fmt: skip


def tune_spec(
    objectives: tuple[Objective, ...] = ("accuracy",), space: Mapping[str, Domain] = SPACE, **changes: Any
) -> TuneSpec:
    run = RunSpec(attention="sge", backbone="cifar-resnet:depth=20", data="fashion-mnist", recipe=RECIPE)
    changes = {"pruner": "none" if len(objectives) > 1 else "median"} | changes
    return TuneSpec(run=run, space=space, default="sge", objectives=objectives, **changes)


def trial(
    number: int, *values: float, settings: Mapping[str, object] = DEFAULT, attention: str | None = None, **changes: Any
) -> TrialSummary:
    """A trial; complete unless the state is given."""
    of_module = {key: value for key, value in settings.items() if not key.startswith("recipe.")}
    changed = {
        key: float(f"{value:.3g}") if isinstance(value, float) else value
        for key, value in of_module.items()
        if value != DEFAULT.get(key)
    }
    recipe = {
        key.removeprefix("recipe."): float(f"{value:.3g}")
        for key, value in settings.items()
        if key.startswith("recipe.")
    }
    fields: dict[str, Any] = {
        "state": "complete" if values else "pruned",
        "attention": attention or str(Variant("sge", tuple(sorted(changed.items())))),  # type: ignore[arg-type]
        "recipe": recipe,
        "curve": (),
        "seconds": 60.0,
    }
    return TrialSummary(number=number, settings=dict(settings), values=values, **(fields | changes))


def drawn_settings(number: int, space: Mapping[str, Domain] = SPACE) -> dict[str, object]:
    """Some point of a space."""
    generator = np.random.default_rng(number)

    def drawn(domain: Domain) -> object:
        if isinstance(domain, Choices):
            value = domain.values[int(generator.integers(len(domain.values)))]
            return ",".join(map(str, value)) if isinstance(value, tuple) else value
        assert isinstance(domain, Floats)
        if domain.log:
            return float(np.exp(generator.uniform(np.log(domain.low), np.log(domain.high))))
        return float(generator.uniform(domain.low, domain.high))

    return {name: drawn(domain) for name, domain in space.items()}


def study(trials: Sequence[TrialSummary], spec: TuneSpec | None = None, **changes: Any) -> StudySummary:
    """A study of these trials, its best ones found."""
    spec = spec or tune_spec()
    complete = [found for found in trials if found.state == "complete"]
    accuracy = spec.objectives.index("accuracy")

    def goals(found: TrialSummary) -> list[float]:
        return [-value if place == accuracy else value for place, value in enumerate(found.values)]

    def is_beaten(found: TrialSummary) -> bool:
        return any(
            goals(other) != goals(found) and all(a <= b for a, b in zip(goals(other), goals(found), strict=True))
            for other in complete
        )

    front = sorted((it for it in complete if not is_beaten(it)), key=lambda it: -it.values[accuracy])
    best = front if len(spec.objectives) > 1 else front[:1]
    fields: dict[str, Any] = {
        "name": "sge-fashion-mnist",
        "storage": "sqlite:///studies/sge-fashion-mnist/study.db",
        "spec": spec,
        "best": tuple(found.number for found in best),
    }
    return StudySummary(trials=tuple(trials), **(fields | changes))


def searched(num_trials: int = 40, objectives: tuple[Objective, ...] = ("accuracy",), **changes: Any) -> StudySummary:
    """A study as one is: the default first, accuracy best at 16 groups, some trials pruned, two failed."""
    spec = tune_spec(objectives)
    trials = [
        trial(0, *_values(DEFAULT, 0, objectives)),
        *(_searched_trial(number, objectives) for number in range(1, num_trials)),
    ]
    by_fanova = {
        "groups": 0.62,
        "recipe.learning_rate": 0.3,
        "gate_scale_init": 0.05,
        "stages": 0.02,
        "normalize": 0.01,
    }
    by_ped = {"recipe.learning_rate": 0.55, "groups": 0.3, "stages": 0.1, "gate_scale_init": 0.05, "normalize": 0.0}
    importances = (Importance(method="fANOVA", shares=by_fanova), Importance(method="PED-ANOVA", shares=by_ped))
    return study(trials, spec, **({"importances": importances} | changes))


def contender(role: Any, attention: str = "sge", *, number: int | None = None, recipe: Recipe = RECIPE) -> Contender:
    run = replace(tune_spec().run, attention=attention, baseline="sge", recipe=recipe)
    return Contender(role=role, run=run, trial=number)


def final(of: Contender, top1: float, seeds: Sequence[int] = tuple(range(1000, 1010)), **changes: Any) -> Final:
    """A contender's records: its mean, and every seed some hundredths of a point beside it."""
    return Final(contender=of, records=tuple(record(of, seed, top1, **changes) for seed in seeds))


def record(of: Contender, seed: int, top1: float, **changes: Any) -> Record:
    noise = 0.1 * float(np.random.default_rng([seed, len(of.run.attention)]).standard_normal())
    return make_record(of.run.attention, seed, top1 + noise, baseline=of.run.baseline, recipe=of.run.recipe, **changes)


def _searched_trial(number: int, objectives: tuple[Objective, ...]) -> TrialSummary:
    settings = drawn_settings(number)
    if number in (7, 19):
        reason = "CUDA out of memory" if number == 7 else "groups must divide channels; got groups=64, channels=16"
        return trial(number, settings=settings, state="failed", reason=reason)
    if number % 5 == 3 and len(objectives) == 1:
        return trial(number, settings=settings)
    same = number == 11
    return trial(number, *_values(settings, number, objectives), settings=settings, same_as=5 if same else None)


def _values(settings: Mapping[str, object], number: int, objectives: tuple[Objective, ...]) -> tuple[float, ...]:
    generator = np.random.default_rng([number, 1])
    groups, rate = float(settings["groups"]), float(settings["recipe.learning_rate"])  # type: ignore[arg-type]
    accuracy = (
        91 - 0.3 * abs(np.log2(groups / 16)) - 0.8 * abs(np.log10(rate / 0.1)) + 0.2 * generator.standard_normal()
    )
    known: dict[Objective, float] = {
        "accuracy": float(accuracy),
        "latency": 1.05 + 0.004 * groups + 0.02 * generator.random(),
        "macs": 41_000_000.0 + 1000 * groups,
        "parameters": 272_000.0 + 12 * groups,
    }
    return tuple(known[objective] for objective in objectives)
