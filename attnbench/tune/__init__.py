"""Tuning: an Optuna study over what a module exposes, on one machine or many, and what its winner is worth."""
