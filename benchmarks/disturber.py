"""A program that keeps one processor busy on and off at random, until its standard input ends.

    python benchmarks/disturber.py SEED

Started by other benchmarks; it ends with them, however they end.
"""

import random
import sys
import threading
import time

MEAN_S = 0.3
"""Of how long it runs at a time, and of how long it rests; both are exponential."""


def main(seed: int) -> None:
    """Run and rest in turn."""
    chance, ended = random.Random(seed), threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    while not ended.wait(chance.expovariate(1 / MEAN_S)):
        until = time.monotonic() + chance.expovariate(1 / MEAN_S)
        while time.monotonic() < until:
            pass


if __name__ == "__main__":
    main(int(sys.argv[1]))
