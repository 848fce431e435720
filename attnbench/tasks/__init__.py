"""The tasks that models are trained for, as LightningModules."""

from attnbench.tasks.classification import Classification

__all__ = ["Classification"]
