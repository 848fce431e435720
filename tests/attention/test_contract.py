"""The contract of the plug-in point: every registered name and variant holds it, and what breaks it is named."""

import pytest
import torch
from torch import nn

from attnbench.attention import ATTENTION, register_attention
from attnbench.attention.contract import CHECKS, Check, CheckResult, check_module, run_check
from attnbench.attention.contract_subject import subject_of
from attnbench.errors import SpecError, UnknownNameError
from attnbench.variant import Variant
from tests.attention import broken
from tests.attention.variants import VARIANTS

CHANNELS = 64


def test_every_registered_name_is_held_to_the_contract() -> None:
    assert {Variant.parse(text).name for text in VARIANTS} == set(ATTENTION.names())


@pytest.mark.parametrize("text", VARIANTS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.name.replace(" ", "-"))
def test_holds_the_contract(text: str, check: Check) -> None:
    subject = subject_of(text, CHANNELS)
    if check.suits(subject):
        result = run_check(check, subject)
        assert result.passed, result.seen


def register(module_class: type[nn.Module]) -> None:
    placement = "conv" if issubclass(module_class, broken.Convolution) else "block"
    register_attention("mine", placement=placement)(module_class)


def checked(module_class: type[nn.Module]) -> dict[str, CheckResult]:
    register(module_class)
    return {result.name: result for result in check_module("mine", channels=16)}


@pytest.mark.parametrize("module_class", [broken.Gate, broken.Convolution])
def test_a_sound_module_passes_every_check(module_class: type[nn.Module]) -> None:
    results = checked(module_class)
    assert [result.seen for result in results.values() if not result.passed] == []
    is_conv = module_class is broken.Convolution
    assert list(results) == [check.name for check in CHECKS if is_conv or check.name != "stride"]


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
        (broken.RootsTheSpread, "constant maps", "the gradient of the input is NaN or infinite on a map of 0 everywhe"),
        (broken.HasWideConstants, "shape", "gives float64 for float32 on 1×16×8×8 in training"),
        (broken.HasSingleConstants, "half precision", "gives float32 on bfloat16 2×16×8×8 in evaluation; cast with"),
        (broken.GivesAnotherTypeForHalf, "half precision", "gives float32 on float16 2×16×8×8"),
        (
            broken.OverflowsInHalf,
            "half precision",
            "float16 gives NaN or infinity on 2×16×8×8; take sums and products in float32",
        ),
        (broken.RoundsInHalf, "half precision", "bfloat16 differs by up to 0.5 on 2×16×8×8, whose largest value is "),
        (broken.HasSingleConstants, "autocast", "gives float32 for bfloat16 under bfloat16 autocast, where bfloat16"),
        (broken.ForgetsAutocast, "autocast", "gives bfloat16 for float32 under bfloat16 autocast, where f"),
        (broken.ChangesItsInput, "input", "changes its input on 3×16×8×8 in training; write x * gate"),
        (broken.ViewsNCHWOnly, "memory layout", "reshape() takes every memory layout"),
        (broken.ReadsTheMemoryOrder, "memory layout", "channels_last differs by up to "),
        (broken.HidesTheMemoryOrder, "memory layout", "channels_last differs by up to "),
        (broken.GivesNCHW, "memory layout", "gives another memory layout than channels_last on float64 2×16×8×8"),
        (broken.GivesChannelsLast, "memory layout", "gives another memory layout than NCHW on float64 2×16×8×8"),
        (broken.DetachesItsGate, "gradients", "the gradient of the input gives a slope of "),
        (broken.DetachesEverything, "gradients", "the output has no gradient on float64 2×16×3×3 in training"),
        (broken.HasAWrongGradient, "gradients", "where finite differences give "),
        (broken.DrawsInEvaluation, "determinism", "two passes differ on 2×16×7×5 in evaluation"),
        (broken.DrawsFromPython, "determinism", "two modules of one seed differ in proj.weight"),
        (broken.KeepsAPlainTensor, "state", "offset is a plain tensor, which is not saved"),
        (broken.DrawsWhatIsNotSaved, "state", "a loaded state gives another output"),
        (broken.CountsOutsideOfItsState, "state", "a loaded state gives another output"),
        (broken.BranchesOnValues, "compilation", "cannot be compiled as one graph: "),
        (broken.BranchesOnValues, "export", "cannot be exported with a dynamic batch: "),
        (broken.RemembersTheFirstBatch, "export", "dynamic batch"),
        (broken.SizesItsWeightsForGood, "other sizes", "on 2×16×8×8 in evaluation it raises RuntimeError: The size of"),
        (broken.IgnoresItsStride, "stride", "gives 2×16×8×8 on 2×16×8×8 in evaluation with stride=2"),
        (broken.RoundsDown, "stride", "it must give 2×16×4×3: height and width divided by the stride, rounded up"),
        (broken.IgnoresItsWidth, "stride", "with stride=1, out_channels=32; it must give 2×32×8×8"),
    ],
)
def test_what_breaks_the_contract_is_named(module_class: type[nn.Module], check: str, words: str) -> None:
    register(module_class)
    (named,) = (candidate for candidate in CHECKS if candidate.name == check)
    result = run_check(named, subject_of("mine", 16))
    assert not result.passed
    assert words in result.seen
    assert "\n" not in result.seen


@pytest.mark.parametrize("module_class", [broken.TakesNoChannels, broken.RefusesEveryMap])
def test_nothing_else_is_checked_of_what_cannot_be_made(module_class: type[nn.Module]) -> None:
    assert list(checked(module_class)) == ["construction"]


def test_a_failure_does_not_stop_the_other_checks() -> None:
    results = checked(broken.HalvesTheChannels)
    assert list(results) == [check.name for check in CHECKS if not check.convolutions_only]
    assert results["state"].passed


def test_dropout_in_training_is_allowed() -> None:
    class Drops(broken.Gate):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.dropout(x * self.gate(x), training=self.training)

    assert [result.seen for result in checked(Drops).values() if not result.passed] == []


def test_modules_that_cache_what_they_saw_are_allowed() -> None:
    class Caches(broken.Gate):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.last_gate = self.gate(x)
            return x * self.last_gate

    assert checked(Caches)["state"].passed


def test_leaves_torch_as_it_was() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    check_module("se")
    assert torch.get_num_threads() == threads
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize(
    ("text", "channels", "error", "message"),
    [
        ("sgee", 64, UnknownNameError, "unknown attention module 'sgee'"),
        ("sge:group=8", 64, SpecError, "'sge' has no setting 'group'"),
        ("sge:groups=48", 64, SpecError, "groups must divide channels; got groups=48, channels=64"),
        ("sge:at=nowhere", 64, SpecError, "unknown position at=nowhere"),
        ("sge", 0, SpecError, "channels must be at least 1; got channels=0"),
    ],
)
def test_settings_that_do_not_fit_are_no_failure_of_the_module(
    text: str, channels: int, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        check_module(text, channels=channels)


def test_where_a_module_stands_does_not_matter() -> None:
    assert check_module("se:at=pre-add,stages=3,4") == check_module("se")
