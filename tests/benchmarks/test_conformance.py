from pathlib import Path

import numpy as np
import pytest
import torch

import attnbench
from attnbench.attention import ATTENTION, register_attention
from benchmarks import conformance
from tests.attention.contract.broken import Gate
from tests.attention.variants import VARIANTS
from tests.references.table import REFERENCES


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conformance, "COORDINATES", 2)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_its_reference(variant: str) -> None:
    row = conformance.measure(variant)
    assert row.problems() == []
    assert row.forward[0] < row.forward[1] < row.forward[2] < 0.1


def test_every_name_has_a_reference() -> None:
    assert set(REFERENCES) == set(ATTENTION.names())


def test_a_name_without_a_reference_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    register_attention("forgotten", placement="block")(Gate)
    assert conformance.main([]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "forgotten has no reference in tests/references/table.py",
        "forgotten has no variant in tests/attention/variants.py",
    ]


def test_a_module_that_is_not_its_reference_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REFERENCES, "se", lambda x, state, settings: 1.01 * x)
    assert conformance.main(["se"]) == 1
    error = capsys.readouterr().err
    assert "se: the forward error in float64 is " in error
    assert "se: the gradient error in float64 is " in error


def test_writes_what_it_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert conformance.main(["ge:extent=2", "--output", str(tmp_path / "new" / "conformance.txt")]) == 0
    written = (tmp_path / "new" / "conformance.txt").read_text()
    (row,) = (line for line in written.splitlines() if line.startswith("ge:extent=2"))
    assert row.split() == next(
        line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("ge:extent=2")
    )
    assert len(row.split()) == 7
    for words in (
        "python benchmarks/conformance.py",
        torch.__version__.partition("+")[0],
        f"attnbench {attnbench.__version__}",
    ):
        assert words in " ".join(written.split())


def test_the_reference_gradient_is_that_of_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REFERENCES, "ge", lambda x, state, settings: np.sin(x))
    x = np.linspace(-1, 1, 12).reshape(1, 3, 2, 2)
    projection = np.arange(12.0).reshape(x.shape)
    got = [conformance.slope("ge", torch.nn.Identity(), x, projection, index) for index in range(12)]
    np.testing.assert_allclose(got, (projection * np.cos(x)).reshape(-1), rtol=1e-11, atol=1e-11)


def test_an_error_is_relative_to_the_value_or_to_the_root_mean_square() -> None:
    expected = np.array([3.0, 4.0, 0.0, 0.0])  # root mean square 2.5
    assert conformance.largest_error(expected + np.array([0, 0.4, 0, 0]), expected) == pytest.approx(0.1)
    assert conformance.largest_error(expected + np.array([0, 0, 0, -0.5]), expected) == pytest.approx(0.2)
