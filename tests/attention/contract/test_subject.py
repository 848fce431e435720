"""With how many channels a module is checked, where nobody says."""

import pytest
import torch
from torch import nn

from attnbench.attention import ATTENTION
from attnbench.attention.contract import WIDTHS, check_module, make, subject_of
from attnbench.errors import SpecError
from tests.attention.contract import broken
from tests.attention.contract.registered import register


class Refuses(broken.Gate):
    """Takes multiples of `multiple` channels alone, as a group norm does."""

    multiple = 128

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.norm = nn.GroupNorm(self.multiple, channels)


class RefusesAll(Refuses):
    multiple = 96


class FailsAtFirst(broken.Gate):
    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.ratio = 1 / (channels - 64)


@pytest.mark.parametrize("name", ATTENTION.names())
def test_every_registered_module_has_a_width(name: str) -> None:
    subject = subject_of(name)
    make(subject)
    assert subject.channels in WIDTHS


@pytest.mark.parametrize(
    ("text", "channels", "refused"),
    [("se", 64, ()), ("sa", 128, (64,)), ("sge:groups=128", 128, (64,)), ("sa:groups=128", 256, (64, 128))],
)
def test_the_first_width_that_is_not_refused_is_taken(text: str, channels: int, refused: tuple[int, ...]) -> None:
    subject = subject_of(text)
    assert (subject.channels, subject.refused) == (channels, refused)


def test_a_width_that_is_given_stays() -> None:
    assert subject_of("sa", 64).channels == 64
    assert subject_of("se", 48).channels == 48


def test_the_construction_says_what_was_refused() -> None:
    register(Refuses)
    results = check_module("mine")
    assert [result.seen for result in results if not result.passed] == []
    assert results[0].seen == "128 channels; 64 refused"
    assert check_module("se")[0].seen == "64 channels"


def test_settings_that_fit_no_width_are_named_at_the_first() -> None:
    message = r"groups must divide channels; got groups=48, channels=64; .*; 128 and 256 channels are refused too$"
    with pytest.raises(SpecError, match=message):
        subject_of("sge:groups=48")


def test_a_class_that_takes_no_width_fails_at_the_first() -> None:
    register(RefusesAll)
    (result,) = check_module("mine")
    assert not result.passed
    assert result.seen.startswith("cannot be made with 64 channels: ValueError: ")


def test_an_error_is_no_refusal() -> None:
    register(FailsAtFirst)
    (result,) = check_module("mine")
    assert result.seen.startswith("cannot be made with 64 channels: ZeroDivisionError")


def test_trying_widths_leaves_torch_as_it_was() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    subject_of("sa")
    assert torch.equal(torch.rand(1), expected)
