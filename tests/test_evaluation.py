import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

import attnbench
from attnbench.data.image_folder import MEAN, STD, evaluation_transform
from attnbench.errors import CheckpointError, DataError
from attnbench.evaluation import evaluate_checkpoint
from attnbench.run import run_spec
from attnbench.spec import Compute, Recipe
from attnbench.suite import expand
from tests.tiny import tiny_suite

NUM_CLASSES = 3


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """Three classes of four images under val/, as ImageNet's validation set comes, without train/."""
    random = np.random.default_rng(0)
    for label in range(NUM_CLASSES):
        folder = tmp_path / "images" / "val" / f"n{label}"
        folder.mkdir(parents=True)
        for index in range(4):
            pixels = random.integers(0, 256, (40, 50, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{index}.png")
    return tmp_path / "images"


def test_a_file_as_the_authors_distribute_it_is_tested(images: Path, tmp_path: Path) -> None:
    model = attnbench.create_model("resnet18", "sge", num_classes=NUM_CLASSES, image_size=(32, 32), seed=3)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "gate" in name:
                value.normal_()
    theirs = {
        "module." + name.replace("se.gate_scale", "sge.weight").replace("se.gate_shift", "sge.bias"): (
            value.reshape(1, -1, 1, 1) if "gate" in name else value
        )
        for name, value in model.state_dict().items()
    }
    torch.save(
        {"epoch": 100, "state_dict": theirs, "best_acc": np.float64(77.584), "optimizer": {"state": {}}},
        tmp_path / "sge_resnet18.pth.tar",
    )
    result = evaluate_checkpoint(
        tmp_path / "sge_resnet18.pth.tar",
        backbone="resnet18",
        attention="sge",
        data="imagenet:image_size=32",
        root=str(images),
        recipe=Recipe(batch_size=5),
        compute=Compute(device="cpu", channels_last=False),
    )
    normalise = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)])
    transform = v2.Compose([evaluation_transform(32, crop_ratio=0.875), normalise])
    folder = ImageFolder(images / "val", transform=transform)
    pictures, labels = zip(*folder, strict=True)
    with torch.no_grad():
        logits = model.eval()(torch.stack(pictures))
    correct = logits.argmax(1) == torch.tensor(labels)
    np.testing.assert_array_equal(result.test_correct.unpack(), correct.numpy())
    assert result.test_top1_percent == pytest.approx(100 * correct.double().mean().item(), abs=1e-4)
    assert result.test_loss == pytest.approx(
        torch.nn.functional.cross_entropy(logits, torch.tensor(labels)).item(), rel=1e-5
    )
    assert json.loads(result.to_json())["attention"] == "sge"


def test_a_runs_checkpoint_gives_the_runs_test_again(tmp_path: Path) -> None:
    spec = expand(tiny_suite(("sge:groups=4",)))[0]
    record = run_spec(spec, checkpoint=tmp_path / "run.ckpt")
    result = evaluate_checkpoint(
        tmp_path / "run.ckpt",
        backbone=spec.backbone,
        attention=spec.attention,
        data=spec.data,
        recipe=spec.recipe,
        compute=spec.compute,
    )
    assert result.test_correct == record.test_correct
    assert result.test_loss == record.values.test_loss
    assert (result.parameters, result.macs) == (record.values.parameters, record.values.macs)


def test_the_hash_is_of_the_bytes_that_were_loaded(images: Path, tmp_path: Path) -> None:
    file = tmp_path / "none.pth"
    attnbench.save_weights(attnbench.create_model("resnet18", "none", num_classes=NUM_CLASSES), file)
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    result = evaluate_checkpoint(
        file,
        backbone="resnet18",
        attention="none",
        data="imagenet:image_size=32",
        root=str(images),
        recipe=Recipe(batch_size=1),
        compute=Compute(device="cpu"),
        on_step=lambda done, total: file.unlink(missing_ok=True),
    )
    assert not file.exists()
    assert result.checkpoint_sha256 == expected


def test_weights_of_another_module_do_not_fit(images: Path, tmp_path: Path) -> None:
    model = attnbench.create_model("resnet18", "se", num_classes=NUM_CLASSES)
    attnbench.save_weights(model, tmp_path / "se.pth")
    with pytest.raises(CheckpointError, match=r"'layer1\.0\.se\.gate_scale' is not in the checkpoint"):
        evaluate_checkpoint(
            tmp_path / "se.pth", backbone="resnet18", attention="sge", data="folder:image_size=32", root=str(images)
        )


def test_a_missing_set_is_named_before_the_model_is_built(tmp_path: Path) -> None:
    torch.save({"fc.weight": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(DataError, match="nowhere"):
        evaluate_checkpoint(
            tmp_path / "a.pth", backbone="resnet18", attention="sge", data="imagenet", root=str(tmp_path / "nowhere")
        )
