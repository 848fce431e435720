"""The machine and software that make a record."""

import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import torch

import attnbench
from attnbench.hardware import resolve_device, resolve_precision
from attnbench.record import Environment
from attnbench.spec import Compute

_PACKAGES = (
    "faster-coco-eval", "fvcore", "lightning", "numpy", "scikit-learn", "timm", "torch", "torchmetrics", "torchvision",
)  # fmt: skip


def capture_environment(compute: Compute) -> Environment:
    """What a run's record says of where it was made."""
    return environment_of(resolve_device(compute), resolve_precision(compute))


def environment_of(device: torch.device, precision: str) -> Environment:
    """What a record says of where it was made.

    Args:
        device: Where was computed.
        precision: In which arithmetic.
    """
    return Environment(
        attnbench=attnbench.__version__,
        git_revision=_git_revision(),
        python=platform.python_version(),
        packages={name: version(name) for name in _PACKAGES},
        platform=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        precision=precision,
        threads=torch.get_num_threads(),
    )


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git_revision() -> str | None:
    package = Path(__file__).parent
    if not (package.parent / ".git").exists():
        return None  # installed: the version says it all
    revision = _git(package, "rev-parse", "--short=12", "HEAD")
    changes = _git(package, "status", "--porcelain", "--", str(package))
    return f"{revision}+changes" if revision and changes else revision


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
