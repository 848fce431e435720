"""What capture shows of each module is what the module computed, and the model is left as it was."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

import attnbench
from attnbench.attention import BAM, CBAM, GatherExcite, SelectiveKernel, SpatialGroupEnhance, SqueezeExcitation
from attnbench.errors import SpecError
from attnbench.visualize import Captured, capture

WIDE = 8


def looked_into(module: nn.Module, images: torch.Tensor) -> Captured:
    model = nn.Sequential(nn.Identity(), module)
    with capture(model) as maps:
        model(images)
    assert list(maps) == ["1"]
    return maps["1"]


def feature_map(*, channels_last: bool = False) -> torch.Tensor:
    made = torch.randn(3, WIDE, 5, 4, generator=torch.Generator().manual_seed(0))
    return made.to(memory_format=torch.channels_last) if channels_last else made


def varied(module: nn.Module) -> nn.Module:
    """A module whose gates are not constant."""
    generator = torch.Generator().manual_seed(1)
    for parameter in module.parameters():
        nn.init.normal_(parameter, generator=generator)
    return module.eval()


@pytest.mark.parametrize("channels_last", [False, True])
def test_sge_shows_similarity_normalized_and_gate_of_a_map_worked_out_by_hand(channels_last: bool) -> None:
    # Two groups of two channels on two positions; the mean features are (1, 0) and (0, 2).
    images = torch.tensor([[[[0.0, 2.0]], [[0.0, 0.0]], [[1.0, -1.0]], [[2.0, 2.0]]]])
    module = SpatialGroupEnhance(4, groups=2, gate_scale_init=2.0, gate_shift_init=0.5)
    if channels_last:
        images = images.to(memory_format=torch.channels_last)
    shown = looked_into(module, images).shown
    torch.testing.assert_close(shown["similarity"], torch.tensor([[[[0.0, 2.0]], [[4.0, 4.0]]]]))
    # Deviation of (0, 2) with divisor m − 1 = 1: the root of 1 + 1.
    expected = torch.tensor([[[[-1.0, 1.0]], [[0.0, 0.0]]]]) / (2**0.5 + 1e-5)
    torch.testing.assert_close(shown["normalized"], expected)
    torch.testing.assert_close(shown["gate"], torch.sigmoid(2 * expected + 0.5))


@pytest.mark.parametrize("channels_last", [False, True])
def test_the_gate_of_each_group_multiplies_its_channels(channels_last: bool) -> None:
    seen = looked_into(varied(SpatialGroupEnhance(WIDE, groups=4)), feature_map(channels_last=channels_last))
    torch.testing.assert_close(seen.output, seen.input * seen.shown["gate"].repeat_interleave(2, dim=1))
    torch.testing.assert_close(seen.ratio, seen.shown["gate"].repeat_interleave(2, dim=1))


def test_without_normalisation_there_is_nothing_normalised() -> None:
    seen = looked_into(SpatialGroupEnhance(WIDE, groups=4, normalize=False), feature_map())
    assert seen.shown.keys() == {"similarity", "gate"}


@pytest.mark.parametrize(
    "module",
    [
        SqueezeExcitation(WIDE, reduction=2),
        GatherExcite(WIDE),
        GatherExcite(WIDE, extent=2),
        GatherExcite(WIDE, extent=4, parametric=True),
    ],
    ids=repr,
)
def test_se_and_ge_show_what_they_multiply_with(module: nn.Module) -> None:
    seen = looked_into(varied(module), feature_map())
    torch.testing.assert_close(seen.output, seen.input * seen.shown["gate"])


@pytest.mark.parametrize(("source", "combine"), [("official", torch.mul), ("paper", torch.add)])
def test_bam_shows_both_branches_and_their_gate(source: str, combine: Callable[..., torch.Tensor]) -> None:
    seen = looked_into(varied(BAM(WIDE, reduction=2, dilation=1, source=source)), feature_map())  # type: ignore[arg-type]
    gate = torch.sigmoid(combine(seen.shown["channel"], seen.shown["spatial"]))
    assert seen.shown["channel"].shape == (3, WIDE, 1, 1)
    assert seen.shown["spatial"].shape == (3, 1, 5, 4)
    torch.testing.assert_close(seen.shown["gate"], gate)
    torch.testing.assert_close(seen.output, seen.input * (1 + gate))


def test_cbam_shows_both_gates() -> None:
    seen = looked_into(varied(CBAM(WIDE, reduction=2)), feature_map())
    assert seen.shown["channel_gate"].shape == (3, WIDE, 1, 1)
    assert seen.shown["spatial_gate"].shape == (3, 1, 5, 4)
    torch.testing.assert_close(seen.output, seen.input * seen.shown["channel_gate"] * seen.shown["spatial_gate"])


def test_sk_shows_the_weights_of_its_branches() -> None:
    module = varied(SelectiveKernel(WIDE, WIDE, stride=2, groups=1))
    seen = looked_into(module, feature_map())
    weights = seen.shown["branch_weights"]
    assert weights.shape == (3, 2, WIDE, 1, 1)
    mixed = sum(weights[:, index] * branch(seen.input) for index, branch in enumerate(module.branches))  # type: ignore[union-attr,arg-type]
    torch.testing.assert_close(seen.output, mixed)
    with pytest.raises(SpecError, match=r"1 changes the shape.*got \(3, 8, 5, 4\) and \(3, 8, 3, 2\)"):
        _ = seen.strength


def test_ratio_and_strength_need_no_help_of_the_module() -> None:
    class Halves(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * torch.tensor([0.5, 1.0]).view(1, 2, 1, 1)

    images = torch.tensor([[[[1.0, 0.0]], [[-3.0, 0.0]]]])
    model = nn.Sequential(Halves())
    with capture(model, modules=["0"]) as maps:
        model(images)
    nan = torch.nan
    torch.testing.assert_close(maps["0"].ratio, torch.tensor([[[[0.5, nan]], [[1.0, nan]]]]), equal_nan=True)
    torch.testing.assert_close(maps["0"].strength, torch.tensor([[[3.5 / 4, 0.0]]]))
    assert not maps["0"].shown


ALL = "cifar-resnet:depth=14,width=8"


@pytest.mark.parametrize(
    "attention", ["sge:groups=4", "se:reduction=4", "sk", "bam:reduction=4", "cbam:reduction=4", "ge"]
)
def test_a_model_computes_the_same_and_is_left_as_it_was(attention: str) -> None:
    seen, unseen = (
        attnbench.create_model(ALL, attention, num_classes=3, image_size=(16, 16), seed=1).train() for _ in range(2)
    )
    images = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(2))
    before = {name: (set(vars(module)), len(module._forward_hooks)) for name, module in seen.named_modules()}
    with capture(seen) as maps:
        loss = seen(images).square().sum()
    loss.backward()
    unseen(images).square().sum().backward()
    assert len(maps) == (2 if attention.startswith("bam") else 6)
    for captured in maps.values():
        assert not captured.output.requires_grad
        if captured.shown.keys() == {"gate"}:
            # Of the pass itself, though the block goes on with the output in place.
            torch.testing.assert_close(captured.output, captured.input * captured.shown["gate"])
    assert before == {name: (set(vars(module)), len(module._forward_hooks)) for name, module in seen.named_modules()}
    for left, right in zip(seen.parameters(), unseen.parameters(), strict=True):
        assert left.grad is not None
        assert right.grad is not None
        assert torch.equal(left.grad, right.grad)
    for left, right in zip(seen.buffers(), unseen.buffers(), strict=True):
        assert torch.equal(left, right)


def test_only_the_last_pass_is_held_in_the_order_of_the_modules() -> None:
    model = nn.Sequential(GatherExcite(2), GatherExcite(2))
    first, second = torch.ones(1, 2, 3, 3), torch.ones(1, 2, 3, 3) * 2
    with capture(model) as maps:
        assert list(maps) == []
        model(first)
        model(second)
    assert list(maps) == ["0", "1"]
    assert torch.equal(maps["0"].input, second)


def test_an_exception_leaves_nothing_behind() -> None:
    module = SqueezeExcitation(WIDE, reduction=2)
    with pytest.raises(RuntimeError, match="on purpose"), capture(nn.Sequential(module)):
        raise RuntimeError("on purpose")
    assert not module._forward_hooks
    from attnbench.attention import observing

    assert not observing._OBSERVERS


def test_captures_within_one_another_see_the_same() -> None:
    module = varied(SqueezeExcitation(WIDE, reduction=2))
    model = nn.Sequential(module)
    with capture(model) as outer:
        with capture(model) as inner:
            model(feature_map())
        held = inner["0"].shown["gate"]
        assert torch.equal(held, outer["0"].shown["gate"])
        model(2 * feature_map())
    assert torch.equal(inner["0"].shown["gate"], held)
    assert not torch.equal(outer["0"].shown["gate"], held)


def test_an_attention_module_alone_is_a_model_too() -> None:
    module = varied(SqueezeExcitation(WIDE, reduction=2))
    with capture(module) as maps:
        module(feature_map())
    torch.testing.assert_close(maps[""].ratio, maps[""].shown["gate"].expand(3, WIDE, 5, 4))


def test_what_cannot_be_looked_into_is_one_sentence() -> None:
    model = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU())
    with pytest.raises(SpecError, match="no attention module whose class is registered"), capture(model):
        pass
    with pytest.raises(SpecError, match="the model has no layer '2'; allowed: 0, 1"), capture(model, modules=["2"]):
        pass
    with capture(model, modules=["1"]) as maps, pytest.raises(KeyError, match="1 has not run since the capture began"):
        _ = maps["1"]
    recurrent = nn.Sequential(nn.LSTM(2, 2))
    with pytest.raises(SpecError, match="0 must map one tensor to one; got a LSTM"), capture(recurrent, modules=["0"]):
        recurrent(torch.zeros(1, 1, 2))


def test_only_tensors_can_be_shown() -> None:
    class Shows(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            attnbench.observe(self, gate="open")  # type: ignore[arg-type]
            return x

    model = nn.Sequential(Shows())
    with (
        pytest.raises(SpecError, match="observe takes tensors; got gate='open'"),
        capture(model, modules=["0"]),
    ):
        model(torch.zeros(1, 1, 2, 2))
