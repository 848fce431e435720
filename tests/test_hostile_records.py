"""Damaged records: each is named in one sentence and left out, and all others are read."""

import base64
import gc
import json
import math
import os
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnbench.errors import RecordError
from attnbench.record import Record, Store
from attnbench.spec import RunSpec, digest
from tests.records import NUM_TEST_IMAGES, make_record

OLD_RECORD = Path(__file__).parent / "old_records" / "1066a93191e00fc3.json"
GOOD = make_record(sources=np.arange(NUM_TEST_IMAGES) // 4)
TEXT = GOOD.to_json()


def read_beside_a_good_one(tmp_path: Path, text: bytes) -> tuple[list[Record], list[str]]:
    store = Store(tmp_path)
    (tmp_path / f"{GOOD.digest}.json").write_bytes(text)
    store.add(make_record(seed=1))
    return store.read()


def problem_with(tmp_path: Path, text: bytes) -> str:
    records, (problem,) = read_beside_a_good_one(tmp_path, text)
    assert records == [make_record(seed=1)]
    assert str(tmp_path / f"{GOOD.digest}.json") in problem
    assert "\n" not in problem
    assert len(problem) <= 500
    return problem


def changed(*path: str | int, to: Any) -> bytes:
    content = json.loads(TEXT)
    part = content
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = to
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        bytes(5_000),
        b"[]",
        b"3",
        b"null",
        b'"record"',
        b"{}",
        TEXT + b"{}",
        TEXT.decode().encode("utf-16"),
        TEXT.replace(b"Example CPU", b"Ex\xffmple CPU"),
        TEXT.replace(b"Example CPU", b"Ex\\ud800mple CPU"),
        TEXT.replace(b'"test_loss": 0.5', b'"test_loss": NaN'),
        TEXT.replace(b'"test_loss": 0.5', b'"test_loss": Infinity'),
        TEXT.replace(b'"test_loss": 0.5', b'"test_loss": 1e999'),
        TEXT.replace(b'"test_loss": 0.5', b'"test_loss": null'),
        TEXT.replace(b'"test_loss": 0.5', b'"test_loss": "0.5"'),
        b"[" * 100_000,
        TEXT.rstrip(b"}\n") + b', "later": ' + b"[" * 100_000 + b"]" * 100_000 + b"}}",
        changed("curve", to={}),
        changed("spec", "recipe", "epochs", to=10**400),
        changed("values", "macs", to=10**4_000),
    ],
    ids=lambda text: f"{text[:12]!r}, {len(text)} bytes",
)
def test_what_is_no_record_is_named(tmp_path: Path, text: bytes) -> None:
    assert text != TEXT
    assert "is damaged: " in problem_with(tmp_path, text)


def test_of_a_value_that_fills_a_page_both_ends_are_shown() -> None:
    text = changed("spec", "compute", "precision", to="f" * 100_000 + "g")
    with pytest.raises(RecordError) as caught:
        Record.from_json(text, source="a.json")
    assert len(str(caught.value)) < 500
    assert re.match(
        r"^a.json is damaged: Invalid enum value 'f+…f+g' - at `\$.spec.compute.precision`$", str(caught.value)
    )


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        (("digest",), "0123456789abcdef", f"its spec has the digest {GOOD.digest}"),
        (("spec", "seed"), 5, "its spec has the digest"),
        (("spec", "recipe", "epochs"), 7, ": it was edited, or a newer attnbench wrote it"),
        (("spec", "seed"), -1, "seed must lie in"),
        (("values", "test_top1_percent"), 100.5, "accuracies must lie between 0 and 100 %; got 14.1667 … 100.5"),
        (("values", "test_top5_percent"), -1.0, "accuracies must lie between 0 and 100 %"),
        (("values", "test_top1_percent"), 58.0, "test_top1_percent is 58, but test_correct has 8500 of 10000 right"),
        (("curve", 2, "validation_top1_percent"), 1e300, "accuracies must lie"),
        (("curve", 2, "validation_top5_percent"), -0.1, "accuracies must lie"),
        (("curve", 2, "epoch"), 2, "the epochs of its curve must count from 1"),
        (("curve",), [], "selected_epoch must be one of the curve's 0; got 6"),
        (("values", "selected_epoch"), 7, "selected_epoch must be one of the curve's 6; got 7"),
        (("values", "num_train_images"), -1, "num_train_images must lie in [0, 2**63); got -1"),
        (("values", "num_classes"), 0, "num_classes must lie in [1, 2**63); got 0"),
        (("values", "parameters"), 2**63, "parameters must lie in"),
        (("values", "macs"), -5, "macs must lie in"),
        (("values", "num_replaced"), -1, "num_replaced must lie in"),
        (("values", "image_shape"), [3, 0, 32], "image_shape must lie in"),
        (("values", "uncounted_operators", "aten::add"), 0, "aten::add must lie in"),
        (("environment", "threads"), 0, "threads must lie in"),
        (("values", "num_test_images"), 9_999, "test_correct must be of 9999 images; got 10000"),
        (("test_correct", "num_bits"), -1, "test_correct must be of 10000 images; got -1"),
        (("test_correct", "num_bits"), 10_001, "test_correct must be of 10000 images; got 10001"),
        (("test_correct", "data"), "", "test_correct must hold 10000 bits, eight to a byte; got 0 bytes"),
        (("test_correct", "data"), "gQ=", "test_correct must be base64"),
        (("test_correct", "data"), "ä" * 1_668, "test_correct must be base64"),
        (("test_correct", "data"), "*" * 1_668, "test_correct must hold 10000 bits"),
        (("test_correct", "data"), base64.b64encode(bytes(1_250)).decode(), "test_correct has 0 of 10000 right"),
        (("test_sources", "num_integers"), 9_999, "test_sources must be of 10000 images; got 9999"),
        (("test_sources", "bytes_each"), 3, "bytes_each of test_sources must be 1, 2, 4 or 8; got 3"),
        (("test_sources", "bytes_each"), 4, "test_sources must hold 10000 integers of 4 bytes; got 20000 bytes"),
        (("test_sources", "data"), "gQ=", "test_sources must be base64"),
        (
            ("test_sources", "data"),
            base64.b64encode(b"\1\2" * 10_000).decode(),
            "must name two sources or more; got one",
        ),
        (("values", "num_test_images"), 1, "num_test_images must lie in [2, 2**63); got 1"),
        (("timing", "forward_ms", 1), 1e-320, "a pass must take 1e-06 … 1e+10 ms"),
        (("timing", "forward_ms"), [], "must be timed in pairs; got 0 and 3 passes"),
        (("timing", "baseline_forward_ms"), [1.0, 1.0], "must be timed in pairs; got 3 and 2 passes"),
        (("timing", "forward_ms", 1), 0.0, "a pass must take 1e-06 … 1e+10 ms; got 0"),
        (("timing", "baseline_forward_ms", 1), 1e308, "a pass must take 1e-06 … 1e+10 ms"),
        (("timing", "train_s"), 1e308, "train_s and wall_s must lie in"),
        (("timing", "wall_s"), -1.0, "train_s and wall_s must lie in"),
        (("timing", "compile_s"), -1.0, "compile_s must lie in [0, 1e+10]; got -1"),
        (("timing", "throughput_batch_size"), 0, "throughput_batch_size must be at least 1; got 0"),
    ],
)
def test_what_cannot_have_been_measured_is_named(
    tmp_path: Path, path: tuple[str | int, ...], value: Any, fault: str
) -> None:
    problem = problem_with(tmp_path, changed(*path, to=value))
    assert "is damaged: " in problem
    assert fault in problem


@pytest.mark.parametrize("part", range(50))
def test_a_record_that_is_cut_off_anywhere_is_named(tmp_path: Path, part: int) -> None:
    problem_with(tmp_path, TEXT[: part * (len(TEXT) - 2) // 49])


def test_flipped_bytes_are_named_or_make_another_whole_record() -> None:
    generator, num_named = random.Random(0), 0
    for _ in range(2_000):
        text = bytearray(TEXT)
        text[generator.randrange(len(text))] ^= 1 << generator.randrange(8)
        try:
            record = Record.from_json(bytes(text), source="x")
        except RecordError:
            num_named += 1
        else:
            assert record.digest == digest(record.spec)
            assert len(record.test_correct.unpack()) == record.values.num_test_images
            assert record.test_sources is None or len(record.test_sources.unpack()) == record.values.num_test_images
            assert 0 <= record.values.test_top1_percent <= 100
    assert num_named > 500


def test_a_directory_named_like_a_record_is_named(tmp_path: Path) -> None:
    Store(tmp_path).add(GOOD)
    (tmp_path / "0123456789abcdef.json").mkdir()
    records, (problem,) = Store(tmp_path).read()
    assert records == [GOOD]
    assert problem == f"cannot read {tmp_path / '0123456789abcdef.json'}: Is a directory"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_record_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    Store(tmp_path).add(GOOD).chmod(0)
    records, (problem,) = Store(tmp_path).read()
    assert records == []
    assert problem.endswith(f"{GOOD.digest}.json: Permission denied")


def test_a_record_under_another_name_is_not_taken_for_that_one(tmp_path: Path) -> None:
    store = Store(tmp_path)
    other = digest(RunSpec(attention="se", backbone="a", data="b"))
    store.add(GOOD).rename(store.file_of(other))
    with pytest.raises(RecordError, match=f"{other}.json has a wrong name: it holds the record {GOOD.digest}"):
        store.get(other)


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    diverged = replace(GOOD, values=replace(GOOD.values, test_loss=math.nan))
    with pytest.raises(RecordError, match=r"the record to write is damaged: .*null.*test_loss"):
        Store(tmp_path).add(diverged)
    assert list(tmp_path.iterdir()) == []


def test_a_newer_record_that_does_not_fit_is_called_newer(tmp_path: Path) -> None:
    content = json.loads(TEXT)
    content["schema"], content["values"] = 2, []
    assert "has schema 2; this attnbench reads up to 1" in problem_with(tmp_path, json.dumps(content).encode())


@pytest.mark.parametrize("change", [gc.enable, gc.disable])
def test_reading_leaves_the_garbage_collector_as_it_was(tmp_path: Path, change: Callable[[], None]) -> None:
    try:
        change()
        before = gc.isenabled()
        Store(tmp_path).read()
        assert gc.isenabled() is before
    finally:
        gc.enable()


def test_an_old_record_is_read_for_ever() -> None:
    record = Store(OLD_RECORD.parent).get(OLD_RECORD.stem)
    assert (record.spec.attention, record.spec.seed, record.spec.recipe.epochs) == ("cbam", 1, 3)
    assert record.values.test_top1_percent == 84.81000065803528
    assert np.count_nonzero(record.test_correct.unpack()) == 8_481
    assert record.values.num_attention_modules == 0  # a field that it does not have yet
    assert Record.from_json(record.to_json(), source="again") == record


def test_a_problem_is_one_line_without_control_characters(tmp_path: Path) -> None:
    name = "aten::\x1b[31mX\nrm"
    problem = problem_with(tmp_path, changed("values", "uncounted_operators", to={name: 0}))
    assert "\x1b" not in problem
    assert "\\x1b[31mX rm must lie in" in problem
