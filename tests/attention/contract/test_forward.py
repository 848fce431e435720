"""What a forward pass shows is named."""

import pytest
from torch import nn

from tests.attention.contract import broken
from tests.attention.contract.registered import failure_of


@pytest.mark.parametrize(
    ("module_class", "check", "words"),
    [
        (broken.TakesNoChannels, "construction", "cannot be made with 16 channels: TypeError: "),
        (broken.RefusesEveryMap, "construction", "on 1×16×8×8 in evaluation it raises RuntimeError: not today"),
        (broken.HalvesTheChannels, "shape", "gives 1×8×8×8 on 1×16×8×8 in training; the shape must stay"),
        (broken.LosesOddRows, "shape", "gives 1×16×6×5 on 1×16×7×5 in training"),
        (broken.LosesOddRows, "other sizes", "gives 2×16×6×5 on 2×16×7×5 in evaluation, after a first map of 6×6"),
        (broken.GivesATuple, "construction", "gives a tuple on 1×16×8×8 in evaluation; a module gives one tensor"),
        (broken.NormsASingleValue, "shape", "attnbench.attention.norm.BatchNorm takes a single value"),
        (broken.DividesBySpread, "shape", "gives NaN or infinity on 1×16×1×1 in training; one position has no spread"),
        (broken.DividesBySpread, "other sizes", "gives NaN or infinity on 2×16×1×1 in evaluation"),
        (broken.HasWideConstants, "shape", "gives float64 for float32 on 1×16×8×8 in training"),
        (broken.ChangesItsInput, "input", "changes its input on 3×16×8×8 in training; write x * gate"),
        (broken.ViewsNCHWOnly, "memory layout", "reshape() takes every memory layout"),
        (broken.ReadsTheMemoryOrder, "memory layout", "channels_last differs by up to "),
        (broken.HidesTheMemoryOrder, "memory layout", "channels_last differs by up to "),
        (broken.GivesNCHW, "memory layout", "gives another memory layout than channels_last on float64 2×16×8×8"),
        (broken.GivesChannelsLast, "memory layout", "gives another memory layout than NCHW on float64 2×16×8×8"),
        (broken.SizesItsWeightsForGood, "other sizes", "on 2×16×8×8 in evaluation it raises RuntimeError: The size of"),
        (broken.IgnoresItsStride, "stride", "gives 2×16×8×8 on 2×16×8×8 in evaluation with stride=2"),
        (broken.RoundsDown, "stride", "it must give 2×16×4×3: height and width divided by the stride, rounded up"),
        (broken.IgnoresItsWidth, "stride", "with stride=1, out_channels=32; it must give 2×32×8×8"),
    ],
)
def test_what_breaks_the_contract_is_named(module_class: type[nn.Module], check: str, words: str) -> None:
    assert words in failure_of(check, module_class)
