"""What every task adds to Lightning's module."""

from collections.abc import Mapping
from typing import Any

import lightning

from attnbench.models.description import DESCRIPTION


class DescribedTask(lightning.LightningModule):
    """A task whose checkpoints say what their weights are of, and whose steps Lightning slows down less."""

    description: Mapping[str, Any] | None = None
    """What they say, in plain dicts, numbers and text; none says nothing."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Add what the weights are of."""
        if self.description is not None:
            checkpoint[DESCRIPTION] = self.description

    def __setattr__(self, name: str, value: Any) -> None:
        # Lightning notes here which hook it calls, some fifty times a step, and torch would look each time whether it
        # is a layer.
        if name == "_current_fx_name":
            self.__dict__[name] = value
        else:
            super().__setattr__(name, value)
