from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from attnbench.data.cluttered_digits import CLASSES
from attnbench.errors import CheckpointError
from attnbench.models.description import DESCRIPTION
from attnbench.models.saved import ClassifierDescription, load_classifier, run_of_weights
from attnbench.run import run_spec
from attnbench.run_parts import read_data
from attnbench.spec import PluginFile, RunSpec
from attnbench.suite import expand
from tests.tiny import tiny_suite


def run_of(attention: str = "sge:groups=4") -> RunSpec:
    return expand(tiny_suite((attention,), epochs=1))[-1]


def describe(run: RunSpec, **changed: Any) -> dict[str, Any]:
    description = ClassifierDescription(spec=run, num_classes=10, image_shape=(1, 28, 28))
    return description.to_builtins() | changed


def written(folder: Path, description: object) -> Path:
    file = folder / "classifier.ckpt"
    torch.save({"state_dict": {"model.weight": torch.zeros(1)}, DESCRIPTION: description}, file)
    return file


def test_a_checkpoint_alone_gives_the_classifier_that_was_tested(tmp_path: Path) -> None:
    spec, checkpoint = run_of(), tmp_path / "run.ckpt"
    record = run_spec(spec, checkpoint=checkpoint)
    assert [file.name for file in tmp_path.iterdir()] == ["run.ckpt"]
    model, description = load_classifier(checkpoint)
    data = read_data(spec)
    assert not model.training
    assert description == ClassifierDescription(
        spec=spec, num_classes=10, image_shape=(1, 28, 28), class_names=CLASSES, preparation=data.preparation
    )
    assert data.preparation is not None
    with torch.inference_mode():
        correct = torch.cat([model(images).argmax(1) == labels for images, labels in data.test_dataloader()])
    assert correct.numpy().tolist() == record.test_correct.unpack().tolist()


def test_weights_from_elsewhere_say_nothing(tmp_path: Path) -> None:
    torch.save({"state_dict": {"weight": torch.zeros(1)}, "epoch": 3}, tmp_path / "theirs.pth")
    assert run_of_weights(tmp_path / "theirs.pth") is None
    with pytest.raises(CheckpointError, match=r"does not say what classifier its weights are of.*state_dict, epoch"):
        load_classifier(tmp_path / "theirs.pth")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"num_classes": "many"}, "does not understand what classifier it is: .*num_classes"),
        ({"spec": {"attention": "sge"}}, "does not understand what classifier it is: .*backbone"),
        ({"preparation": {"blur": 3}}, "does not understand what classifier it is: .*unknown field preparation.blur"),
    ],
)
def test_a_description_of_something_else_is_refused(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=message):
        load_classifier(written(tmp_path, describe(run_of(), **changed)))


def test_weights_of_another_classifier_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not fit the model"):
        load_classifier(written(tmp_path, describe(run_of())))


def test_a_file_that_a_checkpoint_names_is_not_imported(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("raise SystemExit('imported')")
    spec = replace(run_of(), attention="mine", plugin=PluginFile(path=str(file), sha256="0" * 64))
    with pytest.raises(CheckpointError, match=r"'mine'.* no file is imported at .* word: name .*mine\.py with --i"):
        load_classifier(written(tmp_path, describe(spec)))
