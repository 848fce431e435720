import io
from dataclasses import replace

import pytest
from rich.console import Console

from attnbench.efficiency_record import EfficiencyRecord
from attnbench.errors import SpecError
from attnbench.report import layers, render_layers
from tests.efficiency_records import make_counts, make_row

FULL = {"": 1_000, "stem": 100, "block": 850, "block.conv": 600, "block.att": 200, "block.att.fc": 50, "pool": 0}
FVCORE = {**FULL, "": 900, "block": 800, "block.att": 150}
PUBLISHED = {"": 800, "stem": 100, "block": 700, "block.conv": 700, "block.att": 0, "block.att.fc": 0, "pool": 0}


def record(attention: str = "se") -> EfficiencyRecord:
    by_module = {"full": FULL, "fvcore": FVCORE, "published": PUBLISHED}
    counts = make_counts(
        1_000_000, 900_000, 800_000,
        by_module={name: {key: 1_000 * count for key, count in own.items()} for name, own in by_module.items()},
    )  # fmt: skip
    return make_row(attention, counts=counts)


def show(shown: EfficiencyRecord, *, width: int = 80, encoding: str = "utf-8") -> str:
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=pipe, width=width).print(render_layers(shown))
    pipe.seek(0)
    return pipe.read()


def test_each_operation_stands_once_in_the_models_order() -> None:
    found = layers(record())
    assert [(layer.name, *(count // 1000 for count in layer.own.values())) for layer in found] == [
        ("", 50, 0, 0),
        ("stem", 100, 100, 100),
        ("block", 50, 50, 0),
        ("block.conv", 600, 600, 700),
        ("block.att", 150, 100, 0),
        ("block.att.fc", 50, 50, 0),
    ]
    for convention, total in (("full", 1_000_000), ("fvcore", 900_000), ("published", 800_000)):
        assert sum(layer.own[convention] for layer in found) == total  # type: ignore[index]


def test_a_convention_that_knows_fewer_modules_loses_nothing() -> None:
    shown = record()
    assert shown.counts is not None
    flops = dict(shown.counts.flops)
    # "block.att" is not named, so that its child belongs to "block".
    flops["published"] = replace(flops["published"], by_module={"": 9, "block": 7, "block.att.fc": 4})
    found = layers(replace(shown, counts=replace(shown.counts, flops=flops)))
    assert {layer.name: layer.own["published"] for layer in found if layer.own["published"]} == {
        "": 2,
        "block": 3,
        "block.att.fc": 4,
    }


def test_a_row_that_was_not_counted_has_no_layers() -> None:
    with pytest.raises(SpecError, match="se was not counted"):
        layers(make_row("se"))


@pytest.mark.parametrize("width", [50, 80, 120])
def test_the_table_adds_up(width: int) -> None:
    lines = [line.split() for line in show(record(), width=width).split("\n\n")[1].splitlines()]
    assert lines[0] == ["module", "full", "fvcore", "published", "%", "of", "full"]
    assert lines[1] == ["(the", "model)", "0.050", "0.000", "0.000", "5.00"]
    assert lines[4] == ["block.conv", "0.600", "0.600", "0.700", "60.00"]
    assert lines[-1] == ["total", "1.000", "0.900", "0.800", "100.00"]
    assert len(lines) == 8


def test_names_are_no_markup() -> None:
    text = show(record("[red]x\x1b[0m"), encoding="ascii")
    assert "Layers of [red]x\\x1b[0m in resnet50" in text
    assert "\x1b" not in text
