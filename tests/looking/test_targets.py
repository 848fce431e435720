from pathlib import Path

import pytest
import torch

from attnbench.errors import CheckpointError, SpecError
from attnbench.looking import find_weights
from attnbench.record import Store
from attnbench.suite import checkpoint_name
from tests.records import make_record
from tests.saved import run_of, save_classifier


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for attention, seed in (("none", 0), ("none", 1), ("se:reduction=2", 1), ("sge:groups=4", 1), ("sge:groups=2", 2)):
        save_classifier(folder, run_of(attention, seed=seed))
    torch.save({"state_dict": {}}, folder / "theirs.ckpt")
    return folder


def names(files: list[Path]) -> list[str]:
    return [file.name.rpartition("-")[0] for file in files]


def test_a_folder_gives_the_seed_with_the_most_variants_the_baseline_first(folder: Path) -> None:
    most = ["none-seed1", "se_reduction_2-seed1", "sge_groups_4-seed1"]
    assert names(find_weights([folder])) == most
    assert names(find_weights([folder], seed=1)) == most
    assert names(find_weights([folder], seed=0)) == ["none-seed0"]


def test_variants_are_taken_in_the_order_wanted_of_the_lowest_seed_that_has_them(folder: Path) -> None:
    compare = ["sge:groups=4", "se", "none"]
    expected = ["sge_groups_4-seed1", "se_reduction_2-seed1", "none-seed1"]
    assert names(find_weights([folder], compare=compare)) == expected


@pytest.mark.parametrize(
    ("compare", "seed", "message"),
    [
        (["cbam"], None, "must name variants of .*; got 'cbam', there are none, se:reduction=2"),
        (["sge"], None, "got 'sge', there are sge:groups=2, sge:groups=4"),
        (["none", "sge:groups=2"], None, "must hold none, sge:groups=2 of one seed; it holds none seed 0, none seed 1"),
        ([], 7, "of seed 7; it holds"),
    ],
)
def test_what_a_folder_does_not_have_is_named(compare: list[str], seed: int | None, message: str, folder: Path) -> None:
    with pytest.raises(SpecError, match=message):
        find_weights([folder], compare=compare, seed=seed)


def test_two_runs_of_one_variant_and_seed_are_not_chosen_between(tmp_path: Path) -> None:
    file = save_classifier(tmp_path, run_of())
    (tmp_path / "copy.ckpt").write_bytes(file.read_bytes())
    with pytest.raises(SpecError, match=r"several checkpoints are of sge:groups=4 with seed 0: .*copy\.ckpt, .*name"):
        find_weights([tmp_path])


def test_a_record_leads_to_its_weights_or_to_the_command_that_makes_them(tmp_path: Path) -> None:
    record = make_record("sge:groups=4", seed=2)
    file = Store(tmp_path / "records").add(record)
    command = rf"attnbench train --from-record {file} --checkpoint {checkpoint_name(record.spec)} makes them"
    with pytest.raises(CheckpointError, match=command):
        find_weights([file])
    models = tmp_path / "models"
    models.mkdir()
    with pytest.raises(CheckpointError, match=f"are not in .*models; .*--checkpoint {models}/sge_groups_4-seed2-"):
        find_weights([file], checkpoints=models)
    (models / checkpoint_name(record.spec)).write_bytes(b"weights")
    assert find_weights([file], checkpoints=models) == [models / checkpoint_name(record.spec)]


def test_other_targets_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="there is no checkpoint, folder of checkpoints or record '"):
        find_weights([tmp_path / "nowhere.ckpt"])
    with pytest.raises(SpecError, match="holds no checkpoint of a classifier that says what it is of"):
        find_weights([tmp_path])
    (tmp_path / "a.ckpt").write_bytes(b"")
    with pytest.raises(SpecError, match="--compare chooses within a folder of checkpoints; got files alone"):
        find_weights([tmp_path / "a.ckpt"], compare=["none"])
    (tmp_path / "ab.detection.json").write_bytes(b"")
    with pytest.raises(SpecError, match="is the record of a detector: attnbench detect"):
        find_weights([tmp_path / "ab.detection.json"])
