"""The contract of the plug-in point, held by every registered name and variant."""

import copy

import pytest
import torch
from torch import nn

from attnbench.attention import ATTENTION, attention_settings
from attnbench.variant import Variant
from tests.attention.variants import VARIANTS

SIZES = [(8, 8), (7, 5), (1, 1), (1, 9)]
every_variant = pytest.mark.parametrize("text", VARIANTS)
every_size = pytest.mark.parametrize("size", SIZES)


def make(text: str, channels: int = 64, size: tuple[int, int] = (8, 8), stride: int = 1) -> nn.Module:
    entry, settings = attention_settings(Variant.parse(text))
    torch.manual_seed(0)
    if entry.placement == "conv":
        module = entry.module_class(channels, channels, stride=stride, groups=1, **settings)
    else:
        module = entry.module_class(channels, **settings)
    # Weights may be sized by the first map.
    module.eval()(torch.zeros(1, channels, *size))
    return module


def feature_map(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def test_every_registered_name_is_held_to_the_contract() -> None:
    assert {Variant.parse(text).name for text in VARIANTS} == set(ATTENTION.names())


@every_variant
@every_size
@pytest.mark.parametrize("training", [True, False])
def test_keeps_shape_dtype_and_input(text: str, size: tuple[int, int], training: bool) -> None:
    module = make(text, size=size).train(training)
    for images in (1, 3):
        x = feature_map(images, 64, *size)
        before = x.clone()
        y = module(x)
        assert (y.shape, y.dtype) == (x.shape, x.dtype)
        assert torch.isfinite(y).all()
        assert torch.equal(x, before)


@every_variant
@every_size
def test_runs_on_another_size_than_the_first(text: str, size: tuple[int, int]) -> None:
    assert torch.isfinite(make(text, size=(6, 6))(feature_map(2, 64, *size))).all()


@every_variant
@every_size
def test_the_memory_layout_changes_no_value_and_stays(text: str, size: tuple[int, int]) -> None:
    module = make(text, size=size).double()
    x = feature_map(2, 64, *size).double()
    y = module.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last))  # type: ignore[call-overload]
    torch.testing.assert_close(y, module(x), rtol=1e-11, atol=1e-12)
    assert y.is_contiguous(memory_format=torch.channels_last)


@every_variant
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_stays_near_single(text: str, dtype: torch.dtype) -> None:
    module = make(text)
    x = feature_map(2, 64, 8, 8).to(dtype)
    expected = module(x.float())
    got = copy.deepcopy(module).to(dtype)(x)
    assert got.dtype == dtype
    torch.testing.assert_close(got.float(), expected, rtol=0.05, atol=0.05)


@every_variant
def test_autocast_stays_near_single(text: str) -> None:
    module = make(text)
    x = feature_map(2, 64, 8, 8)
    with torch.autocast("cpu", torch.bfloat16):
        got = module(x)
        from_half = module(x.bfloat16())
    assert torch.isfinite(from_half).all()
    # What replaces a convolution gives autocast's dtype, as a convolution does.
    kept = ATTENTION.get(Variant.parse(text).name).placement != "conv"
    assert got.dtype == (torch.float32 if kept else torch.bfloat16)
    assert from_half.dtype == torch.bfloat16
    torch.testing.assert_close(got.float(), module(x), rtol=0.05, atol=0.05)


@every_variant
@pytest.mark.parametrize("size", [(3, 3), (2, 3), (1, 1)])
@pytest.mark.parametrize("training", [True, False])
def test_gradients_are_those_of_finite_differences(text: str, size: tuple[int, int], training: bool) -> None:
    channels = 64 if text == "sge" else 16
    module = make(text, channels, size).double().train(training)
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    torch.manual_seed(1)
    for parameter in parameters:
        nn.init.normal_(parameter, std=0.3)
    x = feature_map(2, channels, *size).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x, *weights: module(x), (x, *parameters), fast_mode=True)


@every_variant
def test_repeats_itself(text: str) -> None:
    x = feature_map(2, 64, 7, 5)
    assert torch.equal(make(text)(x), make(text)(x))


@every_variant
def test_comes_back_from_its_state(text: str) -> None:
    module = make(text)
    torch.manual_seed(9)
    for value in module.state_dict().values():
        if value.is_floating_point():
            value.uniform_(0.5, 1.5)
    restored = make(text)
    restored.load_state_dict(module.state_dict())
    x = feature_map(2, 64, 8, 8)
    assert torch.equal(restored(x), module(x))


@pytest.mark.parametrize(
    "text", [text for text in VARIANTS if ATTENTION.get(Variant.parse(text).name).placement == "conv"]
)
@every_size
def test_a_convolution_keeps_its_stride(text: str, size: tuple[int, int]) -> None:
    y = make(text, stride=2)(feature_map(2, 64, *size))
    assert y.shape == (2, 64, -(-size[0] // 2), -(-size[1] // 2))
