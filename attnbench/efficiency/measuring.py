"""An efficiency table's rows, from the spec to stored records. The only place where their stages meet."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch

from attnbench.efficiency.host import Host, LocalHost, compiling
from attnbench.efficiency.isolation import RemoteHost
from attnbench.efficiency.phases import time_phase
from attnbench.efficiency.session import Progress, Session, SessionFile, Stage
from attnbench.efficiency_record import Counts, EfficiencyRecord, EfficiencyStore
from attnbench.efficiency_spec import EfficiencySpec, Phase, RowSpec
from attnbench.environment import environment_of
from attnbench.errors import UnknownNameError
from attnbench.hardware import use_threads
from attnbench.measure import measure_bandwidth
from attnbench.measure.failure import describe, is_out_of_memory
from attnbench.measure.precision import arithmetic
from attnbench.plugin_files import plugin_of


def measure_efficiency(
    spec: EfficiencySpec, store: EfficiencyStore, *, on_progress: Progress | None = None
) -> tuple[EfficiencyRecord, ...]:
    """Count and time the rows of a table, and store their records.

    What fails is the error of its row, and the others go on. Finished stages are kept in the store: the
    same call after one that was ended goes on from there.

    Args:
        spec: What to measure.
        store: Where the records go.
        on_progress: Hears of the progress.

    Returns:
        One record a variant, in the order of the spec.

    Raises:
        UnknownNameError: If a backbone or a variant is not there.
        MissingDependencyError: If there is no compiler for what is to be compiled.
        PluginError: If a user's file cannot be imported.
        StoreError: If the store cannot be written; nothing is measured then.
    """
    tell = on_progress or (lambda stage, what, share: None)
    device = torch.device(spec.conditions.device)
    conditions = spec.conditions
    with use_threads(conditions.threads), arithmetic(conditions.precision), compiling(conditions):
        rows = expand_rows(spec)
        store.make()
        file = SessionFile(store, spec, rows, environment_of(device, spec.conditions.precision))
        session = file.open()
        hosts = {row.attention: RemoteHost(row) if spec.effort.isolate else LocalHost(row) for row in rows}
        try:
            session = _stages(spec, session, hosts, device, file.keep, tell)
        finally:
            for host in hosts.values():
                host.close()
    for record in session.rows:
        store.add(record)
    file.remove()
    return session.rows


def expand_rows(spec: EfficiencySpec) -> list[RowSpec]:
    """The rows of a table. One whose module comes from a user's file carries the hash of that file.

    Raises:
        UnknownNameError: If a variant names no registered module.
        PluginError: If a user's file cannot be imported.
    """
    return [
        RowSpec(
            attention=attention,
            backbone=spec.backbone,
            baseline=spec.baseline,
            image_shape=spec.image_shape,
            num_classes=spec.num_classes,
            conditions=spec.conditions,
            effort=spec.effort,
            plugin=plugin_of(attention, spec.imports),
        )
        for attention in spec.attention
    ]


def _stages(
    spec: EfficiencySpec,
    session: Session,
    hosts: Mapping[str, Host],
    device: torch.device,
    keep: Callable[[Session], None],
    tell: Progress,
) -> Session:
    built, build_errors = _each_row("build", hosts, lambda host: host.build(), tell)
    hosts = {label: hosts[label] for label in built}
    session = _with_errors(session.with_rows(_without_build_error), "build", build_errors)
    if not session.has_finished("counts"):
        counted, errors = _each_row("counts", hosts, lambda host: host.count(), tell)
        session = _with_counts(_with_errors(session, "counts", errors), counted)
        if spec.effort.phases:
            tell("counts", "the memory's bandwidth", 1.0)
            bandwidth = _bandwidth(device)
            session = session.with_rows(lambda row: replace(row, bandwidth_bytes_per_s=bandwidth))
        session = _finish(session, "counts", keep)
    for phase in spec.effort.phases:
        if not session.has_finished(phase):
            session = _finish(_with_phase(spec, session, phase, hosts, tell), phase, keep)
    return session


def _each_row(
    stage: Stage, hosts: Mapping[str, Host], call: Callable[[Host], object], tell: Progress
) -> tuple[dict[str, object], dict[str, str]]:
    """What a call gives for each row, and the errors of the rows where it fails."""
    results, errors = dict[str, object](), dict[str, str]()
    for index, (label, host) in enumerate(hosts.items()):
        tell(stage, label, index / len(hosts))
        try:
            results[label] = call(host)
        except UnknownNameError:  # a word that was not meant
            raise
        except Exception as error:
            errors[label] = describe(error)
    return results, errors


def _with_phase(
    spec: EfficiencySpec, session: Session, phase: Phase, hosts: Mapping[str, Host], tell: Progress
) -> Session:
    effort = spec.effort

    def on_round(number: int, seconds: float) -> None:
        share = seconds / effort.budget_s
        if phase == "latency":
            share = max(share, number / effort.latency_samples)
        tell(phase, f"round {number}", min(1.0, share))

    tell(phase, "first steps", 0.0)
    result = time_phase(spec, phase, hosts, on_round)

    def change(row: EfficiencyRecord) -> EfficiencyRecord:
        timing = result.timings.get(row.spec.attention)
        return replace(row, timings=(*row.timings, timing)) if timing else row

    return _with_errors(session, phase, result.errors).with_rows(change)


def _without_build_error(row: EfficiencyRecord) -> EfficiencyRecord:
    """A row that a session was left with may be built now."""
    return replace(row, errors={stage: text for stage, text in row.errors.items() if stage != "build"})


def _bandwidth(device: torch.device) -> float | None:
    """What the device copies a second; none where it has no room to copy."""
    try:
        return measure_bandwidth(device)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        return None
    finally:
        if device.type == "cuda":
            torch.cuda.empty_cache()


def _with_counts(session: Session, counted: Mapping[str, object]) -> Session:
    def change(row: EfficiencyRecord) -> EfficiencyRecord:
        counts = counted.get(row.spec.attention)
        return replace(row, counts=counts) if isinstance(counts, Counts) else row

    return session.with_rows(change)


def _with_errors(session: Session, stage: Stage, errors: Mapping[str, str]) -> Session:
    def change(row: EfficiencyRecord) -> EfficiencyRecord:
        text = errors.get(row.spec.attention)
        return replace(row, errors={**row.errors, stage: text}) if text is not None else row

    return session.with_rows(change)


def _finish(session: Session, stage: Stage, keep: Callable[[Session], None]) -> Session:
    session = replace(session, finished=(*session.finished, stage))
    keep(session)
    return session
