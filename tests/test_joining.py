"""Two CPU processes that torchrun or srun has started, or two machines of one each, do what one process does."""

import dataclasses
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from attnbench.compute_spec import Compute
from attnbench.record import Record, Store
from attnbench.run import run_spec
from attnbench.spec import Measure, Recipe, RunSpec
from attnbench.spec_io import to_yaml
from tests.source import source_environment
from tests.tiny import tiny_suite
from tests.until import wait_until

pytestmark = pytest.mark.slow

# Without batch statistics, which two processes take of fewer images. The last test batch has none for the second one.
ALONE = RunSpec(
    attention="sge:groups=4",
    backbone="test_efficientnet_gn",
    data="cluttered-digits:test_images=33,train_images=96,validation_images=40",
    recipe=Recipe(epochs=3, batch_size=32, learning_rate=0.05, crop_padding=2, horizontal_flip=True),
    compute=Compute(device="cpu"),
    measure=Measure(throughput_batch_size=4, throughput_rounds=2),
)
TRAIN = (
    f"train --attention {ALONE.attention} --backbone {ALONE.backbone} --data {ALONE.data} --epochs 3 --batch-size 32 "
    "--learning-rate 0.05 --device cpu --set recipe.warmup_epochs=0 --set recipe.crop_padding=2 "
    "--set recipe.horizontal_flip=true --set measure.throughput_batch_size=4 --set measure.throughput_rounds=2"
).split()

# What a variant of one's own does in training, and in which process.
TROUBLE = """
import os, signal, time
from pathlib import Path
import torch
from torch import nn
import attnbench, attnbench.joining

attnbench.joining._TOGETHER_S = 3.0

@attnbench.register_attention("trouble", placement="block")
class Trouble(nn.Module):
    def __init__(self, channels: int, *, kind: str = "none") -> None:
        super().__init__()
        self.kind = kind
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rank = torch.distributed.get_rank() if torch.distributed.is_initialized() else None
        if self.training and rank is not None:
            self.make_trouble(rank)
        return x * self.scale * (1e30 if self.kind == "diverges" else 1)

    def make_trouble(self, rank: int) -> None:
        if self.kind == "everywhere" or (self.kind == "once" and rank == 1):
            raise RuntimeError(f"no luck in {rank}")
        if self.kind == "dies" and rank == 1 and not Path("died").exists():
            Path("died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.kind == "waits":
            Path(f"waits{rank}").write_text(str(os.getpid()))
            time.sleep(600)
"""


def start(
    folder: Path, *command: str, said: str, variables: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """Start a command of Python, with its output in files."""
    environment = source_environment(OMP_NUM_THREADS="1", COLUMNS="120", **(variables or {}))
    with (folder / f"{said}.out").open("wb") as out, (folder / f"{said}.err").open("wb") as errors:
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=environment,
            stdout=out,
            stderr=errors,
            # A shell lets what it starts in the background ignore Ctrl-C, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )


def torchrun(
    folder: Path, *words: str, how: str = "--nproc-per-node 2", said: str = "run"
) -> "subprocess.Popen[bytes]":
    return start(folder, "torch.distributed.run", *how.split(), "-m", "attnbench", *words, said=said)


def free_port() -> str:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        return str(opened.getsockname()[1])


def only_record(folder: Path) -> Record:
    """The record of a store in which nothing else has been left."""
    (record,) = Store(folder / "records")
    assert [file.name for file in folder.glob("records/**/*")] == [f"{record.digest}.json"]
    return record


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines()


@pytest.fixture(scope="module")
def alone() -> Record:
    return run_spec(ALONE)


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Record:
    folder = tmp_path_factory.mktemp("torchrun")
    assert torchrun(folder, *TRAIN, "--devices", "2").wait(timeout=300) == 0
    assert [line.split()[0] for line in lines(folder / "run.out")] == [
        "sge:groups=4", "top-1", "top-5", "epoch", "parameters", "MACs", "record",
    ]  # fmt: skip
    (line,) = lines(folder / "run.err")
    assert line.startswith("1/1 sge:groups=4 seed 0: top-1 ")
    return only_record(folder)


def test_torchrun_trains_as_one_process(alone: Record, together: Record) -> None:
    assert together.spec == dataclasses.replace(ALONE, compute=Compute(device="cpu", devices=2))
    assert len(together.curve) == 3
    for point, expected in zip(together.curve, alone.curve, strict=True):
        assert dataclasses.asdict(point) == pytest.approx(dataclasses.asdict(expected), rel=1e-4)
    assert together.values.test_loss == pytest.approx(alone.values.test_loss, rel=1e-4)
    # Each test image once, and at its own place.
    assert together.test_correct == alone.test_correct
    assert together.test_correct.num_bits == 33
    assert together.values.test_top1_percent == pytest.approx(100 * together.test_correct.num_true / 33)


def test_two_nodes_train_as_two_processes_of_one(together: Record, tmp_path: Path) -> None:
    meeting = f"--nnodes 2 --nproc-per-node 1 --master-addr 127.0.0.1 --master-port {free_port()} --node-rank"
    nodes = [tmp_path / "node0", tmp_path / "node1"]  # each with a disk of its own
    for node in nodes:
        node.mkdir()
    words = [*TRAIN, "--num-nodes", "2", "--strategy", "ddp"]
    both = [torchrun(node, *words, how=f"{meeting} {number}") for number, node in enumerate(nodes)]
    assert [node.wait(timeout=300) for node in both] == [0, 0]
    record = only_record(nodes[0])
    assert record.spec.compute == Compute(device="cpu", num_nodes=2, strategy="ddp")
    assert (record.curve, record.test_correct) == (together.curve, together.test_correct)
    assert len(lines(nodes[0] / "run.out")) == 7
    assert lines(nodes[1] / "run.out") == []
    assert {file.name for file in nodes[1].iterdir()} == {"run.out", "run.err"}


def test_tasks_of_srun_train_as_those_of_torchrun(together: Record, tmp_path: Path) -> None:
    job = {
        "SLURM_JOB_ID": "4711", "SLURM_JOB_NAME": "interactive", "SLURM_NTASKS": "2", "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_NNODES": "1", "SLURM_NODEID": "0", "SLURM_NODELIST": "localhost", "SLURM_STEP_ID": "0",
        "SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NUM_NODES": "1", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": free_port(),
    }  # fmt: skip
    tasks = [
        start(
            tmp_path,
            "attnbench",
            *TRAIN,
            "--devices",
            "2",
            said=f"task{task}",
            variables={**job, "SLURM_PROCID": str(task), "SLURM_LOCALID": str(task)},
        )
        for task in range(2)
    ]
    assert [task.wait(timeout=300) for task in tasks] == [0, 0]
    record = only_record(tmp_path)
    assert (record.digest, record.curve) == (together.digest, together.curve)
    assert (len(lines(tmp_path / "task0.out")), len(lines(tmp_path / "task0.err"))) == (7, 1)
    assert lines(tmp_path / "task1.out") == lines(tmp_path / "task1.err") == []


def suite_file(folder: Path, *kinds: str) -> None:
    """A suite of variants in trouble between two that are not."""
    (folder / "trouble.py").write_text(TROUBLE)
    variants = ("none", *(f"trouble:kind={kind}" for kind in kinds), "se:reduction=4")
    suite = dataclasses.replace(
        tiny_suite(variants, epochs=1, imports=("trouble.py",)), compute=Compute(device="cpu", devices=2)
    )
    (folder / "suite.yaml").write_text(to_yaml(suite))


def test_what_fails_in_all_processes_is_one_failed_run(tmp_path: Path) -> None:
    suite_file(tmp_path, "diverges", "everywhere")
    assert torchrun(tmp_path, "leaderboard", "suite.yaml").wait(timeout=300) == 1
    records = list(Store(tmp_path / "records"))
    assert {record.spec.attention for record in records} == {"none", "se:reduction=4"}
    said = (tmp_path / "run.err").read_text()
    assert said.count("failed: trouble:kind=diverges seed 0: the training loss is nan at step 2 (epoch 1 of 1)") == 1
    assert said.count("failed: trouble:kind=everywhere seed 0: RuntimeError: no luck in 0") == 1
    assert (tmp_path / "run.out").read_text().count("This table again") == 1


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("once", "error: process 1 of 2 cannot go on, and the others not without it: RuntimeError: no luck in 1"),
        ("dies", "Signal 9 (SIGKILL) received"),
    ],
)
def test_what_ends_one_process_ends_all(kind: str, said: str, tmp_path: Path) -> None:
    suite_file(tmp_path, kind)
    started = time.monotonic()
    assert torchrun(tmp_path, "leaderboard", "suite.yaml").wait(timeout=300) == 1
    assert said in (tmp_path / "run.err").read_text()
    assert [record.spec.attention for record in Store(tmp_path / "records")] == ["none"]
    assert time.monotonic() - started < 120
    if kind == "dies":
        assert torchrun(tmp_path, "leaderboard", "suite.yaml", said="again").wait(timeout=300) == 0
        assert lines(tmp_path / "again.err")[-3].startswith("1 of 3 runs are recorded already")
        assert len(list(Store(tmp_path / "records"))) == 3


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_processes(number: signal.Signals, tmp_path: Path) -> None:
    suite_file(tmp_path, "waits")
    run = torchrun(tmp_path, "leaderboard", "suite.yaml")
    files = [tmp_path / f"waits{rank}" for rank in range(2)]
    wait_until(lambda: all(file.exists() and file.read_text() for file in files))
    run.send_signal(number)
    assert run.wait(timeout=25) != 0  # torchrun kills after 30 s
    assert "Interrupted: 1 of 3 runs are in records; the same command goes on" in (tmp_path / "run.err").read_text()
    assert not any(Path("/proc", file.read_text()).exists() for file in files)
