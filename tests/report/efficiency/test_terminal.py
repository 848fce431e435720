import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from attnbench.efficiency_record import EfficiencyRecord
from attnbench.report import efficiency_tables, render_efficiency
from tests.efficiency_records import CONDITIONS, make_counts, make_row, make_timing

GE = "ge:extent=8,parametric=false"
HOSTILE = ("[red]x[/red]", "evil\x1b[31m", "注意力", "a" * 70, "gate:" + ",".join(f"setting{i}=123" for i in range(9)))
CONV, RELU = {"aten::conv2d": 200_000_000}, {"aten::relu": 100_000_000}


def rows() -> list[EfficiencyRecord]:
    """A baseline at 100, 300 and 10 ms, a slower row, a faster one and one that was not timed."""
    steady = [100.0, 101.0, 99.0, 100.0, 100.0, 102.0, 98.0, 100.0]

    def row(name: str, factor: float, full: int, **counts: int | dict[str, int]) -> EfficiencyRecord:
        timings = [
            make_timing("inference", [factor * ms for ms in steady]),
            make_timing("training", [3 * factor * ms for ms in steady], peak_memory_bytes=1_500_000_000),
            make_timing("latency", [factor * ms / 10 for ms in steady * 3]),
        ]
        return make_row(name, *timings, counts=make_counts(full, **counts))  # type: ignore[arg-type]

    return [
        row("none", 1.0, 4_100_000_000),
        row("sge", 1.25, 4_129_184_000, traffic={**CONV, **RELU, "aten::mul": 50_000_000}, parameters=25_559_064),
        row(GE, 0.8, 4_099_000_000, traffic=CONV, buffers=0, saved_bytes=150_000_000),
        make_row("se", counts=make_counts()),
    ]


def show(shown: list[EfficiencyRecord], *, width: int = 80, encoding: str = "utf-8", **options: object) -> str:
    """What a pipe of that width gets."""
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    (table,) = efficiency_tables(shown)
    Console(file=pipe, width=width).print(render_efficiency(table, **options))  # type: ignore[arg-type]
    pipe.seek(0)
    return pipe.read()


def tables(text: str) -> list[list[str]]:
    return [[line.rstrip() for line in block.splitlines()] for block in text.split("\n\n") if "\nvari" in block]


def prose(text: str) -> str:
    return " ".join(text.split())


def test_tables_at_80_columns() -> None:
    assert tables(show(rows())) == [
        [
            "                              GFLOPs  GFLOPs     GFLOPs  traffic  saved",
            "                      params    full  fvcore  published       MB     MB",
            "variant                    Δ     Δ M     Δ M        Δ M        Δ      Δ",
            "ge:extent=8,      25,557,032   4.099   4.000      4.050    200.0   75.0",
            "parametric=false           0   −1.00       0          0  −100.00  −5.00",
            "none              25,557,032   4.100   4.000      4.050    300.0   80.0",
            "(baseline)",
            "se                25,557,032   4.100   4.000      4.050    300.0   80.0",
            "                           0       0       0          0        0      0",
            "sge               25,559,064   4.129   4.000      4.050    350.0   80.0",
            "                      +2,032  +29.18       0          0   +50.00      0",
        ],
        [
            "                    inference                            training",
            "                           ms   × baseline                     ms   × baseline",
            "variant             quartiles         95 %  images/s    quartiles         95 %",
            "ge:extent=8,            80.00        0.800     100.0        240.0        0.800",
            "parametric=false  79.80–80.20  0.800–0.800            239.4–240.6  0.800–0.800",
            "none                    100.0            1     80.00        300.0            1",
            "(baseline)        99.75–100.2                         299.2–300.8",
            "se                          –            –         –            –            –",
            "sge                     125.0        1.250     64.00        375.0        1.250",
            "                  124.7–125.3  1.250–1.250            374.1–375.9  1.250–1.250",
        ],
        [
            "                         latency ms   × baseline    peak MB   peak MB",
            "variant             p50 / p95 / p99         95 %  inference  training",
            "ge:extent=8,      8.000 / 8.160 / –        0.800      500.0   1,500.0",
            "parametric=false                     0.800–0.800",
            "none              10.00 / 10.20 / –            1      500.0   1,500.0",
            "(baseline)",
            "se                                –            –          –         –",
            "sge               12.50 / 12.75 / –        1.250      500.0   1,500.0",
            "                                     1.250–1.250",
        ],
        [
            "                          added ms",
            "                         inference  added ms  added traffic of a step",
            "variant                       95 %     floor  by operator, MB",
            "ge:extent=8,                −20.00    −40.00  relu −800.00",
            "parametric=false  −20.00 to −20.00",
            "none",
            "(baseline)",
            "se                               –         –",
            "sge                         +25.00    +20.00  mul +400.00",
            "                  +25.00 to +25.00",
        ],
    ]


def test_what_is_compiled_has_the_seconds_of_its_first_steps() -> None:
    conditions = replace(CONDITIONS, mode="compiled-attention")
    compiled = [replace(record, spec=replace(record.spec, conditions=conditions)) for record in rows()]
    (table,) = (block for block in tables(show(compiled)) if any("first step s" in line for line in block))
    assert prose(table[0]).endswith("first step s first step s first step s")
    assert prose(table[1]).endswith("inference training latency")
    cells = {line.split()[0]: line.split()[-3:] for line in table[2:]}
    assert cells["sge"] == ["0.5", "0.5", "0.5"]
    assert cells["se"] == ["–", "–", "–"]
    assert "first step" not in show(rows())


def test_120_columns_have_room_for_percentages_and_fewer_tables() -> None:
    counted, timed, explained = tables(show(rows(), width=120))
    assert [prose(line) for line in counted[2:]] == [
        "Δ Δ Δ M Δ M Δ M Δ Δ",
        "variant Δ % Δ % Δ % Δ % Δ % Δ % Δ %",
        "ge:extent=8, 25,557,032 0 4.099 4.000 4.050 200.0 75.0",
        "parametric=false 0 −53,120 −1.00 0 0 −100.00 −5.00",
        "0 % −100.00 % −0.024 % 0 % 0 % −33.33 % −6.25 %",
        "none 25,557,032 53,120 4.100 4.000 4.050 300.0 80.0",
        "(baseline)",
        "se 25,557,032 53,120 4.100 4.000 4.050 300.0 80.0",
        "0 0 0 0 0 0 0",
        "0 % 0 % 0 % 0 % 0 % 0 % 0 %",
        "sge 25,559,064 53,120 4.129 4.000 4.050 350.0 80.0",
        "+2,032 0 +29.18 0 0 +50.00 0",
        "+0.0080 % 0 % +0.71 % 0 % 0 % +16.67 % 0 %",
    ]
    assert prose(timed[-2]) == "sge 125.0 1.250 64.00 375.0 1.250 12.50 / 12.75 / – 1.250"
    assert prose(explained[-2]) == "sge 500.0 1,500.0 +25.00 +20.00 mul +400.00"


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_nothing_is_cut_off_and_nothing_is_markup(width: int, encoding: str) -> None:
    large = make_counts(987_654_321_000, 1, 2, parameters=1_234_567_890, traffic={"aten::mul": 98_765_432_100})
    slow, errors = make_timing("training", [123_456.7] * 8), {"latency": "[bold]\x1b]8;;no\nend"}
    hostile = [make_row(name, slow, counts=large, errors=errors) for name in HOSTILE]
    text = show([*rows(), *hostile], width=width, encoding=encoding, store="[b]s[/b]", problems=["[i]p"])
    assert max(map(cell_len, text.splitlines())) <= width
    assert "\x1b" not in text
    assert "..." not in text
    for figure in ("25,559,064", "+1,209,010,858", "987.654", "+29.18", "123,457", "0.800", "+25.00", "1,500.0"):
        assert figure in text
    unfolded = prose(text).replace(" ", "")
    for words in ("[red]x[/red]failedinlatency:[bold]\\x1b]8;;noend", "evil\\x1b[31m", "--store[b]s[/b]", "out:[i]p"):
        assert words in unfolded


@pytest.mark.parametrize("width", [30, *range(56, 100)])
def test_a_narrow_table_folds_names_before_numbers_and_loses_no_digit(width: int) -> None:
    shown = [record for record in rows() if record.spec.attention != GE]
    shown.append(make_row("a" * 30, counts=make_counts()))
    text = show(shown, width=width)
    if width > 30:
        for cell in ("12.50 / 12.75 / –", "+25.00 to +25.00", "374.1–375.9", "1.250–1.250", "25,559,064", "1,500.0"):
            assert cell in text

    def digits(width: int) -> int:
        return sum(char.isdigit() for table in tables(show(shown, width=width)) for line in table for char in line)

    if width < 60:
        # Both are too narrow for percentages and for the column of buffers.
        assert digits(width) == digits(60)


def test_a_narrow_table_says_buffers_in_words() -> None:
    same = [make_row(name, counts=make_counts(buffers=7)) for name in ("none", "se")]
    assert "Every row has 7 elements of buffers." in show(same, width=70)
    assert "elements of buffers" not in show(same, width=130)
    other = make_row("bam", counts=make_counts(buffers=1_234))
    assert "Elements of buffers: 1,234 in bam; 7 in none and se." in prose(show([*same, other], width=70))


def test_a_number_that_leaves_operators_out_has_a_star() -> None:
    uncounted = make_row("x", counts=make_counts(4_100_000_000, uncounted={"fvcore": {"aten::add": 1}}))
    (table,) = tables(show([make_row("none", counts=make_counts()), uncounted]))
    (marked,) = (line for line in table if "*" in line)
    assert prose(marked) == "x 25,557,032 53,120 4.100 4.000 * 4.050 300.0 80.0"


def test_an_ascii_pipe_gets_ascii() -> None:
    text = show(rows(), encoding="ascii")
    assert "0.800-0.800" in text
    assert "x baseline" in text
    assert "-20.00 to -20.00" in text
    assert "resnet50 at 3x224x224, 1,000 classes" in text
    assert "\\u" not in text


def test_the_baseline_stands_out() -> None:
    pipe = io.StringIO()
    console = Console(file=pipe, width=80, force_terminal=True, color_system="standard", _environ={})
    console.print(render_efficiency(efficiency_tables(rows())[0]))
    bold = [line for line in pipe.getvalue().splitlines() if "\x1b[1m" in line]
    assert any("none" in line for line in bold)
    assert not any("sge " in line for line in bold)


def test_intervals_and_named_operators() -> None:
    added = {"aten::a": 1_000_000, "aten::b": 5_000_000, "aten::c": 3_000_000, "aten::d": 2_000_000, "x::e": 4_000_000}
    own = {**CONV, **RELU, **added}
    base_ms = [10.0] * 8
    records = [
        make_row("none", make_timing("latency", base_ms), counts=make_counts()),
        make_row("x", make_timing("latency", [*base_ms[:4], 11.0, 12.0, 13.0, 14.0]), counts=make_counts(traffic=own)),
    ]
    text = prose(show(records, width=120))
    ratio = efficiency_tables(records)[0].rows[1].cells["latency"].ratio
    assert ratio is not None
    assert f"{ratio.low:.3f}–{ratio.high:.3f}" in text
    assert ratio.low < ratio.median < ratio.high
    # 15 MB of one image at 20 GB/s.
    assert "+0.75 b +5.00, x::e +4.00, c +3.00, 2 others +3.00" in text
    assert "peak MB latency" in text


def test_only_counted_or_only_timed() -> None:
    counted = [make_row("none", counts=make_counts(41_000_000, 40_000_000, 1, traffic={"aten::mul": 900_000}))]
    (table,) = tables(show(counted))
    assert prose(table[0]) == "MFLOPs MFLOPs MFLOPs traffic saved"
    assert prose(table[1]) == "variant params buffers full fvcore published kB kB"
    assert prose(table[2]) == "none 25,557,032 53,120 41.000 40.000 0.000 900.0 80,000.0"
    (table,) = tables(show([*counted, make_row("sge", counts=make_counts(42_500_000, 1, 1))], width=120))
    assert prose(table[2]) == "Δ Δ Δ Δ Δ Δ Δ"
    assert "+1.50" in "\n".join(table)
    timed, peaks = tables(show([make_row("none", make_timing("training", [5.0]), counts=None)])), "peak MB"
    assert len(timed) == 1
    assert peaks in timed[0][1]
    assert "added" not in timed[0][0]
    assert tables(show([make_row("none", errors={"build": "X: y"})])) == []


def test_says_how_to_see_it_again_and_what_could_not_be_read() -> None:
    text = prose(show(rows(), store="my store", problems=["a.json is damaged"]))
    assert "Records that could not be read and are left out: a.json is damaged " in text
    assert text.endswith("These tables again: attnbench efficiency --show --store my store")
    quiet = show(rows())
    assert "could not be read" not in quiet
    assert "again" not in quiet
