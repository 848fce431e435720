"""Detectors in the page: their tables, plots and runs, beside those of leaderboards."""
