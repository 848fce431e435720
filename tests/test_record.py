import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest

from attnbench.errors import RecordError, StoreError
from attnbench.packed import PackedBits
from attnbench.record import SCHEMA, Record, Store, without_timing
from tests.records import make_record


@pytest.mark.parametrize("num_bits", [0, 1, 8, 13])
def test_packed_bits_come_back(num_bits: int) -> None:
    bits = np.random.default_rng(num_bits).random(num_bits) < 0.5
    np.testing.assert_array_equal(PackedBits.pack(bits).unpack(), bits)


def test_packs_the_first_into_the_highest_bit() -> None:
    assert PackedBits.pack(np.array([True, False, False, False, False, False, False, True])).data == "gQ=="


def test_a_record_comes_back_whole(tmp_path: Path) -> None:
    record = make_record()
    file = Store(tmp_path / "new").add(record)
    assert file == tmp_path / "new" / f"{record.digest}.json"
    assert Store(tmp_path / "new").get(record.digest) == record
    assert os.listdir(file.parent) == [file.name]


def test_a_record_is_never_rewritten(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = make_record(top1=80.0)
    store.add(first)
    store.add(make_record(top1=70.0))
    assert list(store) == [first]


def test_damaged_records_are_named_and_the_others_shown(tmp_path: Path) -> None:
    store = Store(tmp_path)
    good, cut, edited = (make_record(seed=seed) for seed in range(3))
    for record in (good, cut, edited):
        store.add(record)
    text = store.file_of(cut.digest).read_bytes()
    store.file_of(cut.digest).write_bytes(text[: len(text) // 2])
    data = json.loads(store.file_of(edited.digest).read_bytes())
    data["spec"]["recipe"]["epochs"] += 1
    store.file_of(edited.digest).write_text(json.dumps(data))
    (tmp_path / "notes.json").write_text("[]")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    records, problems = store.read()
    assert records == [good]
    assert len(problems) == 4
    assert any(cut.digest in problem and "damaged" in problem for problem in problems)
    assert any(edited.digest in problem and "its spec has the digest" in problem for problem in problems)


def test_a_newer_schema_is_not_guessed_at() -> None:
    text = dataclasses.replace(make_record(), schema=SCHEMA + 1).to_json()
    with pytest.raises(RecordError, match=f"x has schema {SCHEMA + 1}; this attnbench reads up to {SCHEMA}"):
        Record.from_json(text, source="x")


def test_a_new_field_of_a_later_version_is_ignored() -> None:
    data = json.loads(make_record().to_json())
    data["later"] = 1
    assert Record.from_json(json.dumps(data).encode(), source="x") == make_record()


def test_a_record_without_the_later_fields_is_read() -> None:
    content = json.loads(make_record(num_replaced=13).to_json())
    del content["values"]["num_attention_modules"], content["values"]["num_replaced"]
    values = Record.from_json(json.dumps(content).encode(), source="old").values
    assert (values.num_attention_modules, values.num_replaced) == (0, 0)


def test_a_missing_store_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no store of records at"):
        Store(tmp_path / "none").read()


def test_a_store_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot write a record into .*file"):
        Store(tmp_path / "file").add(make_record())


def test_a_record_that_is_set_aside_makes_room(tmp_path: Path) -> None:
    store = Store(tmp_path)
    record = make_record()
    store.file_of(record.digest).write_text("{")
    store.set_aside(record.digest)
    assert record.digest not in store
    store.add(record)
    assert store.get(record.digest) == record


def test_everything_but_the_timing_is_compared() -> None:
    record = make_record()
    later = dataclasses.replace(record, timing=dataclasses.replace(record.timing, wall_s=1e9))
    assert without_timing(record) == without_timing(later)
    assert without_timing(record) != without_timing(make_record(top1=12.0))
