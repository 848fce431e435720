"""Leaderboards: from the records of runs to tables and sentences."""
