"""The choice between a paper's equations and the code that its authors ran."""

from typing import Literal, TypeAlias, get_args

from attnbench.errors import SpecError

Source: TypeAlias = Literal["official", "paper"]
"""`official`: what the authors' code computes. `paper`: what the paper's equations say."""


def check_source(source: str) -> None:
    """Raise a SpecError unless `source` is one that there is."""
    if source not in get_args(Source):
        raise SpecError(f"source must be {' or '.join(get_args(Source))}; got source={source}")
