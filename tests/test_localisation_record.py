import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from attnbench.errors import RecordError
from attnbench.localisation_record import Localisation
from attnbench.packed import PackedIntegers
from attnbench.record import Record, Store
from attnbench.spec import Measure, RunSpec, digest
from tests.records import make_localisation, make_record

KINDS = ("grad-cam", "attention", "random", "centre", "image")
FOUND = make_localisation({kind: np.linspace(0, 1, 50) for kind in KINDS})  # type: ignore[misc]
RECORD = make_record(localisation=FOUND)


def test_comes_back_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(RECORD)
    (back,), problems = store.read()
    assert problems == []
    assert back == RECORD
    assert back.localisation is not None
    assert [scores.kind for scores in back.localisation.maps] == list(KINDS)
    energy = back.localisation.maps[0].energy.unpack()
    np.testing.assert_array_equal(energy, np.rint(10_000 * np.linspace(0, 1, 50)))


def test_a_record_of_before_there_was_any_keeps_its_digest() -> None:
    plain = make_record()
    content = json.loads(plain.to_json())
    assert content.pop("localisation") is None
    del content["spec"]["measure"]["localisation_images"]
    assert Record.from_json(json.dumps(content).encode(), source="a.json") == plain
    assert plain.digest == "f501cefd97b3a24f" != RECORD.digest


def test_the_number_of_images_belongs_to_the_digest() -> None:
    specs = [
        RunSpec(attention="sge", backbone="resnet18", data="digits", measure=Measure(localisation_images=number))
        for number in (0, 50, 51)
    ]
    assert len({digest(spec) for spec in specs}) == 3


def test_no_more_images_are_wanted_than_there_are() -> None:
    spec = replace(RECORD.spec, measure=Measure(localisation_images=20_000))
    everything = make_localisation({"grad-cam": np.full(10_000, 0.5)})
    record = replace(RECORD, spec=spec, digest=digest(spec), localisation=everything)
    assert Record.from_json(record.to_json(), source="a.json") == record


def with_map(place: int, **fields: Any) -> Localisation:
    maps = list(FOUND.maps)
    maps[place] = replace(maps[place], **fields)
    return replace(FOUND, maps=tuple(maps))


def packed(*values: int) -> PackedIntegers:
    return PackedIntegers.pack(np.array(values))


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (None, "it must hold localisation of 50 images; got none"),
        (replace(FOUND, num_images=49), "localisation must be of 50 images; got 49"),
        (with_map(1, kind="grad-cam"), "localisation must hold each kind of map once; got grad-cam, grad-cam, random"),
        (replace(FOUND, object_share=1.5), r"object_share must lie in \[0, 1\]; got 1.5"),
        (with_map(3, threshold=-0.1), r"the threshold of centre must lie in \[0, 1\]; got -0.1"),
        (with_map(2, energy=packed(1, 2, 3)), "energy of random must be of 50 images; got 3"),
        (with_map(1, iou=packed(*[10_001] * 50)), "iou of attention must not exceed 10000; got 10001"),
        (with_map(0, iou=replace(FOUND.maps[0].iou, bytes_each=3)), "bytes_each of iou of grad-cam must be 1, 2, 4"),
        (with_map(0, energy=replace(FOUND.maps[0].energy, data="gQ=")), "energy of grad-cam must be base64"),
        (with_map(0, energy=replace(FOUND.maps[0].energy, data="")), "must hold 50 integers of 2 bytes; got 0 bytes"),
    ],
)
def test_what_contradicts_itself_is_said(found: Localisation | None, fault: str) -> None:
    with pytest.raises(RecordError, match=f"^a.json is damaged: .*{fault}"):
        Record.from_json(replace(RECORD, localisation=found).to_json(), source="a.json")


def test_what_was_not_asked_for_is_a_fault() -> None:
    for extra in (FOUND, replace(FOUND, num_images=0, maps=())):
        with pytest.raises(RecordError, match="must hold no localisation, which its spec does not ask for"):
            Record.from_json(replace(make_record(), localisation=extra).to_json(), source="a.json")


def test_an_unknown_kind_of_map_is_no_record() -> None:
    text = RECORD.to_json().replace(b'"centre"', b'"corner"')
    with pytest.raises(RecordError, match="corner"):
        Record.from_json(text, source="a.json")
