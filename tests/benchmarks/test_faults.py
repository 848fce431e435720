"""Commands that are stopped at random moments leave what undisturbed ones leave; the long form has many moments."""

import random
from dataclasses import replace

import pytest

from benchmarks.faults.__main__ import KINDS, is_wrong, main
from benchmarks.faults.kinds import Outcome
from benchmarks.faults.stopping import Told


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "moments"), [("suite", 2), ("suite-workers", 2), ("study", 2), ("writing", 10)])
def test_a_few_moments_lose_nothing(kind: str, moments: int) -> None:
    outcome = KINDS[kind](moments, random.Random(kind))
    assert not is_wrong(outcome), str(outcome)  # pytest would shorten the object
    assert outcome.moments == sum(outcome.told.moments.values()) > 0


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_fifty_moments_lose_nothing(kind: str) -> None:
    outcome = KINDS[kind](50, random.Random())
    assert not is_wrong(outcome), str(outcome)  # pytest would shorten the object
    assert outcome.moments >= 50


RIGHT = Outcome(what="suite", moments=3, lost=0, doubled=0, differing=0, unreadable=0, told=Told())


@pytest.mark.parametrize(
    "wrong",
    [
        *(replace(RIGHT, **{name: 1}) for name in ("lost", "doubled", "differing", "unreadable")),
        replace(RIGHT, told=Told(left_alive=1)),
        replace(RIGHT, told=Told(tracebacks=["Traceback"])),
        replace(RIGHT, told=Told(wrong_codes=["1 after SIGTERM"])),
    ],
)
def test_whatever_is_wrong_fails(
    wrong: Outcome, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(KINDS, "suite", lambda moments, chance: wrong)
    assert main(["--what", "suite"]) == 1
    monkeypatch.setitem(KINDS, "suite", lambda moments, chance: RIGHT)
    assert main(["--what", "suite", "--moments", "3"]) == 0
    assert "python -m benchmarks.faults --moments 3 --seed 0 --what suite" in capsys.readouterr().out
