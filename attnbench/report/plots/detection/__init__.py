"""Plots of detectors as files. They need matplotlib, which is imported when one is drawn."""
