import os
from pathlib import Path

import pytest
import torch

from benchmarks import compilation


def test_every_form_of_a_variant_has_a_row(
    graphs: list[object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", "before")
    threads = torch.get_num_threads()
    try:
        assert compilation.main(["--quick", "--budget", "1", "--output", str(tmp_path / "table.txt")]) == 0
    finally:
        torch.set_num_threads(threads)
    text = (tmp_path / "table.txt").read_text()
    assert "training steps of 4 images" in text
    lines = [line.split("│") for line in text.splitlines() if line.startswith("│")]
    forms = {line[2].strip(): [cell.strip() for cell in line[3:7]] for line in lines}
    assert list(forms) == ["none", "attention", "model"]
    assert forms["none"][:2] == ["", ""]
    assert all(float(cell) > 0 for form in ("attention", "model") for cell in forms[form][:2])
    # Three blocks and the whole network, each compiled twice; no step after the first needed more.
    assert len(graphs) == 2 * (3 + 1)
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == "before"
