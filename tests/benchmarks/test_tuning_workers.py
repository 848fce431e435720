from pathlib import Path

import pytest

from benchmarks import tuning_workers
from benchmarks.tuning_workers import Searched

SMALL = (
    "--repeats 2 --trials 2 --epochs 1 --backbone cifar-resnet:depth=8,stem_stride=2,width=8 "
    "--data cluttered-digits:test_images=40,train_images=160,validation_images=40"
)


@pytest.mark.slow
def test_searches_are_timed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "new" / "tuning-workers.txt"
    assert tuning_workers.main([*SMALL.split(), "--output", str(path)]) == 0
    text = path.read_text()
    assert text == capsys.readouterr().out
    assert f"python benchmarks/tuning_workers.py {SMALL}\n" in text
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line[:1] in ("1", "2")}
    assert set(rows) == {"1", "2"}
    for row in rows.values():
        at_work, with_start, idle_s = (float(row[place]) for place in (0, 4, 8))
        assert at_work > with_start > 0
        assert idle_s > 0


def test_ratios_are_of_searches_right_after_each_other() -> None:
    searches = [Searched(1, 8, 100.0, 80.0), Searched(2, 8, 50.0, 40.0), Searched(1, 8, 220.0, 200.0)]
    searches.append(Searched(2, 8, 220.0, 200.0))
    assert tuning_workers.verdict(searches) == [
        "Two workers end 1.50 [1.00 … 2.00] times the trials an hour of one at work,",
        "and 1.50 [1.00 … 2.00] times with the start of the processes.",
    ]
    one = " ".join(tuning_workers.table(searches)[1].split())
    assert one == "1 252 [144 … 360] 209 [131 … 288] 20.0 [20.0 … 20.0]"


@pytest.mark.parametrize("arguments", ["--repeats 1", "--trials 3", "--trials 14"])
def test_what_cannot_be_compared_is_refused(arguments: str) -> None:
    with pytest.raises(SystemExit):
        tuning_workers.main(arguments.split())
