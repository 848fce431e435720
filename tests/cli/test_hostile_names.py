"""Names in records and files that are control sequences, markup or code of a format: what is printed holds none."""

from pathlib import Path

import pytest
from PIL import Image

from attnbench.cli import main
from attnbench.detection_record import DetectionStore
from attnbench.efficiency_record import EfficiencyStore
from attnbench.record import Store
from tests.data.detection.conftest import an_object, write_json
from tests.detection_records import make_detection_record
from tests.efficiency_records import make_counts, make_row, make_timing
from tests.records import make_record

HOSTILE = ("\x1b]0;title\x07\x1b[2J", "[red]x[/red][/]", "\u202egnp.exe\u2066", r"\input{x}$&%#_^~{}", "a|b`<i>")


@pytest.fixture(params=HOSTILE, ids=["control", "markup", "direction", "latex", "markdown"])
def text(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A name, of which a folder of records is full."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    named: str = request.param
    place = {"backbone": named, "processor": named, "device": named, "platform": named}
    for attention, seed in (("none", 0), ("none", 1), (named, 0), (named, 1)):
        Store(Path("runs")).add(make_record(attention, seed, 80.0 + seed, data=named, **place))
        DetectionStore(Path("detected")).add(
            make_detection_record(attention, seed, data=named, detector=named, **place)
        )
    for attention in ("none", named):
        timings = [make_timing(phase, [5.0, 6.0, 7.0] * 4) for phase in ("inference", "latency")]
        errors = {"training": named} if attention == named else {}
        row = make_row(attention, *timings, counts=make_counts(), errors=errors, session=named, **place)
        EfficiencyStore(Path("rows")).add(row)
    return named


@pytest.mark.parametrize("format_", ["table", "markdown", "latex", "csv", "json", "html"])
@pytest.mark.parametrize("store", ["runs", "detected"])
def test_reports_hold_no_control_characters(
    store: str, format_: str, text: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["report", store, "--format", format_]) == 0
    check_harmless(capsysbinary)


def test_other_commands_print_none(text: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    record = next(iter(Store(Path("runs")))).digest
    for words in (
        ["report", "rows"],
        ["efficiency", "--show", "--store", "rows"],
        ["plan", "runs"],
        ["train", "--from-record", f"runs/{record}.json", "--store", "runs"],
        ["train", "--attention", text],
        ["leaderboard", "--set", f"recipe.{text}={text}"],
        ["leaderboard", text],
        ["evaluate", "--checkpoint", text],
    ):
        main(words)
        check_harmless(capsysbinary)


def test_classes_of_annotations_are_printed_as_they_are_but_for_controls(
    text: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    for number in (5, 7):
        Image.new("RGB", (40, 30)).save(f"{number}.png")
    categories = [{"id": 20, "name": text}]
    for name in ("train.json", "test.json"):
        write_json(Path(name), [an_object(1)], categories=categories)
    assert main(["data", "check", "--root", ".", "--annotations", "train.json", "test.json"]) == 0
    assert b"1 classes: " in check_harmless(capsysbinary)


def check_harmless(capsysbinary: pytest.CaptureFixture[bytes]) -> bytes:
    captured = capsysbinary.readouterr()
    printed = (captured.out + captured.err).decode()
    assert printed.replace("\n", "").replace("\r", "").isprintable()
    return captured.out
