"""The list of all checks of the contract, and how a module is held to them."""

from collections.abc import Callable
from dataclasses import dataclass

from attnbench.attention.contract import forward, graph, precision, training
from attnbench.attention.contract.subject import Subject, subject_of, undisturbed
from attnbench.attention.contract.words import one_line
from attnbench.errors import ContractError, SpecError


@dataclass(frozen=True)
class CheckResult:
    """What one check saw."""

    name: str
    """The check's."""
    passed: bool
    """Whether the module holds it."""
    seen: str
    """What was seen, in words and one line; of a failure the sizes, and where possible the remedy."""


@dataclass(frozen=True)
class Check:
    """One demand of the contract."""

    name: str
    """Short, unique."""
    look: Callable[[Subject], str]
    """Says what it saw; raises a ContractError that says what is broken."""
    convolutions_only: bool = False
    """Whether it is for `conv` modules alone."""

    def suits(self, subject: Subject) -> bool:
        """Whether modules of the subject's placement are held to it."""
        return subject.entry.placement == "conv" or not self.convolutions_only


CHECKS = (
    Check("construction", forward.can_be_made),
    Check("shape", forward.keeps_the_shape),
    Check("input", forward.leaves_the_input),
    Check("other sizes", forward.takes_other_sizes),
    Check("stride", forward.keeps_the_stride, convolutions_only=True),
    Check("memory layout", forward.keeps_the_memory_layout),
    Check("half precision", precision.takes_half_precision),
    Check("autocast", precision.takes_autocast),
    Check("gradients", training.has_the_gradients_of_finite_differences),
    Check("constant maps", training.has_finite_gradients_on_constant_maps),
    Check("determinism", training.repeats_itself),
    Check("state", training.comes_back_from_its_state),
    Check("compilation", graph.can_be_compiled),
    Check("export", graph.can_be_exported),
)
"""Every check, in the order in which they are run; without the first no other can be."""


def check_module(attention: str, *, channels: int | None = None) -> list[CheckResult]:
    """Hold an attention module to the contract, on this machine's CPU and in seconds.

    torch's global generator, number of threads and choice of algorithms are left as they were.

    Args:
        attention: ``sge``, ``sge:groups=8``, or a registered module of one's own.
        channels: C, channels of the maps; by default 64, or where the module refuses them 128 or 256.

    Returns:
        One result a check; that of the construction alone if the module cannot be made.

    Raises:
        UnknownNameError: If no such module is registered.
        SpecError: If its settings are not valid, or do not fit the channels.
    """
    return check_subject(subject_of(attention, channels))


def check_subject(subject: Subject) -> list[CheckResult]:
    """Hold a module to the contract; see `check_module`.

    Raises:
        SpecError: If its settings do not fit the channels.
    """
    results: list[CheckResult] = []
    for check in CHECKS:
        if check.suits(subject):
            results.append(run_check(check, subject))
        if not results[0].passed:
            break
    return results


def run_check(check: Check, subject: Subject) -> CheckResult:
    """What one check sees of a module; an error of the module is a failure.

    Raises:
        SpecError: If the module's settings do not fit the channels.
    """
    with undisturbed():
        try:
            return CheckResult(check.name, True, check.look(subject))
        except SpecError:
            raise
        except ContractError as broken:
            return CheckResult(check.name, False, str(broken))
        except Exception as error:
            return CheckResult(check.name, False, one_line(error))
