"""What cannot be made a graph is named."""

import pytest
from torch import nn

from tests.attention.contract import broken
from tests.attention.contract.registered import failure_of


@pytest.mark.parametrize(
    ("module_class", "check", "words"),
    [
        (broken.BranchesOnValues, "compilation", "cannot be compiled as one graph: "),
        (broken.BranchesOnValues, "export", "cannot be exported with a dynamic batch: "),
        (broken.RemembersTheFirstBatch, "export", "dynamic batch"),
    ],
)
def test_what_breaks_the_contract_is_named(module_class: type[nn.Module], check: str, words: str) -> None:
    assert words in failure_of(check, module_class)
