"""The contract of the plug-in point: what every attention module holds, those of the house and users' own.

    from attnbench.attention.contract import check_module

    for result in check_module("sge:groups=8"):
        print(result.passed, result.name, result.seen)

`attnbench check` prints the same as a table.
"""

from attnbench.attention.contract.checks import CHECKS, Check, CheckResult, check_module, check_subject, run_check
from attnbench.attention.contract.subject import WIDTHS, Subject, make, subject_of

__all__ = [
    "CHECKS",
    "WIDTHS",
    "Check",
    "CheckResult",
    "Subject",
    "check_module",
    "check_subject",
    "make",
    "run_check",
    "subject_of",
]
