"""Commands that are stopped at random moments, and whether what they leave is what an undisturbed one leaves."""
