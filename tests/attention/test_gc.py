import numpy as np
import pytest
import torch
from timm.layers.global_context import GlobalContext as TimmGlobalContext

from attnbench.attention.gc import Fusion, GlobalContext
from attnbench.attention.source import Source
from attnbench.errors import SpecError
from tests.attention.inputs import arrays, filled, random_map
from tests.references.gc import gc


@pytest.mark.parametrize("source", ["official", "paper"])
@pytest.mark.parametrize("fusion", ["add", "mul", "both"])
@pytest.mark.parametrize("size", [(5, 5), (4, 7), (8, 3), (1, 1), (1, 6)])
def test_equals_the_paper(size: tuple[int, int], fusion: Fusion, source: Source) -> None:
    module = filled(GlobalContext(8, reduction=2, fusion=fusion, source=source))
    x = random_map(2, 8, *size)
    expected = gc(x.numpy(), arrays(module), fusion=fusion)
    np.testing.assert_allclose(module(x).detach(), expected, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("fusion", ["add", "mul", "both"])
def test_equals_timms_but_for_the_epsilon(fusion: Fusion) -> None:
    module = filled(GlobalContext(8, reduction=2, fusion=fusion))
    theirs = TimmGlobalContext(8, rd_ratio=0.5, fuse_add=fusion != "mul", fuse_scale=fusion != "add").double()
    names = {
        "score": "conv_attn",
        **{
            f"{ours}.{index}": f"mlp_{theirs}.{layer}"
            for ours, theirs in (("add", "add"), ("mul", "scale"))
            for index, layer in ((0, "fc1"), (1, "norm"), (3, "fc2"))
        },
    }
    shapes = {name: value.shape for name, value in theirs.state_dict().items()}
    state = {}
    for name, value in module.state_dict().items():
        layer, _, kind = name.rpartition(".")
        state[f"{names[layer]}.{kind}"] = value.reshape(shapes[f"{names[layer]}.{kind}"])
    theirs.load_state_dict(state)
    x = random_map(2, 8, 5, 6)
    np.testing.assert_allclose(
        theirs(x).detach(), gc(x.numpy(), arrays(module), fusion=fusion, epsilon=1e-6), rtol=1e-8
    )
    torch.testing.assert_close(theirs(x), module(x), rtol=1e-4, atol=1e-5)


def parameters(channels: int, **settings: str) -> int:
    return sum(p.numel() for p in GlobalContext(channels, **settings).parameters())  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [64, 256, 2048])
def test_has_the_papers_parameters(channels: int) -> None:
    hidden = channels // 16
    transform, norm = 2 * channels * hidden, 2 * hidden
    assert parameters(channels, source="paper") == channels + transform + norm
    biases = hidden + channels
    assert parameters(channels) == (channels + 1) + transform + norm + biases
    assert parameters(channels, fusion="mul") == parameters(channels)
    assert parameters(channels, fusion="both") == (channels + 1) + 2 * (transform + norm + biases)


@pytest.mark.parametrize(("fusion", "factor"), [("add", 1.0), ("mul", 0.5), ("both", 0.5)])
def test_starts_from_a_transform_of_zero(fusion: Fusion, factor: float) -> None:
    x = random_map(2, 16, 5, 4)
    torch.testing.assert_close(GlobalContext(16, fusion=fusion, reduction=4).double()(x), factor * x)


def test_the_attention_starts_as_the_authors_do() -> None:
    torch.manual_seed(0)
    score = GlobalContext(2048).score
    assert float(score.weight.detach().std()) == pytest.approx((2 / 2048) ** 0.5, rel=0.05)
    assert not score.bias.any()  # type: ignore[union-attr]


def test_one_position_gets_all_attention_where_its_score_is_far_higher() -> None:
    module = filled(GlobalContext(4, reduction=2))
    x = random_map(1, 4, 3, 3)
    lone = x.clone()
    lone[:, :, 1, 2] += 200 * module.score.weight.detach()[0, :, 0, 0]
    added = module(lone) - lone
    expected = module.add(lone[:, :, 1, 2])  # type: ignore[misc]
    torch.testing.assert_close(added, expected[:, :, None, None].expand_as(x))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fusion": "sum"}, "fusion must be add, mul or both; got fusion=sum"),
        ({"reduction": 65}, "reduction must lie in 1 … channels; got reduction=65, channels=64"),
        ({"source": "code"}, "source must be official or paper; got source=code"),
    ],
)
def test_says_what_is_allowed(settings: dict[str, str], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        GlobalContext(64, **settings)  # type: ignore[arg-type]
