"""Fuzzes one reader in a process of its own, which libFuzzer ends.

python -m benchmarks.fuzz.child TARGET [options of libFuzzer …]
"""

import sys

import atheris

with atheris.instrument_imports(include=["attnbench", "yaml"]):
    from benchmarks.fuzz.targets import TARGETS


def main() -> None:
    name, *options = sys.argv[1:]
    atheris.Setup([sys.argv[0], *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
