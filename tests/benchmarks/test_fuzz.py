import pytest

from attnbench.errors import SpecError
from benchmarks.fuzz import __main__ as fuzz
from benchmarks.fuzz import targets
from benchmarks.fuzz.targets import LONGEST_MESSAGE, TARGETS, outcome


def refuse(message: str) -> None:
    raise SpecError(message)


def test_a_refusal_is_one_printable_line() -> None:
    assert outcome(lambda: refuse("groups must divide channels; got groups=48, channels=256")) is None
    for message in ("", "two\nlines", "\x1b[31mred", "a" * (LONGEST_MESSAGE + 1)):
        with pytest.raises(ValueError, match="no sentence"):
            outcome(lambda message=message: refuse(message))
    with pytest.raises(KeyError):
        outcome(lambda: {}["no sentence of ours"])


def test_what_does_not_come_back_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    suite = b"{attention: [sge], backbone: a, data: b, seeds: [3]}"
    TARGETS["spec"](suite)
    monkeypatch.setattr(targets, "to_yaml", lambda spec: "{attention: [sge], backbone: a, data: b}")
    with pytest.raises(ValueError, match="broken: a suite must come back"):
        TARGETS["spec"](suite)


@pytest.mark.parametrize("target", sorted({*fuzz.SEED_FILES, *fuzz.SEED_TEXTS}))
def test_fuzzing_begins_with_what_is_valid(target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def accepted(read):
        return read()

    monkeypatch.setattr(targets, "outcome", accepted)
    seeds = list(fuzz.seeds_of(target))
    assert seeds
    for seed in seeds:
        TARGETS[target](seed)


def test_without_atheris_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fuzz, "find_spec", lambda name: None)
    assert fuzz.main(["--seconds", "1"]) == 2
    assert capsys.readouterr().out.splitlines() == [
        "fuzzing needs atheris, which has wheels for some Pythons only: pip install attnbench[fuzz]"
    ]


@pytest.mark.long
@pytest.mark.parametrize("target", TARGETS)
def test_no_input_that_reaches_new_code_breaks_a_reader(target: str) -> None:
    pytest.importorskip("atheris", reason="atheris has wheels for some Pythons only")
    fuzzed = fuzz.fuzz(target, seconds=30)
    assert fuzzed.found is None
    assert fuzzed.executions > 0


@pytest.mark.long
def test_a_reader_that_breaks_its_promise_is_reported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("atheris", reason="atheris has wheels for some Pythons only")
    monkeypatch.setattr(fuzz, "_MOST_MEGABYTES", 1)  # no process is that small
    assert fuzz.main(["--seconds", "30", "--target", "variant"]) == 1
    output = capsys.readouterr()
    assert "variant: " in output.out
    assert "1 crash" in output.out
    assert "out-of-memory" in output.err
