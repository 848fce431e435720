from dataclasses import replace
from pathlib import Path

import pytest

import attnbench
from attnbench.measure import count_flops
from attnbench.presets.published import published_imagenet
from benchmarks import flops
from benchmarks.flops import Row

ROOT = Path(__file__).parents[2]
PRINTED = {row.model: row for row in published_imagenet()}
PLAIN = Row(
    printed=PRINTED["ResNet50"],
    parameters=25_557_032,
    flops={"published": 4_121_924_096, "full": 4_140_000_000, "fvcore": 4_110_000_000},
    pooled_once=None,
)
SK = replace(PLAIN, printed=PRINTED["SK-ResNet50*"], parameters=26_154_496, pooled_once=4_185_482_692)


def with_published(row: Row, operations: int) -> Row:
    return replace(row, flops={**row.flops, "published": operations})


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (PLAIN, "yes"),
        (with_published(PLAIN, 4_122_499_999), "yes"),
        (with_published(PLAIN, 4_122_500_001), "no"),
        (with_published(PLAIN, 4_121_499_999), "no"),
        (replace(PLAIN, parameters=25_565_001), "no"),
        (replace(PLAIN, parameters=25_554_999), "no"),
        (with_published(SK, 4_186_862_532), "pooled once"),
        (with_published(SK, 4_185_000_000), "yes"),
        (replace(with_published(SK, 4_186_862_532), pooled_once=4_186_000_000), "no"),
        (replace(with_published(SK, 4_186_862_532), parameters=26_000_000), "no"),
    ],
)
def test_a_row_agrees_where_every_printed_digit_does(row: Row, verdict: str) -> None:
    assert row.verdict == verdict
    assert (row.problem() is None) == (verdict != "no")


def test_every_network_of_the_table_is_the_authors() -> None:
    rows = {f"{module}-{backbone}".lstrip("-") for module in flops.VARIANTS for backbone in flops.BACKBONES}
    assert {name.rstrip("*") for name in PRINTED} <= rows
    assert {module for module, variant in flops.VARIANTS.items() if variant.endswith(":source=official")} == {
        "SE", "SK", "BAM", "CBAM", "SGE",
    }  # fmt: skip


def test_pooling_the_sum_once_is_a_map_less_for_each_sk() -> None:
    model = attnbench.create_model(
        "cifar-resnet:bottleneck=true,depth=11,width=16", "sk:source=official", image_size=(16, 16)
    )
    counted = count_flops(model, (3, 16, 16), convention="published")
    maps = 16 * 16**2 + 32 * 8**2 + 64 * 4**2  # of the three blocks' 3×3 convolutions
    assert counted.total - flops.pooled_once(model, counted) == maps


def test_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flops.main(["ShuffleNetV2_1x", "--output", str(tmp_path / "new")]) == 0
    written = (tmp_path / "new" / "flops.txt").read_text()
    (row,) = (line.split() for line in written.splitlines() if line.startswith("ShuffleNetV2_1x"))
    assert row == ["ShuffleNetV2_1x", "2.28", "2.28", "0.151", "0.151", "0.151", "0.149", "yes"]
    assert row in [line.split() for line in capsys.readouterr().out.splitlines()]
    for words in (
        f"attnbench {attnbench.__version__}",
        "The table's to its last digit: 1 of 1 row, 0 more where SK pools once; 0 not.",
    ):
        assert words in " ".join(written.split())


def test_a_row_that_disagrees_is_named_and_fails(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flops, "measure", lambda printed: with_published(PLAIN, 4_130_000_000))
    assert flops.main(["ResNet50"]) == 1
    assert capsys.readouterr().err == (
        "ResNet50: the table has 25.56 million parameters and 4.122 GFLOPs; counted were 25.56 and 4.130\n"
    )


def test_a_name_that_is_not_in_the_table_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        flops.main(["ResNet18"])
    assert "CBAM-ResNet101, SGE-ResNet101; got ResNet18" in " ".join(capsys.readouterr().err.split())


def test_the_page_has_the_figures_of_the_last_count() -> None:
    written = (ROOT / "results" / "flops.txt").read_text().splitlines()
    counted = {
        line.split()[0]: line.split()[3:5] for line in written if line.split()[:1] and line.split()[0] in PRINTED
    }
    page = (ROOT / "docs" / "flops.md").read_text()
    rows = [("ResNet-50, ResNet-101", "{}"), *((f"with {name}", name + "-{}") for name in ("BAM", "CBAM", "SE", "SGE"))]
    for words, name in [*rows, ("with SK", "SK-{}*")]:
        columns = zip(*(counted[name.format(backbone)] for backbone in ("ResNet50", "ResNet101")), strict=True)
        assert f"| {words} | {' | '.join(', '.join(column) for column in columns)} |" in page
    assert f"| ShuffleNetV2 1x | {' | '.join(counted['ShuffleNetV2_1x'])} |" in page


@pytest.mark.slow
def test_sks_own_figure_and_the_tables_are_both_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert flops.main(["SK-ResNet50*"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "the two branches, 4.187 GFLOPs; pooling their sum once gives 4.185, the table has 4.185." in out
