import io

import numpy as np
import pytest
from rich.console import Console

from attnbench.record import Record
from attnbench.report import leaderboard, leaderboards, render
from attnbench.report.leaderboard.board import Leaderboard
from attnbench.report.leaderboard.cells import TablePart
from attnbench.report.leaderboard.table import leaderboard_table
from tests.records import make_localisation, make_record
from tests.report.leaderboard.further import NUM_IMAGES, further_board, further_records

KINDS = ("grad-cam", "attention", "random", "centre", "image")


def record(name: str, seed: int, energy: float, **controls: float) -> Record:
    """Maps of two images, one above and one below a share."""
    energies = {"grad-cam": energy, **({"attention": energy / 2} if name != "none" else {}), **controls}
    found = make_localisation({kind: np.array([mean - 0.1, mean + 0.1]) for kind, mean in energies.items()})  # type: ignore[misc]
    return make_record(name, seed, localisation=found)


def part_of(board: Leaderboard) -> TablePart:
    (part,) = (part for part in leaderboard_table(board).parts if part.name == "Localisation")
    return part


def notes_of(board: Leaderboard) -> str:
    return "\n".join(part_of(board).notes)


def test_means_of_maps_and_of_controls_by_known_numbers() -> None:
    board = leaderboard([
        record("none", 0, 0.3, random=0.12), record("none", 1, 0.4, random=0.14),
        record("se", 0, 0.5, random=0.12), record("se", 1, 0.6, random=0.14),
    ])  # fmt: skip
    found = board.localisation
    assert found is not None
    assert (found.num_images, found.num_validation_images, found.object_share_percent) == (2, 100, 12.0)
    assert found.variants["none"]["grad-cam"].energy.percent == pytest.approx(35.0)
    assert found.variants["se"]["grad-cam"].energy.percent == pytest.approx(55.0)
    assert found.variants["se"]["grad-cam"].iou.percent == pytest.approx(27.5)
    assert found.variants["se"]["attention"].energy.percent == pytest.approx(27.5)
    assert "attention" not in found.variants["none"]
    assert set(found.controls) == {"random"}
    # Both variants of a seed have the same control, so two seeds are two and not four.
    assert found.controls["random"].energy.percent == pytest.approx(13.0)
    assert found.controls["random"].energy.seeds == (0, 1)
    difference = found.variants["se"]["grad-cam"].energy.difference
    assert difference is not None
    assert difference.mean == pytest.approx(20.0)
    assert found.variants["se"]["attention"].energy.difference is None


def test_the_table_has_the_controls_below_the_variants_in_the_columns_of_both_maps() -> None:
    part = part_of(further_board())
    assert part.rows[:3] == tuple(row.variant for row in further_board().rows)
    assert part.rows[3:] == ("control: random", "control: centre", "control: image")
    texts = {column.header.replace("\n", " "): [cell.text for cell in column.cells] for column in part.columns}
    assert list(texts) == [
        "Grad-CAM on object %", "Δ", "Grad-CAM IoU %", "attention on object %", "attention IoU %", "layer",
    ]  # fmt: skip
    assert texts["Grad-CAM on object %"][3:] == texts["attention on object %"][3:]
    none = part.rows.index("none")
    assert [texts[header][none] for header in ("attention on object %", "attention IoU %", "layer", "Δ")] == [""] * 4
    assert texts["layer"][part.rows.index("sge")] == "layer3.2"
    assert all(text.endswith("*") for name, text in zip(part.rows, texts["Δ"], strict=True) if name in ("se", "sge"))
    layers = part.columns[-1].cells[part.rows.index("sge")]
    assert (layers.beside, layers.raw) == ("or layer2.2", ("layer3.2", 6))


def test_without_a_baseline_there_is_no_difference() -> None:
    part = part_of(leaderboard(record for record in further_records() if record.spec.attention != "none"))
    assert [column.header.replace("\n", " ") for column in part.columns][:2] == [
        "Grad-CAM on object %", "Grad-CAM IoU %",
    ]  # fmt: skip


def test_without_attention_maps_there_are_no_columns_of_them() -> None:
    board = leaderboard(further_records(("none",), num_seeds=2))
    assert [column.header.replace("\n", " ") for column in part_of(board).columns] == [
        "Grad-CAM on object %", "Grad-CAM IoU %",
    ]  # fmt: skip
    assert "No attention maps: none." in notes_of(board)
    assert "Attention is of the layer" not in notes_of(board)


def test_notes_say_what_the_numbers_are() -> None:
    notes = notes_of(further_board())
    for words in (
        "over the first 80 test images (the energy-based pointing game of Wang et al., Score-CAM, arXiv 1910.01279)",
        "best on 100 validation images",
        "has the object's share of the image: 12.00 %",
        "Grad-CAM is of layer3, for the true class. Attention is what the module leaves of each position",
        "No attention maps: none.",
        "random is uniform noise",
        "95 % interval over seeds and test images; in brackets",
        "* passes a permutation test over seeds, at 5 % after Holm's correction for the 2 comparisons.",
    ):
        assert words in notes
    # Variants have 30 % and more on the object, the attention of se 23 %: all more than the centre's 25 % but that.
    assert "No more on the object than centre by their means: attention of se." in notes


def test_a_map_above_all_controls_is_not_named_with_them() -> None:
    board = leaderboard(
        [record("none", 0, 0.5, centre=0.2, random=0.12), record("se", 0, 0.5, centre=0.2, random=0.12)]
    )
    assert "shows nothing." in notes_of(board)
    assert "by their means" not in notes_of(board)
    at = leaderboard([record("none", 0, 0.5, centre=0.5), record("se", 0, 0.5, centre=0.5)])
    assert "No more on the object than centre by their means: Grad-CAM of none and se; attention of se." in notes_of(at)


def test_one_seed_speaks_of_images_alone_and_says_so() -> None:
    notes = notes_of(further_board(num_seeds=1))
    assert "over test images alone, of the networks of one seed: what another seed would give is not known;" in notes
    assert "† passes Student's paired t test over images, and says nothing of other seeds" in notes
    assert "permutation" not in notes


def test_few_seeds_are_said_to_allow_no_star() -> None:
    notes = notes_of(further_board(num_seeds=3))
    assert "With these seeds no star is possible, however large a difference is: that takes 7 seeds." in notes


def test_test_images_of_one_source_are_drawn_together() -> None:
    def half_width(**fields: object) -> float:
        found = leaderboard(further_records(num_seeds=2, **fields)).localisation  # type: ignore[arg-type]
        assert found is not None
        width = found.variants["se"]["grad-cam"].energy.half_width
        assert width is not None
        return width

    assert half_width(sources=np.arange(NUM_IMAGES) // 40) != half_width()


def test_records_with_it_and_without_share_no_table() -> None:
    boards = leaderboards([*further_records(num_seeds=2), *further_records(num_seeds=2, localises=False)])
    assert sorted(board.localisation is None for board in boards) == [False, True]
    assert [len(board.rows) for board in boards] == [3, 3]


def test_a_record_without_maps_leaves_its_cells_empty() -> None:
    bare = make_localisation({"random": np.array([0.1, 0.2])})
    part = part_of(leaderboard([make_record("none", localisation=bare), record("se", 0, 0.5, random=0.15)]))
    (energies,) = (column for column in part.columns if "grad_cam_on_object_percent" in column.keys)
    assert energies.cells[part.rows.index("none")].text == ""


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_the_terminal_shows_the_controls_whatever_its_width(width: int) -> None:
    written = io.StringIO()
    board = further_board()
    Console(file=written, width=width).print(render(board))
    text = written.getvalue()
    assert max(map(len, text.splitlines())) <= width
    table = text.split("\nLocalisation\n")[1].split("On object:")[0]
    assert table.count("control: random") == (1 if width >= 100 else 2)
    assert board.localisation is not None
    for control in board.localisation.controls.values():
        assert table.count(f" {control.energy.percent:.2f} ") == 2
