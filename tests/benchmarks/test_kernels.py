import json
import math
from pathlib import Path
from typing import Any

import pytest

from benchmarks.kernels.__main__ import main
from benchmarks.kernels.targets import Target, Timed, judged

KEPT = {
    "authors": {"1": 1.75, "4": 1.12},
    "eager": {"1": 1.25, "4": 1.05},
    "fused": {"1": 1.0, "4": 1.02},
}


def timed(row: str, phase: str, *, what: str = "sge", stage: int = 1, speed: float = 1.0, share: float = 0.9) -> Timed:
    return Timed(
        what=what, stage=stage, layout="NHWC", phase=phase, row=row, ms=1.0, speed=speed, low=speed, high=speed,
        bandwidth_share=share,
    )  # fmt: skip


def verdicts(device: str, rows: list[Timed]) -> dict[str, Target]:
    return {target.what: target for target in judged({"device": device, "kept": KEPT}, rows)}


def test_a_target_is_judged_by_its_worst_case() -> None:
    rows = [timed("fused", "forward", stage=stage, share=share) for stage, share in ((1, 0.85), (2, 0.79), (3, 0.71))]
    rows += [timed("fused", "training", what="network", stage=0, speed=0.95)]
    got = verdicts("cuda", rows)
    first = got["fused SGE forward, bandwidth, stages 1 and 2"]
    assert (first.measured, first.verdict) == ("0.79 (stage 2, NHWC)", "missed")
    assert got["fused SGE forward, bandwidth, stages 3 and 4"].verdict == "met"
    network = got["ResNet-50 with fused SGE over plain, training"]
    assert (network.measured, network.verdict) == ("0.95", "met")
    assert got["the same, compiled module by module"].verdict == "needs a CPU"
    assert got["bytes that fused SGE keeps over those of its map"].verdict == "missed"
    assert got["bytes that eager SGE keeps over those of its map"].measured == "1.25 (stage 1)"


def test_what_needs_a_gpu_says_so() -> None:
    rows = [timed("eager", "training", speed=1.0), timed("eager, compiled", "training", speed=2.49)]
    got = verdicts("cpu", rows)
    assert [target.verdict for target in got.values()].count("needs a GPU") == 7
    assert got["SGE over the authors' code on a CPU, both passes, eager"].verdict == "met"
    assert got["the same, compiled module by module"].verdict == "missed"


@pytest.mark.slow
def test_measures_prints_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["--quick", "--seconds", "0.3", "--modules", "sge,bam", "--device", "cpu", "--output", str(tmp_path)]) == 0
    )
    printed, text = capsys.readouterr().out, (tmp_path / "kernels.txt").read_text()
    for shown in (printed, text):
        assert "--quick" in shown
        assert "needs a GPU" in " ".join(shown.split())
    written: dict[str, Any] = json.loads((tmp_path / "kernels.json").read_text())
    rows = {(row["what"], row["layout"], row["phase"], row["row"]): row for row in written["timed"]}
    assert rows["sge", "NCHW", "training", "authors"]["speed"] == 1
    assert {"eager", "authors, compiled", "eager, compiled"} <= {row for what, _, _, row in rows if what == "sge"}
    assert all(row["ms"] > 0 and math.isfinite(row["speed"]) for row in rows.values())
    assert written["settings"]["kept"]["fused"]["1"] < 1.01
