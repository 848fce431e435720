"""The contract of the plug-in point: every registered name and variant holds it, and what breaks it is named."""

import pytest
import torch
from torch import nn

from attnbench.attention import ATTENTION
from attnbench.attention.contract import CHECKS, Check, CheckResult, check_module, run_check, subject_of
from attnbench.errors import SpecError, UnknownNameError
from attnbench.variant import Variant
from tests.attention.contract import broken
from tests.attention.contract.registered import register
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


def checked(module_class: type[nn.Module]) -> dict[str, CheckResult]:
    register(module_class)
    return {result.name: result for result in check_module("mine", channels=16)}


@pytest.mark.parametrize("module_class", [broken.Gate, broken.Convolution])
def test_a_sound_module_passes_every_check(module_class: type[nn.Module]) -> None:
    results = checked(module_class)
    assert [result.seen for result in results.values() if not result.passed] == []
    is_conv = module_class is broken.Convolution
    assert list(results) == [check.name for check in CHECKS if is_conv or check.name != "stride"]


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
