import os

import pytest

from attnbench.compute_spec import Compute
from attnbench.errors import SpecError
from attnbench.starting import Start, check_start, this_start

TORCHRUN = {"TORCHELASTIC_RUN_ID": "none", "RANK": "3", "WORLD_SIZE": "4", "GROUP_WORLD_SIZE": "2"}
JOB = {"SLURM_JOB_ID": "7", "SLURM_JOB_NAME": "train", "SLURM_NTASKS": "8", "SLURM_NNODES": "2", "SLURM_PROCID": "0"}
STEP = {**JOB, "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_NUM_NODES": "2", "SLURM_PROCID": "5"}
ONE_TASK = {"SLURM_STEP_NUM_TASKS": "1", "SLURM_STEP_NUM_NODES": "1", "SLURM_PROCID": "0"}


@pytest.mark.parametrize(
    ("variables", "start"),
    [
        ({}, None),
        (TORCHRUN, Start(by="torchrun", index=3, number=4, num_nodes=2)),
        ({**TORCHRUN, "RANK": "0", "WORLD_SIZE": "1", "GROUP_WORLD_SIZE": "1"}, None),
        (STEP, Start(by="srun", index=5, number=8, num_nodes=2)),
        # srun in a shell of salloc, which Lightning does not take for one.
        ({**STEP, "SLURM_JOB_NAME": "interactive"}, Start(by="srun", index=5, number=8, num_nodes=2)),
        # srun may start one torchrun on each node.
        ({**STEP, **TORCHRUN}, Start(by="torchrun", index=3, number=4, num_nodes=2)),
        # A batch script has the variables of its job, which Lightning takes for those of a task.
        (JOB, None),
        # The shell of salloc is a step of its own, of one task.
        ({**STEP, **ONE_TASK, "SLURM_STEP_ID": "4294967290", "SLURM_JOB_NAME": "interactive"}, None),
        ({**STEP, "SLURM_JOB_NAME": "bash"}, None),
        # A member of an array of jobs, as submitit makes them.
        ({**STEP, **ONE_TASK, "SLURM_NTASKS": "1", "SLURM_ARRAY_TASK_ID": "3"}, None),
    ],
)
def test_several_processes_know_what_started_them(
    variables: dict[str, str], start: Start | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.startswith(("SLURM_", "TORCHELASTIC_")):
            monkeypatch.delenv(name)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert this_start() == start


def start_of(number: int, num_nodes: int) -> Start:
    return Start(by="torchrun", index=0, number=number, num_nodes=num_nodes)


@pytest.mark.parametrize(
    ("compute", "start", "said"),
    [
        (
            Compute(devices=8, num_nodes=2),
            None,
            r"got devices=8, num_nodes=2: type on each node.* torchrun --nnodes 2 --nproc-per-node 8 .* "
            r"-m attnbench …, or in a job of SLURM srun --nodes 2 --ntasks-per-node 8 attnbench …$",
        ),
        (
            Compute(),
            start_of(2, 1),
            "^devices times num_nodes must be the processes that torchrun has started; got devices=1, num_nodes=1, "
            "which are 1, and 2 processes on 1 node$",
        ),
        (
            Compute(devices=2),
            start_of(2, 2),
            "got devices=2, num_nodes=1, which are 2, and 2 processes on 2 nodes$",
        ),
    ],
)
def test_other_processes_than_those_of_a_run_are_refused(compute: Compute, start: Start | None, said: str) -> None:
    with pytest.raises(SpecError, match=said):
        check_start(compute, start)


@pytest.mark.parametrize(
    ("compute", "start"),
    [
        (Compute(), None),
        (Compute(devices=4), None),
        (Compute(devices=4), start_of(4, 1)),
        (Compute(devices=2, num_nodes=2), start_of(4, 2)),
    ],
)
def test_the_processes_of_a_run_are_taken(compute: Compute, start: Start | None) -> None:
    check_start(compute, start)
