import pytest

from attnbench.errors import SpecError
from attnbench.executors import joined
from attnbench.executors.choice import Choice
from attnbench.executors.joined import choice_of_joined
from attnbench.starting import Start


def test_a_process_alone_has_every_choice() -> None:
    assert choice_of_joined(Choice(workers=4)) == Choice(workers=4)


def test_processes_that_have_joined_do_one_run_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    start = Start(by="srun", index=0, number=4, num_nodes=2)
    monkeypatch.setattr(joined, "joined_start", lambda: start)
    assert choice_of_joined(Choice()) == choice_of_joined(Choice(workers=1)) == Choice(workers=1)
    for choice, said in (
        (Choice(workers=2), "got --executor local, --workers 2, allowed: --executor local, --workers 1$"),
        (Choice(run_timeout_s=60), "^srun has started 4 processes, .* got --executor local, --run-timeout 60"),
        (Choice(kind="ray"), "got --executor ray, allowed"),
    ):
        with pytest.raises(SpecError, match=said):
            choice_of_joined(choice)
