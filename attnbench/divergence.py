"""What ends a training that has diverged."""

import math
from collections.abc import Sequence
from typing import cast

from attnbench.detection_record import DetectionEpoch
from attnbench.detection_spec import DetectionRecipe
from attnbench.diverged_record import NotFinite, place
from attnbench.errors import DivergedError
from attnbench.record import Epoch
from attnbench.spec import Recipe

TRAINING_LOSS, VALIDATION_LOSS, TEST_LOSS = "training loss", "validation loss", "test loss"
LARGEST_WEIGHT = "largest weight"
"""What may stop being finite."""


def diverged(
    what: str,
    value: float,
    step: int,
    curve: Sequence[Epoch] | Sequence[DetectionEpoch],
    recipe: Recipe | DetectionRecipe,
    *,
    is_float16: bool,
) -> DivergedError:
    """What ends a training that has diverged, with what may help it.

    In float16 a step whose gradients leave its range is skipped, and that is no divergence: its loss is finite. A loss
    that is not means that activations have left the range; the weights are spared, the batch norms' statistics are not.

    Args:
        what: What is not finite.
        value: What it is.
        step: The step, counted from 1 over all epochs.
        curve: The epochs before.
        recipe: How it was trained.
        is_float16: Whether that was its arithmetic.
    """
    epoch, value_text = len(curve) + 1, cast(NotFinite, str(value))
    when = f"{'at' if what.startswith(TRAINING_LOSS) else 'after'} {place(step, epoch, recipe.epochs)}"
    remedies = [f"a smaller learning_rate than {recipe.learning_rate:g}"]
    remedies += ["a longer warm-up"] if isinstance(recipe, DetectionRecipe) else []
    remedies += ["precision=bfloat16"] if is_float16 else []
    return DivergedError(
        f"the {what} is {value_text} {when}; try {', '.join(remedies)}, or a gradient_clip_norm",
        loss=what,
        value=value_text,
        step=step,
        epoch=epoch,
        curve=tuple(curve),  # type: ignore[arg-type]
    )


def check_test_loss(
    loss: float, *, num_steps: int, selected_epoch: int, curve: Sequence[Epoch], recipe: Recipe, is_float16: bool
) -> None:
    """End a run whose weights are finite, but so large that the loss of a test image is not.

    Args:
        loss: Mean loss on the test split.
        num_steps: Steps of all epochs.
        selected_epoch: Epoch whose weights were tested.
        curve: All epochs.
        recipe: How it was trained.
        is_float16: Whether that was its arithmetic.

    Raises:
        DivergedError: If it is so.
    """
    if not math.isfinite(loss):
        step = num_steps // len(curve) * selected_epoch
        raise diverged(TEST_LOSS, loss, step, curve[: selected_epoch - 1], recipe, is_float16=is_float16)
