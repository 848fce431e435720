import numpy as np
import pytest

from attnbench.presets.published import published_for
from attnbench.record import Record
from attnbench.report import leaderboard
from attnbench.report.leaderboard.cells import TableColumn
from attnbench.report.leaderboard.table import LeaderboardTable, leaderboard_table
from tests.records import make_record

MEANS = {"none": 85.0, "sge": 86.0, "se": 84.0, "ge": 85.0}


def clear(num_seeds: int = 10, **settings: str) -> list[Record]:
    """Two variants that are better and worse than the baseline beyond doubt, and one that is like it."""
    return [
        make_record(variant, seed, mean + 0.1 * int(np.random.default_rng([place, seed]).integers(3)), **settings)  # type: ignore[arg-type]
        for place, (variant, mean) in enumerate(MEANS.items())
        for seed in range(num_seeds)
    ]


def table_of(records: list[Record]) -> LeaderboardTable:
    return leaderboard_table(leaderboard(records))


def column(table: LeaderboardTable, key: str) -> TableColumn:
    (found,) = (column for column in table.columns if key in column.keys)
    return found


def bold(table: LeaderboardTable, key: str) -> list[str]:
    return [name for name, cell in zip(table.names, column(table, key).cells, strict=True) if cell.stands_out]


def test_every_cell_has_a_value_for_each_key() -> None:
    table = table_of(clear())
    for found in table.columns:
        assert {len(cell.raw) for cell in found.cells} == {len(found.keys)}
    keys = [key for found in table.columns for key in found.keys]
    assert len(keys) == len(set(keys))


def test_values_are_raw_and_texts_are_rounded() -> None:
    board = leaderboard(clear())
    table, row = leaderboard_table(board), board.rows[0]
    difference = row.top1_difference
    assert difference is not None
    top1 = column(table, "top1_percent").cells[0]
    assert top1.raw == (row.top1_percent.mean, row.top1_percent.half_width, 10)
    assert top1.text == f"{row.top1_percent.mean:.2f}"
    found = column(table, "p_value").cells[0]
    assert found.raw[:6] == (
        difference.mean, difference.low, difference.high, 10, difference.test.p_value, difference.p_corrected,
    )  # fmt: skip
    assert found.text.endswith("*")


def test_only_winners_that_are_winners_are_bold() -> None:
    table = table_of(clear())
    assert table.names[0] == "sge"
    assert bold(table, "top1_percent") == ["sge"]
    assert bold(table, "top1_difference_percent") == ["sge"]
    untested = table_of([*clear(), make_record("bam", 0, 86.0)])
    assert bold(untested, "top1_percent") == ["sge"]
    few = table_of(clear(num_seeds=3))
    assert bold(few, "top1_percent") == bold(few, "top1_difference_percent") == []


def test_a_winner_is_not_shown_to_be_beaten() -> None:
    # se beats none and is beaten by sge; it shares a letter with the first, cbam, which is too noisy to be told.
    generator = np.random.default_rng(0)
    noisy = [make_record("cbam", seed, 87.0 + 6 * float(generator.normal())) for seed in range(10)]
    means = {"sge": 86.0, "se": 85.0, "none": 84.0}
    others = [make_record(name, seed, mean + 0.01 * seed) for name, mean in means.items() for seed in range(10)]
    table = table_of([*noisy, *others])
    assert table.names[0] == "cbam"
    assert bold(table, "top1_percent") == ["sge"]
    assert bold(table, "top1_difference_percent") == ["sge"]


def test_what_is_infinite_is_none() -> None:
    few = table_of(clear(num_seeds=3))
    assert [cell.raw[-1] for cell in column(few, "smallest_detectable_percent").cells] == [None] * 4


def test_published_numbers_have_their_own_columns() -> None:
    networks = {"data": "imagenet:workers=8", "backbone": "resnet50:zero_init_last=false"}
    table = table_of(clear(2, **networks))
    published = [found for found in table.columns if found.source]
    assert [found.header for found in published] == ["params M", "GFLOPs", "top-1 %"]
    by_name = {name: [found.cells[place].text for found in published] for place, name in enumerate(table.names)}
    assert by_name == {
        "none": ["25.56", "4.122", "76.38"],
        "se": ["28.09", "4.130", "77.18"],
        "sge": ["25.56", "4.127", "77.58"],
        "ge": ["", "", ""],
    }
    assert table.notes[-1] == "Published columns are the numbers of Li, Hu, Yang, arXiv 1905.09646, not measured here."
    assert not [found for found in table_of(clear(2)).columns if found.source]


@pytest.mark.parametrize(
    ("data", "backbone", "attention", "model"),
    [
        ("imagenet", "resnet101", "bam", "BAM-ResNet101"),
        ("imagenet", "resnet101", "cbam:source=official", "CBAM-ResNet101"),
        ("imagenet", "resnet50", "sk:source=official", "SK-ResNet50*"),
        ("imagenet", "resnet50", "sk", None),
        ("imagenet", "resnet50", "sge:groups=32", None),
        ("imagenet", "resnet50:drop_path_rate=0.1", "sge", None),
        ("imagenet", "resnet34", "sge", None),
        ("folder", "resnet50", "sge", None),
    ],
)
def test_published_rows_are_of_the_same_network(data: str, backbone: str, attention: str, model: str | None) -> None:
    row = published_for(data, backbone, attention)
    assert (row.model if row else None) == model
