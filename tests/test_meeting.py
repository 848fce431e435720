import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from torch import distributed

from attnbench.errors import SpecError
from attnbench.meeting import Meeting, meet
from attnbench.starting import Start

SRUN = Start(by="srun", index=0, number=4, num_nodes=2)


def meeting() -> Meeting:
    store: Any = distributed.HashStore()  # type: ignore[attr-defined]
    return Meeting(start=SRUN, environment=TorchElasticEnvironment(), store=store)


def test_all_that_come_in_time_know_it() -> None:
    room = meeting()
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(room.count, "failed", 2, within_s=30)
        time.sleep(0.1)
        assert not first.done()
        assert room.count("failed", 2, within_s=30)
        assert first.result()


def test_one_that_has_given_up_is_missed_by_those_who_come_later() -> None:
    room = meeting()
    assert not room.count("failed", 2, within_s=0.1)
    assert not room.count("failed", 2, within_s=30)
    assert room.count("another", 1, within_s=0)


def test_srun_must_say_the_tasks_of_each_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_NTASKS", "4")
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE", raising=False)
    with pytest.raises(SpecError, match=r"got 4 tasks, of srun --ntasks alone: say --ntasks-per-node 2$"):
        meet(SRUN)
    # The rule is Lightning's own.
    with pytest.raises(RuntimeError, match="--ntasks=4"):
        SLURMEnvironment()
