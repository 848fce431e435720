"""What every task adds to the checkpoints of its training."""

from collections.abc import Mapping
from typing import Any

import lightning

from attnbench.models.description import DESCRIPTION


class DescribedTask(lightning.LightningModule):
    """A task whose checkpoints say what their weights are of."""

    description: Mapping[str, Any] | None = None
    """What they say, in plain dicts, numbers and text; none says nothing."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what the weights are of."""
        if self.description is not None:
            checkpoint[DESCRIPTION] = self.description
