"""What is drawn of each module is what it computed, on maps worked out by hand."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import attnbench
from attnbench.attention import BAM, CBAM, GatherExcite, SelectiveKernel, SpatialGroupEnhance, SqueezeExcitation
from attnbench.errors import SpecError
from attnbench.visualize import View, capture, views
from attnbench.visualize.captions import font_of_size


def drawn(module: nn.Module, images: torch.Tensor, **settings: Any) -> dict[str, View]:
    model = nn.Sequential(module.eval())
    with capture(model, modules=["0"]) as maps:
        model(images)
    return {view.name: view for view in views(maps["0"], **settings)}


def varied(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        nn.init.normal_(parameter, generator=generator)
    return module


def feature_map(channels: int = 4) -> torch.Tensor:
    return torch.randn(3, channels, 5, 4, generator=torch.Generator().manual_seed(0))


def test_sge_shows_the_group_whose_gate_varies_most() -> None:
    # The maps of test_capture.py with their groups exchanged: the similarity of group 0 is constant.
    images = torch.tensor([[[[1.0, -1.0]], [[2.0, 2.0]], [[0.0, 2.0]], [[0.0, 0.0]]]])
    module = SpatialGroupEnhance(4, groups=2, gate_scale_init=2.0, gate_shift_init=0.5)
    found = drawn(module, images, most_groups=1)
    assert list(found) == [f"group 1: {what}" for what in ("before", "after", "gate", "similarity", "normalized")]
    root = 1 / (2**0.5 + 1e-5)
    gate = 1 / (1 + np.exp(-(2 * np.array([-root, root]) + 0.5)))
    np.testing.assert_allclose(found["group 1: before"].values, [[[0.0, 1.0]]])
    np.testing.assert_allclose(found["group 1: after"].values, [[[0.0, gate[1]]]], rtol=1e-6)
    np.testing.assert_allclose(found["group 1: gate"].values, [[gate]], rtol=1e-6)
    np.testing.assert_allclose(found["group 1: similarity"].values, [[[0.0, 2.0]]])
    np.testing.assert_allclose(found["group 1: normalized"].values, [[[-root, root]]], rtol=1e-6)
    before, after = found["group 1: before"], found["group 1: after"]
    # The percentiles of 0, 1, 0, gate between its two highest.
    assert (before.low, before.high) == (after.low, after.high) == (0, pytest.approx(gate[1] + 0.97 * (1 - gate[1])))
    assert found["group 1: similarity"].low == pytest.approx(0.02)
    assert before.caption.startswith("group 1 of 0 … 1: mean |input| over its 2 channels; drawn because its gate ")
    assert after.caption.endswith(
        f"colours from 0 to {after.high:.3g}, the 1st to the 99th percentile before and after"
    )


def test_sge_orders_groups_by_their_gates_deviation_and_says_it() -> None:
    module = SpatialGroupEnhance(6, groups=3)
    with torch.no_grad():
        module.gate_scale.copy_(torch.tensor([0.1, 0.0, 2.0]))
    found = drawn(module, feature_map(6), most_groups=2)
    assert [name for name in found if name.endswith("gate")] == ["group 2: gate", "group 0: gate"]
    deviation = found["group 0: gate"].values.std()
    assert found["group 0: gate"].caption.startswith(
        "group 0 of 0 … 2: the gate, sigmoid(a); drawn as one of 2 whose gates vary most over images and positions, "
        f"with a standard deviation of {deviation:.2g}; colours from "
    )


def test_without_normalisation_nothing_normalised_is_drawn() -> None:
    found = drawn(varied(SpatialGroupEnhance(4, groups=2, normalize=False)), feature_map(), most_groups=1)
    assert {name.split(": ")[1] for name in found} == {"before", "after", "gate", "similarity"}


def test_se_is_bars_from_0_to_1() -> None:
    module, images = varied(SqueezeExcitation(4, reduction=2)), feature_map()
    found = drawn(module, images)
    with torch.no_grad():
        ratio = module(images) / images
    assert list(found) == ["gate"]
    view = found["gate"]
    np.testing.assert_allclose(view.values, ratio.mean((2, 3)), rtol=1e-5)
    assert (view.kind, view.low, view.high) == ("bars", 0, 1)
    assert view.caption == "gate, as 0 shows it: a value for each of 4 channels; bars from 0 to 1"


def test_ge_with_an_extent_has_a_map_and_bars() -> None:
    module, images = GatherExcite(4, extent=2), feature_map()
    found = drawn(module, images)
    gate = (module(images) / images).double().numpy()
    assert list(found) == ["gate", "gate by channel"]
    np.testing.assert_allclose(found["gate"].values, gate.mean(1), rtol=1e-5)
    np.testing.assert_allclose(found["gate by channel"].values, gate.mean((2, 3)), rtol=1e-5)
    assert found["gate"].low == pytest.approx(np.percentile(gate.mean(1), 1), rel=1e-5)
    assert found["gate"].high == pytest.approx(np.percentile(gate.mean(1), 99), rel=1e-5)


def test_sk_shows_the_share_of_the_second_branch() -> None:
    module = varied(SelectiveKernel(4, 4, stride=1, groups=1))
    images = feature_map()
    found = drawn(module, images)
    with torch.no_grad():
        first, second = (branch(images) for branch in module.branches)
        mixed = module(images)
    assert list(found) == ["second branch"]
    share = torch.from_numpy(found["second branch"].values)[:, :, None, None]
    assert share.std() > 0.1
    torch.testing.assert_close(mixed, (1 - share) * first + share * second)


@pytest.mark.parametrize(
    ("module", "kinds"),
    [
        (CBAM(4, reduction=2), {"channel_gate": "bars", "spatial_gate": "map"}),
        (BAM(4, reduction=2), {"channel": "bars", "spatial": "map", "gate": "map", "gate by channel": "bars"}),
    ],
)
def test_channels_are_bars_and_positions_a_map(module: nn.Module, kinds: dict[str, str]) -> None:
    found = drawn(varied(module), feature_map())
    assert {name: view.kind for name, view in found.items()} == kinds
    for view in found.values():
        assert view.values.shape == ((3, 4) if view.kind == "bars" else (3, 5, 4))


def test_negative_bars_go_below_0() -> None:
    view = drawn(varied(BAM(4, reduction=2)), feature_map())["channel"]
    assert (view.low, view.high) == (min(0, view.values.min()), max(0, view.values.max()))
    assert view.low < 0


class Scales(nn.Module):
    """Multiplies by weights that it does not show."""

    def __init__(self, weights: torch.Tensor) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.weights


def test_what_shows_nothing_has_strength_and_ratio() -> None:
    # Three channels on two positions; the ratio at the second position of channel 2 is not known.
    images = torch.tensor([[[[1.0, 2.0]], [[1.0, 2.0]], [[2.0, 0.0]]]])
    weights = torch.tensor([[[0.1, 0.2]], [[0.3, 0.4]], [[0.5, 0.6]]])
    found = drawn(Scales(weights), images)
    assert list(found) == ["strength", "ratio"]
    np.testing.assert_allclose(found["strength"].values, [[[1.4 / 4, 1.2 / 4]]], rtol=1e-6)
    np.testing.assert_allclose(found["ratio"].values, [[[0.3, 0.2]]], rtol=1e-6)
    assert found["ratio"].kind == "map"


def test_a_ratio_that_hardly_varies_over_positions_is_bars() -> None:
    images = feature_map(2)
    images[0, 0, 0, 0] = 0
    found = drawn(Scales(torch.tensor([0.25, 1.5]).view(2, 1, 1)), images)
    assert found["ratio"].kind == "bars"
    np.testing.assert_allclose(found["ratio"].values, [[0.25, 1.5]] * 3, rtol=1e-6)
    assert (found["ratio"].low, found["ratio"].high) == (0, 1.5)


def test_nothing_that_goes_in_is_drawn_as_nothing() -> None:
    found = drawn(Scales(torch.ones(2, 1, 1)), torch.zeros(1, 2, 3, 3))
    assert np.isnan(found["ratio"].values).all()
    assert (found["ratio"].low, found["ratio"].high) == (0, 1)
    assert (found["strength"].values == 0).all()


def test_a_change_of_shape_without_help_shows_the_outputs_magnitude_and_says_so() -> None:
    convolution = nn.Conv2d(1, 2, 1, stride=2, bias=False)
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([1.0, -3.0]).view(2, 1, 1, 1))
    found = drawn(convolution, torch.tensor([[[[1.0, 9.0], [9.0, 9.0]]]]))
    assert list(found) == ["output"]
    np.testing.assert_allclose(found["output"].values, [[[2.0]]])
    assert "changes the shape, so that there is no ratio" in found["output"].caption


def test_a_users_module_is_drawn_by_the_names_it_gives() -> None:
    class Shows(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            attnbench.observe(
                self, heads=x[:, :2], pooled=x.mean((2, 3)), position=x[:, :1], temperature=x.new_tensor(3.0)
            )
            return x

    images = feature_map()
    found = drawn(Shows(), images)
    assert {name: view.kind for name, view in found.items()} == {"heads": "map", "pooled": "bars", "position": "map"}
    np.testing.assert_allclose(found["heads"].values, images[:, :2].mean(1), rtol=1e-6)
    assert found["heads"].caption.startswith("heads, as 0 shows it: the mean over its 2 channels; colours from ")
    assert "a value for each position" in found["position"].caption


@pytest.mark.parametrize(
    "module", [SpatialGroupEnhance(4, groups=2), SelectiveKernel(4, 4, stride=1, groups=1), nn.Identity(), nn.ReLU()]
)
def test_captions_are_written_in_letters_of_the_font(module: nn.Module) -> None:
    font = font_of_size(20)
    missing = bytes(font.getmask("σ"))
    for view in drawn(module, feature_map()).values():
        for letter in {*view.name, *view.caption} - {" "}:
            assert bytes(font.getmask(letter)) != missing, letter


def test_half_precision_is_drawn() -> None:
    images = feature_map().to(torch.bfloat16)
    found = drawn(varied(SpatialGroupEnhance(4, groups=2)).to(torch.bfloat16), images, most_groups=1)
    assert all(view.values.dtype == np.float32 for view in found.values())


def test_what_cannot_be_drawn_is_one_sentence() -> None:
    with pytest.raises(SpecError, match=r"0 must give a feature map \(N, C, H, W\) to be drawn; got \(2, 3\)"):
        drawn(nn.Linear(3, 3), torch.zeros(2, 3))
    with pytest.raises(SpecError, match="most_groups must be at least 1; got most_groups=0"):
        drawn(SpatialGroupEnhance(4, groups=2), feature_map(), most_groups=0)
