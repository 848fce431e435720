"""What users may tell Ray and SLURM, and what runs ask of them."""

import shutil
from typing import Any

import pytest
import torch

from attnbench.cli.executor_options import ExecutorOptions, choice_from
from attnbench.errors import MissingDependencyError, SpecError
from attnbench.executors import choice, ray_settings, slurm_settings
from attnbench.executors.ray_settings import asked_of_ray
from attnbench.executors.slurm_settings import SlurmSettings
from attnbench.spec import Compute
from attnbench.variant import Scalar


def of_slurm(given: dict[str, Scalar], **options: Any) -> SlurmSettings:
    whole = {"compute": Compute(device="cpu", threads=3), "run_timeout_s": None, **options}
    return slurm_settings.settings_from({"cluster": "local", **given}, **whole)


def test_values_are_read_as_what_they_look_like() -> None:
    words = ("partition=gpu", "timeout_min=1", "num_gpus=0.25", "exclusive=true")
    read = choice_from(ExecutorOptions(executor="slurm", executor_set=words)).settings
    assert read == {"partition": "gpu", "timeout_min": 1, "num_gpus": 0.25, "exclusive": True}
    assert [type(value) for value in read.values()] == [str, int, float, bool]


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(choice, "import_module", missing)
    message = r"^--executor slurm needs submitit, which is not installed: pip install attnbench\[slurm\]; importing it"
    with pytest.raises(MissingDependencyError, match=message):
        choice_from(ExecutorOptions(executor="slurm"))
    choice_from(ExecutorOptions())


@pytest.mark.parametrize(
    ("compute", "has_gpus", "given", "asked"),
    [
        (Compute(), False, {}, {"num_cpus": 1, "num_gpus": 0}),
        (Compute(), True, {}, {"num_cpus": 1, "num_gpus": 1}),
        (Compute(device="cpu", threads=2), True, {}, {"num_cpus": 2, "num_gpus": 0}),
        (Compute(device="cuda", devices=4), False, {}, {"num_cpus": 4, "num_gpus": 4}),
        (Compute(), True, {"num_gpus": 0.25, "max_retries": 9}, {"num_cpus": 1, "num_gpus": 0.25, "max_retries": 9}),
        (
            Compute(),
            False,
            {"resources.fast_disk": 1, "address": "a:1"},
            {"num_cpus": 1, "num_gpus": 0, "resources": {"fast_disk": 1}},
        ),
    ],
)
def test_what_a_run_asks_of_ray(
    compute: Compute, has_gpus: bool, given: dict[str, Scalar], asked: dict[str, Any]
) -> None:
    assert asked_of_ray(ray_settings.settings_from(given), compute, has_gpus=has_gpus) == asked


def test_what_is_no_word_of_rays_is_refused() -> None:
    with pytest.raises(
        SpecError, match=r"^--executor-set: Ray takes no gpus; allowed: address, num_cpus, num_gpus, mem"
    ):
        ray_settings.settings_from({"gpus": 1})


def test_what_a_job_asks_of_slurm() -> None:
    own = {"name": "attnbench", "cpus_per_task": 3, "timeout_min": 1440}
    assert dict(of_slurm({}).parameters) == own
    assert of_slurm({}).max_num_timeout == 3
    given = of_slurm({"partition": "gpu", "slurm_account": "me", "time": 60, "max_num_timeout": 9, "setup": "true"})
    further = {"slurm_partition": "gpu", "slurm_account": "me", "timeout_min": 60, "slurm_setup": ["true"]}
    assert dict(given.parameters) == {**own, **further}
    assert given.max_num_timeout == 9


@pytest.mark.parametrize(
    ("compute", "given", "asked"),
    [
        (Compute(device="cuda", devices=8), {}, {"gpus_per_node": 8}),
        (Compute(device="cuda"), {"gres": "gpu:1"}, {"slurm_gres": "gpu:1"}),
        (Compute(), {}, {}),
        (Compute(devices=8), {"gpus_per_node": 8}, {"gpus_per_node": 8}),
    ],
)
@pytest.mark.parametrize("gpus_here", [0, 1])
def test_the_gpus_that_a_job_asks_for_are_not_those_of_this_machine(
    compute: Compute, given: dict[str, Scalar], asked: dict[str, Any], gpus_here: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus_here > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus_here)
    parameters = of_slurm({"cluster": "slurm", **given}, compute=compute).parameters
    assert {name: value for name, value in parameters.items() if "gpu" in name or "gres" in name} == asked


@pytest.mark.parametrize("given", [{"max_num_timeout": "many"}, {"slurm_signal_delay_s": 0.5}, {"signal_delay_s": -1}])
def test_a_number_that_is_none_is_refused(given: dict[str, Scalar]) -> None:
    ((name, value),) = given.items()
    short = name.removeprefix("slurm_")
    with pytest.raises(
        SpecError, match=rf"^--executor-set: {short} must be a whole number, 0 or more; got .*={value}$"
    ):
        of_slurm(given, run_timeout_s=3600)


@pytest.mark.parametrize("name", ["array_parallelism", "slurm_array_parallelism"])
def test_how_many_jobs_run_at_once_is_said_in_one_place(name: str) -> None:
    with pytest.raises(SpecError, match=rf"^--executor-set: how many jobs .* --workers N; got {name}=4$"):
        of_slurm({name: 4})


def test_a_run_timeout_is_the_time_limit_of_jobs_that_are_not_queued_again() -> None:
    limited = of_slurm({}, run_timeout_s=3600)
    assert (limited.parameters["timeout_min"], limited.max_num_timeout) == (61, 0)  # it is signalled 30 s before
    with pytest.raises(SpecError, match=r"^--run-timeout is the time limit of the jobs; got timeout_min besides"):
        of_slurm({"timeout_min": 5}, run_timeout_s=3600)


@pytest.mark.parametrize("name", ["partion", "nodes", "tasks_per_node", "slurm_ntasks_per_node", "folder"])
def test_what_submitit_takes_not_or_not_for_a_run_is_refused(name: str) -> None:
    with pytest.raises(SpecError, match=rf"^--executor-set: submitit takes no {name} for a run; allowed: acc.*time"):
        of_slurm({name: 1})


def test_a_machine_without_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(SpecError, match=r"^this machine has no SLURM: there is no sbatch on its path; --executor-set"):
        of_slurm({"cluster": "slurm"})
    with pytest.raises(SpecError, match=r"^--executor-set: cluster must be slurm or local; got cluster=debug$"):
        of_slurm({"cluster": "debug"})
