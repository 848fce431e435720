from pathlib import Path

import numpy as np
import pytest

from attnbench.errors import AttnBenchError
from attnbench.record import Store
from benchmarks import report_scale
from benchmarks.report_scale import Design, Spent

SMALL = "--leaderboards 2 --variants 2 --seeds 3 --images 100 --epochs 2 --repeats 2"


def test_the_records_are_whole_and_make_the_leaderboards(tmp_path: Path) -> None:
    design = Design(leaderboards=30, variants=2, seeds=2, images=2_000, epochs=5)
    num_bytes = report_scale.make_store(design, tmp_path / "records")
    records, problems = Store(tmp_path / "records").read()
    assert problems == []
    assert len(records) == design.records == 120
    assert num_bytes == sum(file.stat().st_size for file in (tmp_path / "records").iterdir())
    of_boards = {(record.spec.backbone, record.spec.data, record.spec.recipe) for record in records}
    assert len(of_boards) == 30
    assert 80 < np.mean([record.values.test_top1_percent for record in records]) < 90
    assert all(len(record.curve) == 5 for record in records)


def test_a_report_is_timed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "report-scale.txt"
    report_scale.main([*SMALL.split(), "--output", str(path)])
    text = path.read_text()
    assert text == capsys.readouterr().out
    assert f"python benchmarks/report_scale.py {SMALL}\n" in text
    assert "12 records of " in text
    (peak,) = (line for line in text.splitlines() if line.startswith("peak memory MB"))
    # A process begins with what the one that starts it has, which is here that of all tests before.
    assert 20 < int(peak.split()[3]) < 20_000


def test_minimum_median_and_maximum_are_held_to_the_limits() -> None:
    spent = [Spent(wall_s, 1.0, 0.1, 250.0) for wall_s in (1.5, 9.0, 1.9)]
    lines, kept = report_scale.table(spent)
    assert kept
    assert lines[1].split() == ["wall", "s", "1.50", "1.90", "9.00", "under", "2:", "kept"]
    lines, kept = report_scale.table([Spent(1.0, 1.0, 0.1, 300.0)])
    assert not kept
    assert lines[-1].endswith("under 300: NOT KEPT")


def test_a_report_that_fails_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(AttnBenchError, match="attnbench report ended with code 2"):
        report_scale.report_on(tmp_path / "nowhere")
