import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from attnbench.errors import SpecError, UnknownNameError
from attnbench.space import Choices, Floats
from attnbench.tune.spec_json import from_json, to_json
from attnbench.tune.storage import open_storage
from attnbench.tune.study import start_study, study_spec
from tests.tune.studies import open_study, tiny_spec, url_in


def test_a_spec_comes_back_from_its_storage(tmp_path: Path) -> None:
    spec = tiny_spec(
        "sge:source=paper",
        also=("at", "stages", "learning_rate"),
        objectives=("accuracy", "latency"),
        sampler="nsga2",
        num_seeds=2,
        seed=5,
    )
    open_study(tmp_path, spec)
    assert study_spec(open_storage(url_in(tmp_path)), "study") == spec
    assert from_json(to_json(spec), source="x") == spec


def test_a_space_file_comes_back_too() -> None:
    spec = tiny_spec(space={"groups": Choices((2, 4)), "gate_scale_init": Floats(0, 2, grid=(0, 1))})
    assert from_json(to_json(spec), source="x").space == spec.space


def test_the_same_study_goes_on(tmp_path: Path) -> None:
    first, storage = open_study(tmp_path, tiny_spec())
    again = start_study(storage, "study", tiny_spec())
    assert again._study_id == first._study_id
    assert len(again.trials) == 1  # the default is enqueued once


def test_another_spec_under_the_same_name_is_refused(tmp_path: Path) -> None:
    _, storage = open_study(tmp_path, tiny_spec())
    with pytest.raises(SpecError, match=r"with another recipe.epochs \(2, not 3\), sampler \(tpe, not random\); give"):
        start_study(storage, "study", tiny_spec(epochs=3, sampler="random"))


def test_a_study_that_is_not_there(tmp_path: Path) -> None:
    storage = open_storage(url_in(tmp_path))
    with pytest.raises(UnknownNameError, match="no study 'stdy' in this storage; it has none"):
        study_spec(storage, "stdy")
    start_study(storage, "study", tiny_spec())
    with pytest.raises(UnknownNameError, match="did you mean 'study'"):
        study_spec(storage, "stdy")


def test_a_study_of_someone_elses(tmp_path: Path) -> None:
    storage = open_storage(url_in(tmp_path))
    optuna.create_study(storage=storage, study_name="other")
    with pytest.raises(SpecError, match="'other' was not started by attnbench tune"):
        study_spec(storage, "other")
    with pytest.raises(SpecError, match="'other' was not started by attnbench tune"):
        start_study(storage, "other", tiny_spec())


def test_a_spec_of_another_version_is_one_error() -> None:
    with pytest.raises(SpecError, match="x holds no spec that this version can read"):
        from_json('{"space": {}}', source="x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda spec: spec.update(later=1),
            "x has a field that this version does not know: later; a newer attnbench may",
        ),
        (
            lambda spec: spec["run"].update(later=1),
            r"x: unknown field later \(a newer attnbench may know it\); allowed: ",
        ),
        (lambda spec: spec["run"]["recipe"].update(epoch=1), r"x: unknown field recipe.epoch .*did you mean 'epochs'"),
        (lambda spec: spec.pop("run"), "x holds no spec that this version can read: it has no 'run'"),
        (
            lambda spec: spec.update(seeds="0"),
            "x holds no spec that this version can read: Expected `array`, got `str`",
        ),
    ],
)
def test_a_spec_of_a_newer_version_is_not_guessed_at(change: Callable[[dict[str, Any]], object], message: str) -> None:
    spec = json.loads(to_json(tiny_spec()))
    change(spec)
    with pytest.raises(SpecError, match=f"^{message}"):
        from_json(json.dumps(spec), source="x")


def test_a_spec_of_an_older_version_has_what_it_lacks_at_the_default() -> None:
    spec = json.loads(to_json(tiny_spec()))
    del spec["search_seed"], spec["run"]["data_plugin"]
    assert from_json(json.dumps(spec), source="x") == tiny_spec()
