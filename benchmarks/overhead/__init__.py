"""What attnbench takes besides the training itself: over a bare loop, to start, with several runs at once."""
