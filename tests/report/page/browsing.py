"""What the tests in a browser share: the records of the page."""

from attnbench.record import Record
from tests.records import make_record

HOSTILE = "<script>alert(1)</script>"
TOPS = {"none": 85.0, "sge": 86.0, "se": 85.5, "ge:extent=8": 84.0, HOSTILE: 85.2}
PARAMETERS = {"none": 9_000, "sge": 10_000, "se": 200_000, "ge:extent=8": 9_500, HOSTILE: 9_200}


def records_of(variant: str) -> list[Record]:
    """Three seeds of a variant."""
    return [
        make_record(variant, seed, TOPS[variant] + 0.1 * seed, parameters=PARAMETERS[variant]) for seed in (0, 1, 2)
    ]
