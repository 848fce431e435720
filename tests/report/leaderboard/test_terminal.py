import io
import re
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

from attnbench.record import Record
from attnbench.report import leaderboard, render
from attnbench.spec import PluginFile, Recipe
from tests.records import make_record

GE = "ge:extent=8,parametric=false"
VARIANTS = {
    "none": ((85.0, 85.4, 84.9), 272_474, 41_000_000),
    "sge": ((85.6, 86.1, 85.5), 272_602, 41_000_000),
    GE: ((85.2, 85.1, 85.3), 272_474, 41_060_000),
    "[red]x": ((84.1, 84.4, 84.0), 25_557_032, 38_000_000),
    "sk:groups=2": ((85.5, 85.9, 85.4), 300_000, 55_123_456),
}


def records(recipe: Recipe | None = None) -> list[Record]:
    return [
        make_record(variant, seed, top1, parameters=parameters, macs=macs, recipe=recipe)
        for variant, (percents, parameters, macs) in VARIANTS.items()
        for seed, top1 in enumerate(percents)
    ]


def show(shown: list[Record], *, width: int = 80, encoding: str = "utf-8", **options: object) -> str:
    """What a pipe of that width gets."""
    pipe = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    Console(file=pipe, width=width).print(render(leaderboard(shown), **options))  # type: ignore[arg-type]
    pipe.seek(0)
    return pipe.read()


def prose(text: str) -> str:
    return " ".join(text.split())


def table_rows(text: str) -> list[str]:
    table = text.split("\n\n")[1]
    return [line.rstrip() for line in table.splitlines()]


def clear(num_seeds: int = 9) -> list[Record]:
    """Two variants that are better and worse than the baseline beyond doubt, and one that is like it."""
    means = {"none": 85.0, "sge": 86.0, "se": 84.0, "ge": 85.0}
    return [
        make_record(variant, seed, mean + 0.1 * int(np.random.default_rng([place, seed]).integers(3)))
        for place, (variant, mean) in enumerate(means.items())
        for seed in range(num_seeds)
    ]


def test_table_at_80_columns() -> None:
    assert table_rows(show(clear())) == [
        "                     top-1 %         Δ top-1      p   params  MMACs     images/s",
        "variant        rank   ± 95 %            95 %   Holm      (Δ)    (Δ)   × baseline",
        "sge               a    86.12          +0.99*  0.012  272,000  41.00         0.90",
        "                      ± 0.05  [+0.80, +1.19]             (0)    (0)  (0.80–1.00)",
        "none              b    85.13                         272,000  41.00         0.90",
        "(baseline)            ± 0.05                                         (0.80–1.00)",
        "ge                b    85.09           −0.04   0.31  272,000  41.00         0.90",
        "                      ± 0.07  [−0.12, +0.02]             (0)    (0)  (0.80–1.00)",
        "se                c    84.12          −1.01*  0.012  272,000  41.00         0.90",
        "                      ± 0.06  [−1.21, −0.82]             (0)    (0)  (0.80–1.00)",
    ]


def test_table_at_120_columns() -> None:
    assert [prose(line) for line in table_rows(show(clear(), width=120))] == [
        "variant rank top-1 % ± 95 % Δ top-1 95 % p Holm params (Δ) MMACs (Δ) images/s × baseline",
        "sge a 86.12 ± 0.05 +0.99* [+0.80, +1.19] 0.012 272,000 (0) 41.00 (0) 0.90 (0.80–1.00)",
        "none (baseline) b 85.13 ± 0.05 272,000 41.00 0.90 (0.80–1.00)",
        "ge b 85.09 ± 0.07 −0.04 [−0.12, +0.02] 0.31 272,000 (0) 41.00 (0) 0.90 (0.80–1.00)",
        "se c 84.12 ± 0.06 −1.01* [−1.21, −0.82] 0.012 272,000 (0) 41.00 (0) 0.90 (0.80–1.00)",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 115, 116, 120, 200])
def test_nothing_is_cut_off(width: int) -> None:
    text = show(records(), width=width)
    assert "…" not in text
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= width
    if width >= 80:
        names = {line[:18].split("  ")[0].strip() for line in table_rows(text)}
        assert {"sge", "sk:groups=2", "[red]x"} <= names
        for figure in ("272,602", "(+128)", "(+25,284,558)", "(+0.060)", "(0.80–1.00)", "85.73", "± 0.80", "−0.93"):
            assert figure in text


def test_large_models_are_in_gmacs() -> None:
    text = show([make_record("none", macs=4_100_000_000), make_record("sge", macs=4_100_710_000)], width=120)
    assert "GMACs" in text
    assert "+0.00071" in text


def test_says_what_was_measured() -> None:
    text = prose(show(records()))
    assert text.startswith("cifar-resnet:depth=20 on fashion-mnist 54,000 training, 6,000 validation and 10,000 test")
    assert "images of 1×28×28, 10 classes." in text
    assert "6 epochs, SGD at learning rate 0.1 (cosine), batch 128, weight decay 0.0005; the epoch best on" in text
    assert "3 seeds (0, 1, 2), 15 runs, 25 min of training in all." in text
    assert "CPU Example CPU 3000, 1 thread, float32, torch 2.11.0, attnbench 0.1.0 (0123456789ab)." in text
    assert "different environments" not in text


def test_says_where_environments_differ() -> None:
    text = prose(show([make_record("none", 0), make_record("none", 1), make_record("sge", device="Example GPU")]))
    assert "different environments" in text
    assert "2 runs: CPU Example CPU 3000" in text
    assert "1 run: GPU Example GPU beside Example CPU 3000" in text


def test_says_what_is_shown_and_what_is_not() -> None:
    text = prose(show(clear()))
    assert "Shown to be higher than the baseline none: sge (+0.99). " in text
    assert "Shown to be lower than the baseline none: se (−1.01). " in text
    assert "Not shown to differ from the baseline none: ge. " in text
    assert re.search(
        r"A true difference to the baseline of 0\.\d+ to 0\.\d+ points, by variant, would have been shown", text
    )
    assert "* passes a permutation test over seeds at 5 % after Holm's correction for 3 comparisons" in text
    assert "Variants that share a rank letter are not shown to differ (6 comparisons of two variants). " in text


def test_few_seeds_are_said_to_be_few_and_star_nothing() -> None:
    text = show(clear(num_seeds=5))
    assert "*" not in text.split("\n\n")[1]
    assert "With 5 seeds no difference can be shown in 3 comparisons, however large: that takes 7 seeds." in prose(text)
    assert "(6 comparisons of two variants, for which 8 seeds are needed)" in prose(text)


def test_a_variant_can_differ_from_the_baseline_and_share_its_letter() -> None:
    text = prose(show(clear(num_seeds=7)))
    assert re.search(r"Shown to be higher than the baseline none: sge \(\+\d\.\d\d\)\. ", text)
    assert "for which 8 seeds are needed" in text
    more = [make_record(variant, seed, 84.99 + 0.01 * place, recipe=Recipe(epochs=6))
            for place, variant in enumerate(("bam", "cbam", "sk")) for seed in range(9)]  # fmt: skip
    text = prose(show([*clear(), *more]))
    assert "(21 comparisons of two variants, for which 10 seeds are needed)" in text


@pytest.mark.parametrize(
    ("num_seeds", "epochs", "expected"),
    [
        (5, 10, None),
        (5, 9, "This is a short run (5 seeds, 9 epochs): it measures early convergence"),
        (4, 10, "This is a short run (4 seeds, 10 epochs): it measures accuracy after 10 epochs"),
    ],
)
def test_says_that_a_short_run_is_short(num_seeds: int, epochs: int, expected: str | None) -> None:
    recipe = Recipe(epochs=epochs)
    text = prose(show([make_record("none", seed, recipe=recipe) for seed in range(num_seeds)]))
    if expected is None:
        assert "short run" not in text
    else:
        assert expected in text
        assert "It cannot tell how the variants rank after full training" in text


def test_one_seed_tells_of_two_networks_and_not_of_modules() -> None:
    text = show([make_record("none"), make_record("sge", top1=90.0), make_record("se", top1=85.01)])
    assert "+5.00†" in text
    assert "± –" in text
    assert "*" not in text
    assert "One seed shared with the baseline none: sge and se. By McNemar's test its network differs" in prose(text)
    assert "on these images (†): sge (+5.00). What another seed would give is not known" in prose(text)
    assert "a 95 % interval of Δ over test images" in prose(text)
    assert "rank letter" not in text
    alike = prose(show([make_record("none"), make_record("se", top1=85.01)]))
    assert "none of the networks is shown to differ" in alike


def test_says_which_seeds_and_records_are_missing() -> None:
    text = prose(show([*records()[:-1]]))
    assert "Not every variant has every seed: sk:groups=2 (2 of 3)." in text
    assert "The baseline none has no record here, so no differences to it are given." in prose(show(records()[3:6]))


def test_says_which_variants_keep_the_backbones_own_attention() -> None:
    own = "own attention modules"
    kept, replacing = [make_record("none"), make_record("bam")], [make_record("sge", num_replaced=13)]
    sentence = "The backbone's own attention modules are part of bam and none, and replaced in the other variants."
    assert sentence in prose(show([*kept, *replacing]))
    assert "The backbone's own attention modules are replaced in every variant." in prose(show(replacing))
    assert own not in prose(show(kept))


def test_states_how_macs_and_speed_are_measured() -> None:
    text = prose(show([make_record("none", uncounted_operators={"aten::mul": 1, "aten::add": 2})]))
    assert "MACs follow fvcore's default rules, which leave out: add, mul." in text
    assert "images/s is inference at batch 64, each pass beside one of the baseline: median ratio" in text
    assert "The baseline runs 6,400 images/s." in text
    assert "leave out no operator" in show([make_record("none", uncounted_operators={})])


def test_lists_problems_and_the_way_back() -> None:
    text = prose(show(records(), store="my [bold]store", problems=["a.json is damaged: [/x]"]))
    assert "left out: a.json is damaged: [/x] " in text
    assert text.endswith("This table again: attnbench report my [bold]store")
    assert "This table again" not in show(records())


def test_an_ascii_pipe_gets_ascii() -> None:
    text = show([*records(), make_record("sgé", top1=50.0)], encoding="ascii")
    assert "+- 0.80" in text
    assert "[+0.50, +0.77]" in text
    assert "sg\\xe9" in text


def test_control_characters_in_a_name_are_shown_not_sent() -> None:
    text = show([make_record("evil\x1b[31m")])
    assert "\x1b" not in text
    assert "evil\\x1b[31m" in text


def test_needs_no_torch() -> None:
    code = (
        "import sys, attnbench.report, attnbench.stats; "
        "heavy = {'torch', 'lightning', 'scipy.stats', 'timm'} & set(sys.modules); "
        "sys.exit(f'imported: {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_letters_are_explained_without_a_baseline() -> None:
    text = prose(show([record for record in clear() if record.spec.attention != "none"]))
    assert "Variants that share a rank letter are not shown to differ (3 comparisons of two variants)." in text
    assert "Differences are shown by a permutation test over seeds at 5 % after Holm's correction" in text


def test_a_variant_that_answers_as_the_baseline_does_is_named_and_has_no_say_in_the_power() -> None:
    same = [make_record("bam", record.spec.seed, record.values.test_top1_percent) for record in clear()[:9]]
    text = prose(show([*clear(), *same]))
    assert "The same answers as the baseline none on every image after every seed: bam." in text
    assert "A true difference to the baseline of 0.00" not in text


def test_repeated_records_are_counted_once_and_told() -> None:
    plugins = [PluginFile(path=path, sha256="a" * 64) for path in ("gate.py", "./gate.py")]
    gates = [make_record("gate", seed, 85.0 + seed, plugin=plugin) for plugin in plugins for seed in range(3)]
    nones = [make_record("none", seed) for seed in range(3)]
    text = prose(show([*nones, *gates]))
    assert "3 records repeat a variant and a seed with the same file under another path, and are left out" in text
    once = prose(show([*nones, *gates[:3]]))
    assert text.split("left out; the earliest counts. ")[1].split("MACs follow")[0] in once
    assert "6 runs" in text
