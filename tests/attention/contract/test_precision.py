"""What a module loses in half precision is named, and what every module loses is not."""

import pytest
import torch
from torch import nn

from attnbench.attention.contract import CHECKS, run_check, subject_of
from tests.attention.contract import broken
from tests.attention.contract.registered import failure_of, result_of


@pytest.mark.parametrize(
    ("module_class", "check", "words"),
    [
        (broken.HasSingleConstants, "half precision", "gives float32 on bfloat16 2×16×8×8 in evaluation; cast with"),
        (broken.GivesAnotherTypeForHalf, "half precision", "gives float32 on float16 2×16×8×8"),
        (
            broken.OverflowsInHalf,
            "half precision",
            "float16 gives NaN or infinity on 2×16×8×8; take sums and products in float32",
        ),
        (broken.RoundsInHalf, "half precision", "bfloat16 differs by up to 0.5 on 2×16×8×8, whose largest value is "),
        (broken.RoundsSmallValuesInHalf, "half precision", "bfloat16 differs by "),
        (
            broken.ShiftsInHalf,
            "half precision",
            "bfloat16 differs by 0.06 in the root mean square on 2×16×8×8, where that of the values is 0.5",
        ),
        (broken.LosesOneValueInHalf, "half precision", "bfloat16 differs by up to 2 on 2×16×8×8, whose largest value"),
        (broken.ScalesInFloat16, "half precision", "float16 differs by "),
        (broken.HasSingleConstants, "autocast", "gives float32 for bfloat16 under bfloat16 autocast, where bfloat16"),
        (broken.ForgetsAutocast, "autocast", "gives bfloat16 for float32 under bfloat16 autocast, where f"),
    ],
)
def test_what_breaks_the_contract_is_named(module_class: type[nn.Module], check: str, words: str) -> None:
    assert words in failure_of(check, module_class)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("check", ["half precision", "autocast"])
def test_the_size_of_the_output_does_not_matter(check: str, factor: float) -> None:
    class Scaled(broken.Gate):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return factor * super().forward(x)

    result = result_of(check, Scaled)
    assert result.passed, result.seen


def test_values_below_those_of_the_type_may_be_lost() -> None:
    class Vanishes(broken.Gate):
        """As a layer scale that starts at 1e-6 does."""

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 1e-6 * super().forward(x)

    result = result_of("half precision", Vanishes)
    assert result.passed, result.seen


@pytest.mark.parametrize("check", ["half precision", "autocast"])
@pytest.mark.parametrize("text", ["lsk", "lka", "gc:fusion=both,source=paper", "bam:source=paper"])
@pytest.mark.parametrize("channels", [64, 128, 256])
def test_sums_that_nearly_cancel_are_sound(text: str, channels: int, check: str) -> None:
    (named,) = (candidate for candidate in CHECKS if candidate.name == check)
    result = run_check(named, subject_of(text, channels))
    assert result.passed, result.seen


def test_the_difference_is_said_relative_to_the_largest_value() -> None:
    class Coarse(broken.Gate):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return 1000 * x * (1 + 2**-5) if x.dtype == torch.bfloat16 else 1000 * x

    assert "bfloat16 to 3e-2" in result_of("half precision", Coarse).seen
