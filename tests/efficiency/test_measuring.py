"""Rows of an efficiency table, from the spec to stored records."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import attnbench
from attnbench.efficiency import measure_efficiency
from attnbench.efficiency.host import LocalHost
from attnbench.efficiency.measuring import expand_rows
from attnbench.efficiency_record import EfficiencyRecord, EfficiencyStore
from attnbench.efficiency_spec import PHASES, Conditions, EfficiencySpec, Effort, Phase
from attnbench.errors import MeasurementError, StoreError, UnknownNameError
from attnbench.measure import bytes_saved_for_backward, count_flops, count_traffic

BACKBONE, SHAPE = "cifar-resnet:depth=8,stem_stride=2,width=8", (3, 16, 16)
MODULES = """
import os
import signal

import torch
from torch import nn

import attnbench


class Doubling(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.fail(x)
        return 2 * x

    def fail(self, x: torch.Tensor) -> None:
        pass


@attnbench.register_attention("fits-four", placement="block")
class FitsFour(Doubling):
    def fail(self, x: torch.Tensor) -> None:
        if len(x) > 4:
            raise torch.OutOfMemoryError("tried to allocate too much")


@attnbench.register_attention("fits-no-training", placement="block")
class FitsNoTraining(Doubling):
    def fail(self, x: torch.Tensor) -> None:
        if self.training:
            raise torch.OutOfMemoryError("tried to allocate too much")


@attnbench.register_attention("fails-training", placement="block")
class FailsTraining(Doubling):
    def fail(self, x: torch.Tensor) -> None:
        if self.training:
            raise ValueError("too warm")


@attnbench.register_attention("fails-sometimes", placement="block")
class FailsSometimes(Doubling):
    def fail(self, x: torch.Tensor) -> None:
        self.calls = getattr(self, "calls", 0) + len(x) // 8
        if self.calls > 12:
            raise ValueError("worn out")


@attnbench.register_attention("dies", placement="block")
class Dies(Doubling):
    def fail(self, x: torch.Tensor) -> None:
        if self.training and len(x) > 2:
            os.kill(os.getpid(), signal.SIGKILL)


@attnbench.register_attention("narrows", placement="block")
class Narrows(Doubling):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, :1]
"""


@pytest.fixture
def plugin(tmp_path: Path) -> str:
    (tmp_path / "modules.py").write_text(MODULES)
    return str(tmp_path / "modules.py")


@pytest.fixture
def store(tmp_path: Path) -> EfficiencyStore:
    return EfficiencyStore(tmp_path / "store")


def table(
    *attention: str,
    phases: tuple[Phase, ...] = PHASES,
    imports: tuple[str, ...] = (),
    isolate: bool = False,
    **conditions: object,
) -> EfficiencySpec:
    chosen = {"batch_size": 8, "device": "cpu", "threads": 1, **conditions}
    return EfficiencySpec(
        attention=attention,
        backbone=BACKBONE,
        image_shape=SHAPE,
        num_classes=5,
        conditions=Conditions(**chosen),  # type: ignore[arg-type]
        effort=Effort(phases=phases, half_width=10, budget_s=0.3, latency_samples=4, isolate=isolate),
        imports=imports,
    )


def by_name(records: tuple[EfficiencyRecord, ...]) -> dict[str, EfficiencyRecord]:
    return {record.spec.attention: record for record in records}


def test_rows_are_counted_as_the_measures_count(store: EfficiencyStore) -> None:
    records = by_name(measure_efficiency(table("sge:groups=4", phases=()), store))
    assert list(records) == ["none", "sge:groups=4"]
    for attention, record in records.items():
        model = attnbench.create_model(BACKBONE, attention, num_classes=5, image_size=SHAPE[1:])
        counts = record.counts
        assert counts is not None
        assert counts.parameters == sum(parameter.numel() for parameter in model.parameters())
        assert counts.buffers == sum(buffer.numel() for buffer in model.buffers())
        for convention, counted in counts.flops.items():
            assert counted == count_flops(model, SHAPE, convention=convention)
        assert counts.traffic == count_traffic(model, SHAPE).by_operator
        assert counts.saved_bytes == bytes_saved_for_backward(model, torch.zeros(2, *SHAPE))
        assert (record.timings, record.bandwidth_bytes_per_s, record.errors) == ((), None, {})
    assert records["sge:groups=4"].counts.num_attention_modules == 3  # type: ignore[union-attr]


@pytest.mark.parametrize("isolate", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_phases_are_timed_in_rounds_and_stored_raw(store: EfficiencyStore, isolate: bool) -> None:
    records = measure_efficiency(table("none", "se:reduction=2", isolate=isolate), store)
    assert {record.digest: record for record in store} == {record.digest: record for record in records}
    assert len({record.session for record in records}) == 1
    for phase in PHASES:
        timings = [record.timing(phase) for record in records]
        first, second = timings
        assert first is not None
        assert second is not None
        assert len(first.ms) == len(second.ms) > 0
        assert phase != "latency" or len(first.ms) <= 4
        assert min(*first.ms, *second.ms, first.first_call_s) > 0
        assert first.batch_size == second.batch_size == (1 if phase == "latency" else 8)
        assert first.peak_memory_bytes
        assert first.load == second.load
        # Their own work is not other programs' work.
        assert first.load.own_processors > 0.2
    assert all(record.errors == {} for record in records)
    assert records[0].bandwidth_bytes_per_s == records[1].bandwidth_bytes_per_s
    assert not list(store.path.glob(".*"))


def test_a_row_without_memory_lowers_the_batch_of_all(store: EfficiencyStore, plugin: str) -> None:
    records = measure_efficiency(table("none", "fits-four", imports=(plugin,)), store)
    for record in records:
        assert [timing.batch_size for timing in record.timings] == [4, 4, 1]
        assert record.errors == {}
        assert record.spec.conditions.batch_size == 8


def test_a_row_that_fits_with_no_batch_is_left_out(store: EfficiencyStore, plugin: str) -> None:
    records = by_name(measure_efficiency(table("none", "fits-no-training", imports=(plugin,)), store))
    assert [timing.batch_size for timing in records["none"].timings] == [8, 8, 1]
    assert [timing.phase for timing in records["fits-no-training"].timings] == ["inference", "latency"]
    (error,) = records["fits-no-training"].errors.items()
    assert error[0] == "training"
    assert "fits-no-training does not fit into memory" in error[1]
    assert records["fits-no-training"].counts.saved_bytes is None  # type: ignore[union-attr]


@pytest.mark.parametrize("baseline", ["none", "fails-training"])
def test_what_fails_is_the_rows_error_and_the_others_go_on(store: EfficiencyStore, plugin: str, baseline: str) -> None:
    spec = replace(table("none", "fails-training", "narrows", imports=(plugin,)), baseline=baseline)
    records = by_name(measure_efficiency(spec, store))
    assert [timing.phase for timing in records["none"].timings] == list(PHASES)
    assert records["fails-training"].errors == {"training": "ValueError: too warm"}
    assert [timing.phase for timing in records["fails-training"].timings] == ["inference", "latency"]
    assert list(records["narrows"].errors) == ["build"]
    assert "ContractError: narrows at layer1.0" in records["narrows"].errors["build"]
    assert (records["narrows"].counts, records["narrows"].timings) == (None, ())
    assert {record.spec.attention for record in store} == set(records)


@pytest.mark.parametrize("baseline", ["none", "fails-sometimes"])
def test_a_row_that_fails_later_drops_out(store: EfficiencyStore, plugin: str, baseline: str) -> None:
    spec = table("none", "fails-sometimes", phases=("inference",), imports=(plugin,))
    records = by_name(measure_efficiency(replace(spec, baseline=baseline), store))
    assert records["none"].timing("inference") is not None
    assert records["fails-sometimes"].timing("inference") is None
    assert "ValueError: worn out" in records["fails-sometimes"].errors["inference"]


@pytest.mark.slow
def test_an_isolated_row_dies_alone(store: EfficiencyStore, plugin: str) -> None:
    spec = table("none", "dies", "fits-four", "fails-training", imports=(plugin,), isolate=True)
    records = by_name(measure_efficiency(spec, store))
    assert [timing.batch_size for timing in records["none"].timings] == [4, 4, 1]
    assert [timing.batch_size for timing in records["fits-four"].timings] == [4, 4, 1]
    died = records["dies"].errors
    assert list(died) == ["training", "latency"]
    assert "the row's process ended, killed by SIGKILL" in died["training"]
    assert died["latency"].startswith("not tried: the row's process had ended before, killed by SIGKILL")
    assert records["fails-training"].errors == {"training": "ValueError: too warm"}


@pytest.mark.parametrize("isolate", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_goes_on_from_the_last_finished_stage(store: EfficiencyStore, isolate: bool) -> None:
    spec = table("none", "sge:groups=4", isolate=isolate)

    def stop_in_training(stage: str, what: str, share: float) -> None:
        if stage == "training":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_efficiency(spec, store, on_progress=stop_in_training)
    assert store.digests() == []
    told: list[str] = []
    records = measure_efficiency(spec, store, on_progress=lambda stage, what, share: told.append(stage))
    assert set(told) == {"build", "training", "latency"}
    assert [timing.phase for timing in records[0].timings] == list(PHASES)
    assert records[0].counts is not None
    assert not list(store.path.glob(".*"))
    again = measure_efficiency(spec, store)
    assert again[0].session != records[0].session
    assert len(store.digests()) == 4


def test_a_row_that_can_be_built_now_has_no_error_of_before(store: EfficiencyStore, tmp_path: Path) -> None:
    needs = tmp_path / "needed"
    (tmp_path / "needy.py").write_text(
        "import pathlib, attnbench, torch\n"
        "@attnbench.register_attention('needy', placement='block')\n"
        "class Needy(torch.nn.Module):\n"
        "    def __init__(self, channels: int) -> None:\n"
        "        super().__init__()\n"
        f"        pathlib.Path({str(needs)!r}).read_text()\n"
        "    def forward(self, x):\n"
        "        return 2 * x\n"
    )
    spec = table("none", "needy", phases=("inference",), imports=(str(tmp_path / "needy.py"),))

    def stop(stage: str, what: str, share: float) -> None:
        if stage == "inference":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_efficiency(spec, store, on_progress=stop)
    needs.write_text("here")
    (_, needy) = measure_efficiency(spec, store)
    assert needy.errors == {}
    assert needy.timing("inference") is not None


def test_a_device_that_fails_for_good_is_told_in_a_sentence(
    store: EfficiencyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(host: LocalHost) -> None:
        raise RuntimeError("device-side assert triggered")

    monkeypatch.setattr(LocalHost, "stop", fail)
    monkeypatch.setattr(LocalHost, "close", lambda host: None)
    with pytest.raises(MeasurementError, match="device-side assert triggered; with --isolate such a failure ends"):
        measure_efficiency(table("none", phases=("inference",)), store)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("isolate", [False, True])
@pytest.mark.parametrize("precision", ["tf32", "bfloat16"])
def test_a_gpu_times_every_phase(store: EfficiencyStore, isolate: bool, precision: str) -> None:
    spec = table("none", "sge:groups=4", isolate=isolate, device="cuda", precision=precision)
    for record in measure_efficiency(spec, store):
        assert record.errors == {}
        assert [timing.phase for timing in record.timings] == list(PHASES)
        assert {timing.memory_scope for timing in record.timings} == {"allocated by the step"}


def test_another_spec_does_not_go_on_from_it(store: EfficiencyStore) -> None:
    def stop(stage: str, what: str, share: float) -> None:
        if stage == "inference":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_efficiency(table("none"), store, on_progress=stop)
    told: list[str] = []
    measure_efficiency(table("none", batch_size=4), store, on_progress=lambda stage, what, share: told.append(stage))
    assert "counts" in told


def test_a_damaged_session_begins_anew(store: EfficiencyStore) -> None:
    def stop(stage: str, what: str, share: float) -> None:
        if stage == "inference":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_efficiency(table("none"), store, on_progress=stop)
    (file,) = store.path.glob(".*.session")
    file.write_bytes(file.read_bytes()[:-20])
    (record,) = measure_efficiency(table("none"), store)
    assert len(record.timings) == 3


@pytest.mark.parametrize("isolate", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_words_that_were_not_meant_are_refused(store: EfficiencyStore, isolate: bool) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'sge'"):
        measure_efficiency(table("none", "sgee", isolate=isolate), store)
    spec = replace(table("none", isolate=isolate), backbone="resnet5")
    with pytest.raises(UnknownNameError, match="did you mean 'resnet50'"):
        measure_efficiency(spec, store)


def test_nothing_is_measured_for_a_store_that_cannot_be_written() -> None:
    told: list[str] = []
    with pytest.raises(StoreError, match="cannot write records into /dev/null/x"):
        measure_efficiency(
            table("none"), EfficiencyStore(Path("/dev/null/x")), on_progress=lambda *event: told.append(event[0])
        )
    assert told == []


def test_a_row_carries_the_hash_of_its_file(plugin: str) -> None:
    none, mine = expand_rows(table("none", "fits-four", imports=(plugin,)))
    assert none.plugin is None
    assert mine.plugin is not None
    assert mine.plugin.path == plugin


@pytest.mark.parametrize(
    "conditions", [{"precision": "bfloat16"}, {"layout": "channels_last"}, {"threads": 2, "precision": "float16"}]
)
def test_conditions_are_what_the_model_meets(store: EfficiencyStore, conditions: dict[str, object]) -> None:
    seen: set[tuple[torch.dtype, bool, int, bool]] = set()

    @attnbench.register_attention("watcher", placement="block")
    class Watcher(torch.nn.Module):
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.conv = torch.nn.Conv2d(channels, channels, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.conv(x)
            if len(x) == 8:
                last = y.is_contiguous(memory_format=torch.channels_last)
                seen.add((y.dtype, last, torch.get_num_threads(), torch.backends.cudnn.allow_tf32))
            return y.to(x.dtype)

    before = torch.get_num_threads(), torch.backends.cudnn.allow_tf32
    (_, record) = measure_efficiency(table("watcher", phases=("inference", "training"), **conditions), store)
    assert record.errors == {}
    dtype = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(str(conditions.get("precision")), torch.float32)
    assert seen == {(dtype, conditions.get("layout") == "channels_last", conditions.get("threads", 1), False)}
    assert (torch.get_num_threads(), torch.backends.cudnn.allow_tf32) == before
    assert record.environment.threads == conditions.get("threads", 1)


def test_attention_modules_are_compiled_for_each_phase_and_batch(
    store: EfficiencyStore, graphs: list[tuple[torch.Size, ...]]
) -> None:
    from torch._dynamo import config

    limit = config.recompile_limit
    spec = table("none", "se:reduction=2", phases=("inference", "training"), mode="compiled-attention")
    records = measure_efficiency(spec, store)
    assert [record.errors for record in records] == [{}, {}]
    # Three blocks of different shapes, in two phases; the steps after the first need no more.
    assert len(graphs) == 6
    assert len({shapes[0] for shapes in graphs}) == 3
    assert config.recompile_limit == limit


@pytest.mark.slow
def test_compiled_rows_are_compiled_each_for_itself(store: EfficiencyStore) -> None:
    records = measure_efficiency(table("none", "se:reduction=2", phases=("inference",), mode="compiled"), store)
    for record in records:
        assert record.errors == {}
        timing = record.timing("inference")
        assert timing is not None
        # Compiling takes seconds, a step milliseconds.
        assert timing.first_call_s > 20 * max(timing.ms) / 1e3
