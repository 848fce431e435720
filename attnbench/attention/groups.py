"""Checks of settings that several modules share."""

from attnbench.errors import SpecError


def check_groups(groups: int, channels: int) -> None:
    """Raise a SpecError unless `groups` is a positive divisor of `channels`."""
    if groups < 1 or channels % groups:
        divisors = ", ".join(str(divisor) for divisor in range(1, channels + 1) if channels % divisor == 0)
        raise SpecError(f"groups must divide channels; got groups={groups}, channels={channels}; allowed: {divisors}")


def reduced(channels: int, reduction: int) -> int:
    """Channels of a bottleneck, `channels // reduction`.

    Raises:
        SpecError: If `reduction` is not in 1 … channels.
    """
    if not 1 <= reduction <= channels:
        raise SpecError(f"reduction must lie in 1 … channels; got reduction={reduction}, channels={channels}")
    return channels // reduction
