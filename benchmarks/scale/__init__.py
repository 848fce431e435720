"""How a suite grows: with workers, with executors, and with the number of its runs."""
