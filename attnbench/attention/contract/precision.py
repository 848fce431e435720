"""Checks of the contract in half precision and under autocast.

A rounding to a type moves a value by up to u of its size, 2⁻⁸ in bfloat16 and 2⁻¹¹ in float16.
A module rounds at every operator, and what an element loses is a share not of itself but of the
terms that it is the sum of, which may nearly cancel. So errors are held against the size of the
whole output, as is usual for norms of errors, and not element by element. There are two sizes:
by the largest value a single wrong element is found, by the root mean square what is slightly
wrong everywhere. What is said to have been seen is relative to the largest value.
"""

import copy

import torch

from attnbench.attention.contract.hold import hold_finite, hold_near
from attnbench.attention.contract.subject import SIZES, Subject, feature_map, make, output, stirred
from attnbench.attention.contract.words import name_of, on, shape_of, to_within
from attnbench.errors import ContractError

_ROUNDINGS = 16
"""Roundings of the whole output, all one way, that are allowed.

The modules of the house stay below 6 in the largest value and below 2.5 in the root mean square,
in both types and under autocast, with 16 to 256 channels and three seeds.
"""


def takes_half_precision(subject: Subject) -> str:
    """float16 and bfloat16 give their own type, and values near those of float32."""
    seen = []
    for dtype in (torch.bfloat16, torch.float16):
        largest = 0.0
        for module in (make(subject), stirred(make(subject))):
            x = feature_map(2, subject.channels, *SIZES[0], dtype=dtype)
            expected = output(module, x.float())
            got = output(copy.deepcopy(module).to(dtype), x)
            if got.dtype != dtype:
                raise ContractError(
                    f"gives {name_of(got.dtype)} {on(module, x)}; cast with .to(x.dtype), and make constants buffers"
                )
            largest = max(largest, _hold_near_single(got, expected, dtype, what=name_of(dtype)))
        seen.append(f"{name_of(dtype)} {to_within(largest)}")
    return f"near float32: {', '.join(seen)}"


def takes_autocast(subject: Subject) -> str:
    """Under autocast a map keeps its type, but for `conv` modules, which give autocast's as a convolution does."""
    x = feature_map(2, subject.channels, *SIZES[0])
    kept = torch.bfloat16 if subject.entry.placement == "conv" else torch.float32
    largest = 0.0
    for module in (make(subject), stirred(make(subject))):
        with torch.autocast("cpu", torch.bfloat16):
            got = output(module, x)
            from_half = output(module, x.bfloat16())
        hold_finite(module, x.bfloat16(), from_half)
        for given, y, expected in ((x.dtype, got, kept), (torch.bfloat16, from_half, torch.bfloat16)):
            if y.dtype != expected:
                raise ContractError(
                    f"gives {name_of(y.dtype)} for {name_of(given)} under bfloat16 autocast, where "
                    f"{name_of(expected)} is expected; cast the result with .to(x.dtype)"
                )
        difference = _hold_near_single(got, output(module, x), torch.bfloat16, what="bfloat16 autocast")
        largest = max(largest, difference)
    return f"bfloat16: near float32 {to_within(largest)}"


def _hold_near_single(got: torch.Tensor, expected: torch.Tensor, dtype: torch.dtype, *, what: str) -> float:
    """The largest difference from a float32 result, relative to its largest value.

    Raises:
        ContractError: If it is not finite, or further off than some roundings to `dtype` explain.
    """
    if not torch.isfinite(got).all():
        raise ContractError(f"{what} gives NaN or infinity on {shape_of(got)}; take sums and products in float32")
    got, expected = got.detach().double(), expected.detach().double()
    size = float(torch.linalg.vector_norm(expected, torch.inf)) if expected.numel() else 0.0
    largest = hold_near(got, expected, rtol=0, atol=_allowed(size, dtype), what=what)
    error, values = _root_mean_square(got - expected), _root_mean_square(expected)
    if not error <= _allowed(values, dtype):
        raise ContractError(
            f"{what} differs by {error:.1g} in the root mean square on {shape_of(got)}, where that of the values is "
            f"{values:.1g}"
        )
    return largest / size if size else 0.0


def _allowed(size: float, dtype: torch.dtype) -> float:
    """What the roundings make of a size; below the smallest normal number they do not shrink further."""
    numbers = torch.finfo(dtype)
    return _ROUNDINGS * numbers.eps / 2 * max(size, numbers.smallest_normal)


def _root_mean_square(x: torch.Tensor) -> float:
    return float(x.square().mean().sqrt()) if x.numel() else 0.0
