import dataclasses
import sys
from pathlib import Path

import pytest
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from attnbench.detection_record import DetectionRecord
from attnbench.detection_suite import execute_detection, expand_detection
from attnbench.errors import DivergedError, MissingDependencyError, StoreError
from attnbench.executors.workers import WorkerExecutor
from attnbench.loggers import LogTo, check_logging, log_name
from attnbench.record import Record, Store, without_timing
from attnbench.run import run_spec
from attnbench.spec import RunSpec
from attnbench.suite import expand, run_suite
from tests.tiny import tiny_suite
from tests.tiny_detection import tiny_detection


@pytest.fixture(autouse=True)
def _no_wandb_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("WANDB_MODE", "WANDB_PROJECT"):
        monkeypatch.delenv(name, raising=False)


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """What TensorBoard shows of a run: step and value by tag."""
    events = EventAccumulator(str(folder)).Reload()
    return {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def approximately(points: list[tuple[int, float]]) -> list[tuple[int, object]]:
    return [(step, pytest.approx(value, rel=1e-6)) for step, value in points]


def expected(record: Record) -> dict[str, list[tuple[int, object]]]:
    """The record's curve and test by tag, in the float32 of TensorBoard."""
    names = ("learning_rate", "train_loss", "validation_loss", "validation_top1_percent", "validation_top5_percent")
    curve = {name: [(point.epoch, getattr(point, name)) for point in record.curve] for name in names}
    tested = {
        name: [(len(record.curve), getattr(record.values, name))]
        for name in ("test_loss", "test_top1_percent", "test_top5_percent")
    }
    return {name: approximately(points) for name, points in (curve | tested).items()}


def test_tensorboard_shows_the_curve_and_the_record_is_the_same(
    tiny_spec: RunSpec, tiny_record: Record, tmp_path: Path
) -> None:
    logged = run_spec(tiny_spec, log_to=LogTo(kind="tensorboard", folder=tmp_path))
    assert without_timing(logged) == without_timing(tiny_record)
    assert scalars(tmp_path / f"sge_groups_4-seed0-{tiny_record.digest}") == expected(tiny_record)


def test_tensorboard_lists_the_settings_beside_the_results(
    tiny_spec: RunSpec, tiny_record: Record, tmp_path: Path
) -> None:
    run_spec(tiny_spec, log_to=LogTo(kind="tensorboard", folder=tmp_path))
    events = EventAccumulator(str(tmp_path / log_name(tiny_spec))).Reload()
    content = events.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    for word in (b"attention", b"sge:groups=4", b"recipe/learning_rate", b"seed"):
        assert word in content


def test_a_run_that_starts_again_takes_its_log_over(tiny_spec: RunSpec, tiny_record: Record, tmp_path: Path) -> None:
    for _ in range(2):
        run_spec(tiny_spec, log_to=LogTo(kind="tensorboard", folder=tmp_path))
    assert scalars(tmp_path / log_name(tiny_spec)) == expected(tiny_record)


def test_workers_log_too(tmp_path: Path) -> None:
    suite, store = tiny_suite(seeds=(0, 1), epochs=1), Store(tmp_path / "store")
    log_to = LogTo(kind="tensorboard", folder=tmp_path / "logs")
    with WorkerExecutor(2, on_progress=lambda *event: None, on_notice=print) as executor:
        result = run_suite(suite, store, executor=executor, on_finished=lambda outcome: None, log_to=log_to)
    assert len(result.records) == 4
    for record in result.records:
        assert scalars(tmp_path / "logs" / log_name(record.spec)) == expected(record)


def test_wandb_writes_an_offline_run_and_the_record_is_the_same(
    tiny_spec: RunSpec, tiny_record: Record, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wandb = pytest.importorskip("wandb")
    from wandb.sdk.wandb_run import Run

    logged: list[dict[str, float]] = []
    original = Run.log

    def listen(run: object, data: dict[str, float], *arguments: object, **keywords: object) -> None:
        logged.append(data)
        original(run, data, *arguments, **keywords)

    monkeypatch.setattr(Run, "log", listen)
    for run in (tiny_spec, expand(tiny_suite(seeds=(1,)))[0]):
        made = run_spec(run, log_to=LogTo(kind="wandb", folder=tmp_path))
        (folder,) = (tmp_path / "wandb").glob(f"offline-run-*-{made.digest}")
        file = folder / f"run-{made.digest}.wandb"
        assert log_name(run).encode() in file.read_bytes()
        if run == tiny_spec:
            assert without_timing(made) == without_timing(tiny_record)
            assert [values["trainer/global_step"] for values in logged] == [1, 2, 2]
            assert logged[0]["validation_loss"] == tiny_record.curve[0].validation_loss
            assert logged[2]["test_top1_percent"] == tiny_record.values.test_top1_percent
    assert wandb.run is None


def expected_of_detection(record: DetectionRecord) -> dict[str, list[tuple[int, object]]]:
    """The curve and the test of a detector by tag; what is none has no tag."""
    found: dict[str, list[tuple[int, float]]] = {}
    for point in record.curve:
        validation = {} if point.validation is None else dataclasses.asdict(point.validation)
        values = {"learning_rate": point.learning_rate}
        values |= {f"train_losses/{name}": loss for name, loss in point.train_losses.items()}
        values |= {f"validation/{name}": value for name, value in validation.items() if value is not None}
        for name, value in values.items():
            found.setdefault(name, []).append((point.epoch, value))
    for part in ("box", "mask"):
        for name, value in dataclasses.asdict(getattr(record.values, part)).items():
            if value is not None:
                found[f"{part}/{name}"] = [(len(record.curve), value)]
    return {name: approximately(points) for name, points in found.items()}


def test_a_detector_logs_its_losses_and_validations_and_the_record_is_the_same(tmp_path: Path) -> None:
    spec = expand_detection(tiny_detection("mask-rcnn", "none", validate_every=2))[0]
    plain = execute_detection(spec, tmp_path / "plain")
    logged = execute_detection(spec, tmp_path, log_to=LogTo(kind="tensorboard", folder=tmp_path / "logs"))
    assert (logged.curve, logged.values, logged.box_matches) == (plain.curve, plain.values, plain.box_matches)
    shown = scalars(tmp_path / "logs" / f"mask-rcnn-none-seed0-{plain.digest}")
    assert shown == expected_of_detection(plain)
    assert [step for step, _ in shown["validation/ap_percent"]] == [2]
    assert [step for step, _ in shown["train_losses/loss_mask"]] == [1, 2]
    content = (
        EventAccumulator(str(tmp_path / "logs" / log_name(spec)))
        .Reload()
        .SummaryMetadata("_hparams_/session_start_info")
        .plugin_data.content
    )
    for word in (b"detector", b"mask-rcnn:", b"recipe/short_side"):
        assert word in content


GIVEN_UP = "the log {} ends here, and its run goes on without: OSError: No space left"


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What attnbench itself says."""
    return [record.getMessage() for record in caplog.records if record.name.startswith("attnbench")]


def fails(*arguments: object, **keywords: object) -> None:
    try:
        raise OSError("No space\nleft")
    except OSError as error:
        raise ValueError("as Lightning puts it") from error


@pytest.mark.parametrize(
    "methods", [("__init__",), ("log_metrics",), ("log_hyperparams",), ("finalize",), ("log_metrics", "finalize")]
)
def test_a_logger_that_fails_loses_its_log_and_not_the_run(
    methods: tuple[str, ...],
    tiny_spec: RunSpec,
    tiny_record: Record,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for method in methods:
        monkeypatch.setattr(TensorBoardLogger, method, fails)
    made = run_spec(tiny_spec, log_to=LogTo(kind="tensorboard", folder=tmp_path))
    assert without_timing(made) == without_timing(tiny_record)
    assert said(caplog) == [GIVEN_UP.format(log_name(tiny_spec))]


@pytest.mark.parametrize("method", ["define_metric", "log", "finish"])
def test_a_run_of_wandb_that_fails_is_closed_and_loses_nothing_else(
    method: str,
    tiny_spec: RunSpec,
    tiny_record: Record,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wandb = pytest.importorskip("wandb")
    from wandb.sdk.wandb_run import Run

    original = Run.finish
    monkeypatch.setattr(Run, method, fails)
    if method == "finish":  # so that no run stays open for other tests
        monkeypatch.setattr(Run, "finish", lambda run, **keywords: fails(original(run, **keywords)))
    made = run_spec(tiny_spec, log_to=LogTo(kind="wandb", folder=tmp_path))
    assert without_timing(made) == without_timing(tiny_record)
    assert said(caplog) == [GIVEN_UP.format(log_name(tiny_spec))]
    assert wandb.run is None


def test_a_log_that_was_given_up_hears_of_nothing_more_but_its_end(
    tiny_spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[int] = []
    ends: list[str] = []

    def listen(logger: object, values: object, step: int) -> None:
        steps.append(step)
        fails()

    monkeypatch.setattr(TensorBoardLogger, "log_metrics", listen)
    monkeypatch.setattr(TensorBoardLogger, "finalize", lambda logger, status: ends.append(status))
    run_spec(tiny_spec, log_to=LogTo(kind="tensorboard", folder=tmp_path))
    assert (steps, ends) == ([1], ["failed"])


def test_errors_of_the_training_itself_end_the_run(
    tiny_spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TensorBoardLogger, "finalize", fails)
    recipe = dataclasses.replace(tiny_spec.recipe, learning_rate=1e30)
    with pytest.raises(DivergedError):
        run_spec(dataclasses.replace(tiny_spec, recipe=recipe), log_to=LogTo(kind="tensorboard", folder=tmp_path))


def test_ctrl_c_while_logging_ends_the_run(tiny_spec: RunSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **keywords: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(TensorBoardLogger, "log_metrics", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run_spec(tiny_spec, log_to=LogTo(kind="tensorboard", folder=tmp_path))


def test_a_missing_package_shows_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingDependencyError, match=r"pip install attnbench\[wandb\]"):
        check_logging(LogTo(kind="wandb", folder=tmp_path))


def test_a_folder_that_cannot_be_made_shows_before_training() -> None:
    with pytest.raises(StoreError, match="cannot write logs into /dev/null/logs"):
        check_logging(LogTo(kind="tensorboard", folder=Path("/dev/null/logs")))
