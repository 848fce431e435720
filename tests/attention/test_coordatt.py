import numpy as np
import pytest
import torch

from attnbench.attention.coordatt import CoordinateAttention
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.coordatt import coordatt

SIZES = [(5, 5), (4, 7), (9, 2), (1, 1), (1, 6)]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", SIZES)
def test_equals_the_paper(size: tuple[int, int], training: bool) -> None:
    module = filled(CoordinateAttention(20, reduction=2)).train(training)
    state = arrays(module)
    x = random_map(2, 20, *size)
    expected = coordatt(x.numpy(), state, training=training)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("size", SIZES)
def test_equals_timms(size: tuple[int, int]) -> None:
    coord_attn = pytest.importorskip("timm.layers.coord_attn")
    module = filled(CoordinateAttention(16)).eval()
    theirs = coord_attn.CoordAttn(16, rd_channels=8, bias=True).double().eval()
    names = {"squeeze": "conv1", "norm": "bn1", "rows": "conv_h", "columns": "conv_w"}
    theirs.load_state_dict(
        {
            name.replace(layer, names[layer]): value
            for name, value in module.state_dict().items()
            for layer in names
            if name.startswith(f"{layer}.")
        }
    )
    x = random_map(2, 16, *size)
    torch.testing.assert_close(module(x), theirs(x))


def parameters(channels: int) -> int:
    return sum(p.numel() for p in CoordinateAttention(channels).parameters())


@pytest.mark.parametrize(("channels", "hidden"), [(16, 8), (64, 8), (512, 16), (2048, 64)])
def test_has_the_papers_parameters(channels: int, hidden: int) -> None:
    convolutions = 3 * channels * hidden + hidden + 2 * channels
    assert parameters(channels) == convolutions + 2 * hidden


def test_a_mobilenet_has_the_published_parameters() -> None:
    # Channels inside of the 16 inverted residuals that expand, behind whose 3×3 convolution the authors put it.
    widths = [96, *2 * [144], *3 * [192], *4 * [384], *3 * [576], *3 * [960]]
    plain = 3_504_872
    assert round((plain + sum(map(parameters, widths))) / 1e6, 2) == 3.95


def test_starts_as_the_authors_mobilenet() -> None:
    torch.manual_seed(0)
    module = CoordinateAttention(512)
    for conv in (module.squeeze, module.rows, module.columns):
        assert not conv.bias.any()  # type: ignore[union-attr]
        assert float(conv.weight.detach().std()) == pytest.approx((2 / conv.out_channels) ** 0.5, rel=0.05)


def test_rows_and_columns_are_gated_apart() -> None:
    module = filled(CoordinateAttention(8)).eval()
    x = random_map(1, 8, 4, 6).abs() + 0.1
    gate = module(x) / x
    # A product of a gate a row and a gate a column has rank 1.
    torch.testing.assert_close(gate[:, :, 1:, 1:] * gate[:, :, :1, :1], gate[:, :, 1:, :1] * gate[:, :, :1, 1:])
    assert not torch.allclose(gate, gate[:, :, :1])
    assert not torch.allclose(gate, gate[:, :, :, :1])


def test_reduction_is_positive() -> None:
    with pytest.raises(SpecError, match="reduction must be at least 1; got reduction=0"):
        CoordinateAttention(64, reduction=0)
