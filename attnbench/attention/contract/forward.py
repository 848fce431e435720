"""Checks of the contract that need a forward pass only."""

import torch

from attnbench.attention.contract.hold import hold_finite, hold_near
from attnbench.attention.contract.subject import SIZES, Subject, construct, feature_map, make, output, stirred
from attnbench.attention.contract.words import name_of, on, one_line, shape_of, times, to_within
from attnbench.errors import ContractError, SpecError

_PARAMETERS = {
    "block": "block modules take (channels), and settings by keyword",
    "stage": "stage modules take (channels), and settings by keyword",
    "conv": "conv modules take (in_channels, out_channels, *, stride, groups), and settings by keyword",
}
_SIZES = ", ".join(times(*size) for size in SIZES)


def can_be_made(subject: Subject) -> str:
    """The class takes the channels, and the module a first map."""
    try:
        construct(subject)
    except SpecError:
        raise  # the settings do not fit, which is no fault of the module
    except Exception as error:
        remedy = f"; {_PARAMETERS[subject.entry.placement]}" if isinstance(error, TypeError) else ""
        raise ContractError(f"cannot be made with {subject.channels} channels: {one_line(error)}{remedy}") from error
    make(subject)
    refused = " and ".join(map(str, subject.refused))
    return f"{subject.channels} channels" + (f"; {refused} refused" if refused else "")


def keeps_the_shape(subject: Subject) -> str:
    """Shape and data type of the input, and finite values, on every size, in both modes and with one image."""
    for size in SIZES:
        for training in (True, False):
            module = make(subject, size).train(training)
            for images in (1, 3):
                x = feature_map(images, subject.channels, *size)
                y = output(module, x)
                if y.shape != x.shape:
                    raise ContractError(f"gives {shape_of(y)} {on(module, x)}; the shape must stay")
                if y.dtype != x.dtype:
                    raise ContractError(
                        f"gives {name_of(y.dtype)} for {name_of(x.dtype)} {on(module, x)}; "
                        "make constants of the input's type, such as x.new_tensor(…)"
                    )
                hold_finite(module, x, y)
    return f"kept on {_SIZES}; 1 and 3 images; both modes"


def leaves_the_input(subject: Subject) -> str:
    """The map that was given is not changed."""
    for size in SIZES:
        for training in (True, False):
            module = make(subject, size).train(training)
            x = feature_map(3, subject.channels, *size)
            before = x.clone()
            output(module, x)
            if not torch.equal(x, before):
                raise ContractError(f"changes its input {on(module, x)}; write x * gate, not x.mul_(gate)")
    return "unchanged"


def takes_other_sizes(subject: Subject) -> str:
    """A module that has seen one size runs on another, as when a network is tested at another resolution."""
    first = (6, 6)
    for size in SIZES:
        module = make(subject, first)
        x = feature_map(2, subject.channels, *size)
        y = output(module, x)
        if y.shape != x.shape:
            raise ContractError(f"gives {shape_of(y)} {on(module, x)}, after a first map of {times(*first)}")
        hold_finite(module, x, y)
    return f"{_SIZES} after a first map of {times(*first)}"


def keeps_the_stride(subject: Subject) -> str:
    """A `conv` module gives the size and the channels of the convolution that it replaces."""
    asked = [(stride, width) for stride in (1, 2) for width in (subject.channels, 2 * subject.channels)]
    for stride, out_channels in asked:
        module = make(subject, stride=stride, out_channels=out_channels)
        for height, width in SIZES:
            x = feature_map(2, subject.channels, height, width)
            y = output(module, x)
            expected = (2, out_channels, -(-height // stride), -(-width // stride))
            if y.shape != expected:
                raise ContractError(
                    f"gives {shape_of(y)} {on(module, x)} with stride={stride}, out_channels={out_channels}; "
                    f"it must give {times(*expected)}: height and width divided by the stride, rounded up"
                )
    return f"strides 1 and 2, to {subject.channels} and {2 * subject.channels} channels"


def keeps_the_memory_layout(subject: Subject) -> str:
    """channels_last and NCHW give the same values, and each its own layout."""
    largest = 0.0
    for size in SIZES:
        module = stirred(make(subject, size)).double()
        x = feature_map(2, subject.channels, *size, dtype=torch.float64)
        y = output(module, x)
        hold_finite(module, x, y)
        if not y.is_contiguous():
            raise ContractError(f"gives another memory layout than NCHW {on(module, x)}; end with .contiguous()")
        module.to(memory_format=torch.channels_last)
        last = x.contiguous(memory_format=torch.channels_last)
        y = output(module, last)
        largest = max(largest, hold_near(y, output(module, x), rtol=1e-11, atol=1e-12, what="channels_last"))
        if not y.is_contiguous(memory_format=torch.channels_last):
            raise ContractError(
                f"gives another memory layout than channels_last {on(module, last)}; multiply the input itself, "
                "or end with .contiguous(memory_format=torch.channels_last)"
            )
    return f"channels_last stays and gives the values of NCHW {to_within(largest)}"
