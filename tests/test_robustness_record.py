import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from attnbench.errors import RecordError, SpecError
from attnbench.packed import PackedBits
from attnbench.record import Record, Store
from attnbench.robustness_record import Corrupted
from attnbench.spec import CORRUPTIONS, Measure, RunSpec, digest
from tests.records import make_record, make_robustness

FOUND = make_robustness({"noise": {0.5: 80.0, 1.0: 60.0}, "blur": {1.0: 70.0, 2.0: 40.0}})
RECORD = make_record(robustness=FOUND)


def test_comes_back_whole(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.add(RECORD)
    (back,), problems = store.read()
    assert problems == []
    assert back == RECORD
    assert back.robustness is not None
    assert [(one.corruption, one.strength, one.test_correct.num_true) for one in back.robustness] == [
        ("noise", 0.5, 8_000),
        ("noise", 1.0, 6_000),
        ("blur", 1.0, 7_000),
        ("blur", 2.0, 4_000),
    ]


def test_a_record_of_before_there_was_any_keeps_its_digest() -> None:
    plain = make_record()
    content = json.loads(plain.to_json())
    assert content.pop("robustness") is None
    del content["spec"]["measure"]["corruptions"]
    assert Record.from_json(json.dumps(content).encode(), source="a.json") == plain
    assert plain.digest == "f501cefd97b3a24f" != RECORD.digest


def test_corruptions_have_one_order_and_one_digest() -> None:
    specs = [
        RunSpec(attention="sge", backbone="resnet18", data="digits", measure=Measure(corruptions=names))
        for names in (("clutter", "noise"), ("noise", "clutter"))
    ]
    assert [spec.measure.corruptions for spec in specs] == [("noise", "clutter")] * 2
    assert digest(specs[0]) == digest(specs[1])
    with pytest.raises(SpecError, match="each corruption may be named once"):
        Measure(corruptions=(*CORRUPTIONS, "noise"))


def one(corruption: str, strength: float, bits: int = 10_000) -> Corrupted:
    return Corrupted(
        corruption=corruption,  # type: ignore[arg-type]
        strength=strength,
        test_correct=PackedBits.pack(np.arange(bits) % 2 == 0),
    )


@pytest.mark.parametrize(
    ("found", "fault"),
    [
        (None, "robustness must be of the corruptions noise, blur; got none"),
        ((), "robustness must be of the corruptions noise, blur; got none"),
        (FOUND[:2], "robustness must be of the corruptions noise, blur; got noise"),
        (FOUND[::-1], "robustness must be of the corruptions noise, blur; got blur, noise"),
        ((FOUND[0], FOUND[2], FOUND[1]), "robustness must be of the corruptions noise, blur; got noise, blur, noise"),
        ((FOUND[1], FOUND[0], *FOUND[2:]), "the strengths of noise must grow; got 1 and 0.5"),
        ((FOUND[0], FOUND[0], *FOUND[2:]), "the strengths of noise must grow; got 0.5 and 0.5"),
        ((one("noise", 0.0), *FOUND[2:]), "the strengths of noise must be positive; got 0"),
        ((one("noise", -1.0), *FOUND[2:]), "the strengths of noise must be positive; got -1"),
        ((*FOUND[:3], one("blur", 2.5, 9_999)), "test_correct under blur 2.5 must be of 10000 images; got 9999"),
        (
            (*FOUND[:3], replace(FOUND[3], test_correct=PackedBits(num_bits=10_000, data="gQ="))),
            "test_correct under blur 2 must be base64",
        ),
    ],
)
def test_what_contradicts_itself_is_said(found: tuple[Corrupted, ...] | None, fault: str) -> None:
    with pytest.raises(RecordError, match=f"^a.json is damaged: {fault}"):
        Record.from_json(replace(RECORD, robustness=found).to_json(), source="a.json")


def test_what_was_not_asked_for_is_a_fault() -> None:
    with pytest.raises(RecordError, match="must be of the corruptions none; got noise, blur"):
        Record.from_json(replace(make_record(), robustness=FOUND).to_json(), source="a.json")


def test_an_unknown_corruption_is_no_record() -> None:
    text = RECORD.to_json().replace(b'"corruption": "blur"', b'"corruption": "fog"')
    with pytest.raises(RecordError, match="fog"):
        Record.from_json(text, source="a.json")
