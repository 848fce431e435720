"""What training a module shows is named: gradients, randomness, state."""

import pytest
from torch import nn

from tests.attention.contract import broken
from tests.attention.contract.registered import failure_of


@pytest.mark.parametrize(
    ("module_class", "check", "words"),
    [
        (broken.RootsTheSpread, "constant maps", "the gradient of the input is NaN or infinite on a map of 0 everywhe"),
        (broken.DetachesItsGate, "gradients", "the gradient of the input gives a slope of "),
        (broken.DetachesEverything, "gradients", "the output has no gradient on float64 2×16×3×3 in training"),
        (broken.HasAWrongGradient, "gradients", "where finite differences give "),
        (broken.DrawsInEvaluation, "determinism", "two passes differ on 2×16×7×5 in evaluation"),
        (broken.DrawsFromPython, "determinism", "two modules of one seed differ in proj.weight"),
        (broken.KeepsAPlainTensor, "state", "offset is a plain tensor, which is not saved"),
        (broken.DrawsWhatIsNotSaved, "state", "a loaded state gives another output"),
        (broken.CountsOutsideOfItsState, "state", "a loaded state gives another output"),
    ],
)
def test_what_breaks_the_contract_is_named(module_class: type[nn.Module], check: str, words: str) -> None:
    assert words in failure_of(check, module_class)
