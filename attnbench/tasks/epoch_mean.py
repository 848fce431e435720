"""The mean of a loss over an epoch, for which no step waits."""

import torch

from attnbench.ranks import gathered


class EpochMean:
    """Keeps the loss of each step as it is, on its device, and adds them up when the mean is asked for.

    A torchmetrics' mean runs some ten operators a step, which on a small model is a good part of it.
    """

    def __init__(self) -> None:
        self._losses: list[torch.Tensor] = []
        self._numbers: list[int] = []

    def update(self, loss: torch.Tensor, number: int = 1) -> None:
        """Add a step.

        Args:
            loss: The mean over the images of the step, a scalar.
            number: How much it counts, such as the number of its images.
        """
        self._losses.append(loss.detach())
        self._numbers.append(number)

    def compute(self) -> float:
        """The mean over all steps, of all ranks together."""
        assert self._losses, "no step yet"
        numbers = torch.tensor(self._numbers, dtype=torch.float64)
        total = float(torch.stack(self._losses).cpu().double() @ numbers)
        sums = gathered((total, sum(self._numbers)))
        return sum(part for part, _ in sums) / sum(number for _, number in sums)

    @property
    def num_steps(self) -> int:
        """Steps so far."""
        return len(self._losses)

    def first_not_finite(self) -> tuple[int, float] | None:
        """The first step whose loss is not finite on some rank, counted from 1, and that loss; none where all are."""
        losses = torch.stack(self._losses).cpu()
        places = (~losses.isfinite()).nonzero()
        own = (int(places[0]) + 1, float(losses[places[0]])) if len(places) else None
        found = [one for one in gathered(own) if one is not None]
        return min(found, key=lambda one: one[0], default=None)

    def reset(self) -> None:
        """Forget the steps."""
        self._losses.clear()
        self._numbers.clear()
