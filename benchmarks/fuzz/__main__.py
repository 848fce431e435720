"""Fuzzes readers of specs, variants, records and annotations, for a bounded time each.

    python -m benchmarks.fuzz --seconds 60 --target record

atheris watches which code an input reaches, and goes on from those that reach more. It begins with valid files:
presets, records in `results/`, and annotations. Without a target all of them are fuzzed in turn. What breaks a
promise of `benchmarks.fuzz.targets` is printed with its input, and the exit code is 1.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from benchmarks.fuzz.targets import TARGETS

ROOT = Path(__file__).parents[2]
SEED_FILES: Mapping[str, str] = {
    "spec": "attnbench/presets/*.yaml",
    "detection-spec": "attnbench/presets/detection/*.yaml",
    "record": "results/*/records/????????????????.json",
    "detection-record": "results/**/*.detection.json",
    "efficiency-record": "results/**/*.efficiency.json",
}
"""Valid files to begin with."""
SEED_TEXTS: Mapping[str, tuple[bytes, ...]] = {
    "variant": (b"none,ge:extent=8,parametric=false,sge:stages=3,4", b"folder:image_size=64,crop_ratio=0.5"),
    "space": (b"groups: {divisors: {low: 2}}\nnormalize: [true, false]\nx: {low: 0.1, high: 1.0, log: true}",),
    "coco": (
        b'{"images": [{"id": 7, "file_name": "7.png", "height": 3, "width": 4}],'
        b'"categories": [{"id": 1, "name": "a"}], "annotations": ['
        b'{"id": 1, "image_id": 7, "category_id": 1, "bbox": [0, 0, 2, 2], "area": 4, "iscrowd": 0,'
        b'"segmentation": {"size": [3, 4], "counts": [4, 3, 5]}},'
        b'{"image_id": 7, "category_id": 1, "bbox": [0, 0, 2, 2], "segmentation": [[0, 0, 2, 0, 2, 2]]}]}',
    ),
}
"""Valid texts to begin with, where no file of the house is one."""

_MOST_SEEDS, _MOST_BYTES, _LEAST_LENGTH = 20, 2**16, 2**10
_HANGS_AFTER_S, _MOST_MEGABYTES = 20, 4_096


@dataclass(frozen=True)
class Fuzzed:
    """What became of one reader."""

    target: str
    executions: int
    found: str | None
    """What libFuzzer says of an input that breaks a promise, hangs or fills the memory; none where there is none."""


def fuzz(target: str, *, seconds: int) -> Fuzzed:
    """Fuzz one reader for so many seconds, or until an input breaks its promise."""
    with tempfile.TemporaryDirectory() as folder:
        seeds = Path(folder) / "seeds"
        seeds.mkdir()
        contents = list(seeds_of(target))
        for number, content in enumerate(contents):
            (seeds / str(number)).write_bytes(content)
        longest = max(_LEAST_LENGTH, 2 * max(map(len, contents), default=0))
        options = [
            f"-max_total_time={seconds}", f"-timeout={_HANGS_AFTER_S}", f"-rss_limit_mb={_MOST_MEGABYTES}",
            f"-max_len={longest}", f"-artifact_prefix={folder}/", "-print_final_stats=1", "-seed=1", str(seeds),
        ]  # fmt: skip
        words = [sys.executable, "-m", "benchmarks.fuzz.child", target, *options]
        ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
        units = re.search(r"stat::number_of_executed_units:\s*(\d+)", ended.stderr)
        broken = [file.read_bytes() for file in Path(folder).iterdir() if file.is_file()]
    found = None
    if ended.returncode or broken:
        said = "\n".join(line for line in ended.stderr.splitlines() if not line.startswith(("INFO:", "#")))
        # The exception itself is on standard output.
        told = [ended.stdout.strip()[-4_000:], said[-4_000:], f"exit code: {ended.returncode}"]
        found = "\n".join([*filter(None, told), f"input: {b''.join(broken)[:4_000]!r}"])
    return Fuzzed(target, int(units[1]) if units else 0, found)


def seeds_of(target: str) -> Iterator[bytes]:
    """Valid inputs to begin with."""
    yield from SEED_TEXTS.get(target, ())
    files = sorted(ROOT.glob(SEED_FILES[target])) if target in SEED_FILES else []
    small = [file for file in files if file.stat().st_size <= _MOST_BYTES]
    yield from (file.read_bytes() for file in small[:_MOST_SEEDS])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--seconds", type=int, default=60, help="seconds for each target; 60 by default")
    parser.add_argument("--target", choices=[*TARGETS, "all"], default="all")
    options = parser.parse_args(arguments)
    if find_spec("atheris") is None:
        print("fuzzing needs atheris, which has wheels for some Pythons only: pip install attnbench[fuzz]")
        return 2
    status = 0
    for target in TARGETS if options.target == "all" else [options.target]:
        fuzzed = fuzz(target, seconds=options.seconds)
        print(f"{target}: {fuzzed.executions:,} executions, {'1 crash' if fuzzed.found else '0 crashes'}", flush=True)
        if fuzzed.found:
            print(fuzzed.found, file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
