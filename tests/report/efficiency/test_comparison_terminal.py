import io
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from attnbench.efficiency_record import EfficiencyRecord
from attnbench.efficiency_spec import Conditions
from attnbench.report.efficiency.comparison import compare
from attnbench.report.efficiency.comparison_terminal import render_comparison
from attnbench.spec import PluginFile
from tests.efficiency_records import LOAD, make_counts, make_row, make_timing
from tests.report.efficiency.test_comparison import NONE, session

GE = "ge:extent=8,parametric=false"
MS = {"none": NONE, "sge": 12.0, GE: 14.0, "[red]x": 9.5}


def stores(**fields: Any) -> tuple[list[EfficiencyRecord], list[EfficiencyRecord]]:
    """Two machines, of which the second is twice as fast but for one row."""
    faster = {variant: ms / 2 for variant, ms in MS.items()} | {"sge": 6.6}
    return session("a", ms=MS, phases=("inference", "latency")), session("b", ms=faster, seed=1, **fields)


def show(
    a: Sequence[EfficiencyRecord],
    b: Sequence[EfficiencyRecord],
    *,
    width: int = 80,
    encoding: str = "utf-8",
    **options: Any,
) -> str:
    """What a pipe of that width gets."""
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=pipe, width=width).print(render_comparison(compare(a, b), **options))
    pipe.seek(0)
    return pipe.read()


def prose(text: str) -> str:
    return " ".join(text.split())


def table_rows(text: str) -> list[str]:
    start = text.index("\n\n", text.index("differ")) + 2
    return [line.rstrip() for line in text[start : text.index("\n\n", start)].splitlines()]


def exact(*ms: float) -> list[EfficiencyRecord]:
    """A store whose rows stand still, so that what is shown can be written by hand."""
    return [
        make_row(variant, make_timing("inference", [time] * 8), counts=make_counts())
        for variant, time in zip(("none", "sge", GE), ms, strict=True)
    ]


def test_table_at_80_columns() -> None:
    assert table_rows(show(exact(10.0, 12.0, 2000.0), exact(0.05, 0.066, 20.0))) == [
        "                        A        B                B / A  (B/base) / (A/base)",
        "variant                ms       ms                 95 %                 95 %",
        "inference, batch 8",
        "  none (baseline)   10.00  0.05000             0.005000",
        "                                    (0.005000–0.005000)",
        "  ge:extent=8,      2,000    20.00              0.01000                2.000",
        "  parametric=false                    (0.01000–0.01000)        (2.000–2.000)",
        "  sge               12.00  0.06600             0.005500                1.100",
        "                                    (0.005500–0.005500)        (1.100–1.100)",
    ]


def test_table_at_120_columns() -> None:
    assert [prose(line) for line in table_rows(show(exact(10.0, 12.0, 20.0), exact(5.0, 6.0, 9.9), width=120))] == [
        "A B B / A (B/base) / (A/base)",
        "variant ms ms 95 % 95 %",
        "inference, batch 8",
        "none (baseline) 10.00 5.000 0.500 (0.500–0.500)",
        f"{GE} 20.00 9.900 0.495 (0.495–0.495) 0.990 (0.990–0.990)",
        "sge 12.00 6.000 0.500 (0.500–0.500) 1.000 (1.000–1.000)",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 99, 100, 120, 200])
def test_nothing_is_cut_off(width: int) -> None:
    text = show(*stores(processor="Other CPU"), width=width)
    assert "…" not in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= width
    if width >= 80:
        shown = "\n".join(table_rows(text))
        for figure in ("sge", "[red]x", "ge:extent=8,", "parametric=false", "none (baseline)", "0.55", "1.10", "0.49"):
            assert figure in shown


def test_names_the_stores_and_what_differs_above_the_table() -> None:
    text = show(*stores(processor="Other CPU", packages={"torch": "2.12.0"}), names=("before", "my [bold]after"))
    assert prose(text).startswith(
        "A: before B: my [bold]after resnet50 at 3×224×224, 1,000 classes, float32, eager, nchw "
        "What differs between A and B: processor: Example CPU 3000 in A, Other CPU in B "
        "torch: 2.11.0 in A, 2.12.0 in B numpy: 2.0.0 in A, none in B A B B / A"
    )


def test_says_where_the_environments_name_no_difference() -> None:
    text = prose(show(*stores()))
    assert (
        "A and B name the same device, processor, threads, versions and revision: they differ by what changes" in text
    )
    assert "What differs" not in text


def test_says_what_has_changed_beside_the_baseline_and_what_cannot_be_told() -> None:
    text = prose(show(exact(10.0, 12.0, 20.0), exact(5.0, 6.6, 9.0)))
    assert "Slower beside the baseline in B than in A, beyond the noise of the rounds: sge (" not in text
    assert (
        "Slower beside the baseline in B than in A, beyond the noise of the rounds: sge in inference (+10.00 %). "
        in text
    )
    assert (
        f"Faster beside the baseline in B than in A, beyond the noise of the rounds: {GE} in inference (−10.00 %). "
        in text
    )
    unclear = prose(show(*stores()))
    assert "beyond the noise of the rounds: sge in inference (+10." in unclear
    assert f"Not to be told apart from A beside the baseline, in inference: [red]x; {GE}. " in unclear
    assert "Faster" not in unclear


def test_says_what_the_intervals_do_not_know() -> None:
    text = prose(show(*stores()))
    assert "not corrected for how many there are, which is 7. " in text
    assert "The intervals know only the rounds of one measurement each." in text
    assert (
        "measure A a second time and compare the two to see by how much. A change that is smaller says nothing." in text
    )


def test_too_few_rounds_have_no_interval_and_no_statement() -> None:
    few = [make_row(name, make_timing("inference", [ms] * 5)) for name, ms in (("none", 10.0), ("sge", 12.0))]
    text = prose(show(few, few))
    assert "1.000 (too few rounds)" in prose(show(few, few, width=120))
    assert "beyond the noise" not in text
    assert "Not to be told apart from A beside the baseline, in inference: sge." in text


def test_names_counts_that_changed_or_that_none_did() -> None:
    a, b = exact(10.0, 12.0, 14.0), exact(10.0, 12.0, 14.0)
    assert "All counts of 3 variants are equal: parameters, buffers" in prose(show(a, b))
    b[1] = replace(b[1], counts=make_counts(full=4_100_000_007, saved_bytes=None))
    text = prose(show(a, b))
    assert "Changed for sge: operations (full), 4,100,000,000 in A and 4,100,000,007 in B (+7)." in text
    assert "Changed for sge: bytes saved for backward at batch 2, 160,000,000 in A and not counted in B." in text
    assert "Versions that are equal count alike." in text
    assert "All counts" not in text


def test_names_what_only_one_store_has_and_what_failed() -> None:
    a, b = stores()
    failed = replace(b[1], errors={"latency": "RuntimeError: [b]out\n of luck"})
    text = prose(show(a[:3], [b[0], failed, b[3]]))
    assert "In B sge failed in latency: RuntimeError: [b]out of luck" in text
    assert f"Only A has: {GE}; none (latency at batch 1); sge (latency at batch 1). " in text
    assert "Only B has: [red]x. " in text


def test_names_what_has_no_counterpart_at_all() -> None:
    a, b = stores(backbone="resnet18")
    text = prose(show(a[:2], b[:1]))
    assert text.startswith("Nothing in A has a counterpart in B. Rows match by backbone, image, classes, precision")
    assert (
        "Only A has: resnet50 at 3×224×224, 1,000 classes, float32, eager, nchw on cpu with 1 thread: none and sge. "
        in text
    )
    assert text.endswith(
        "Only B has: resnet18 at 3×224×224, 1,000 classes, float32, eager, nchw on cpu with 1 thread: none."
    )
    shared = prose(show(a[:1], session(ms={"se": 1.0})))
    assert "A and B share this setup, and no row of it. Only A has: none. Only B has: se." in shared


def test_names_edited_files_several_sessions_and_other_baselines() -> None:
    a, b = stores()
    again = session("c", ms=MS, started_at="2029-01-01T00:00:00+00:00")
    text = prose(show([*a, *again[:2]], b))
    assert "A timed in several sessions, of which the latest counts: none and sge. " in text
    assert "B timed" not in text
    plugins = [PluginFile(path="gate.py", sha256=letter * 64) for letter in "ab"]
    gates = [session(ms={"gate": 1.0}, plugin=plugin) for plugin in plugins]
    text = prose(show(*gates))
    assert "The user's file is not the same in A and in B for: gate. " in text
    assert "Without the baseline in the same rounds, so not compared beside it: gate in inference." in text
    text = prose(show(a, session("d", ms=MS, baseline="sge")))
    assert "The baseline is none in A and sge in B, so that rows beside different baselines are not compared." in text
    assert "Without the baseline" not in text


def test_names_what_else_the_machine_did() -> None:
    busy = replace(LOAD, other_processors=2.0, gpu_throttles=("power limit",))
    gpu = Conditions(batch_size=8, device="cuda", threads=1)
    a = [make_row("none", make_timing("inference", [1.0] * 8), conditions=gpu, device="Example GPU")]
    b = [make_row("none", make_timing("inference", [1.0] * 8, load=busy), conditions=gpu, device="Example GPU")]
    text = prose(show(a, b))
    assert (
        "Of the processors of B other programs took 25 % in inference. The GPU of B was throttled: power limit. "
        in text
    )
    assert "of A other" not in text


def test_lists_problems_and_shows_names_as_they_are() -> None:
    a, b = session(ms={"evil\x1b[31m": 1.0}), session(ms={"evil\x1b[31m": 1.0}, processor="[link]CPU")
    text = show(a, b, problems=["a.json is damaged: [/x]"])
    assert "\x1b" not in text
    assert "evil\\x1b[31m" in text
    assert "[link]CPU in B" in text
    assert prose(text).endswith("Records that could not be read and are left out: a.json is damaged: [/x]")


def test_an_ascii_pipe_gets_ascii() -> None:
    text = show(*stores(processor="Prozessör"), encoding="ascii", width=120)
    assert "resnet50 at 3x224x224" in text
    assert "Prozess\\xf6r" in text
    assert "\\u" not in text
