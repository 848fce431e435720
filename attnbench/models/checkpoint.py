"""Weights from files and other projects into a model, and out of it."""

import difflib
import hashlib
import io
import os
import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from attnbench.errors import CheckpointError
from attnbench.models.checkpoint_names import translations

State = Mapping[str, torch.Tensor]

_WRAPPERS = ("state_dict", "model", "model_state_dict")
"""Keys under which checkpoints keep a state dict, beside an epoch, an optimizer …"""

_PREFIXES = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and LightningModules put before every name."""

_NUMPY_SCALARS: list[Any] = [
    (np.float64(0).__reduce__()[0], "numpy.core.multiarray.scalar"),
    np.float64(0).__reduce__()[0],
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("float64", "float32", "int64")),
]
"""Training scripts save their best accuracy as a NumPy scalar beside the weights; these hold no code."""

_LISTED = 5


def load_checkpoint(
    model: nn.Module, checkpoint: State | str | os.PathLike[str], *, without: tuple[str, ...] = ()
) -> None:
    """Fill every weight of a model from a checkpoint, or none.

    Takes plain state dicts, dicts that hold one under ``state_dict`` or
    ``model``, the prefixes of DataParallel, torch.compile and Lightning,
    safetensors files, and the names of timm, torchvision, and the authors of SGE,
    BAM and CBAM. Files are read with ``weights_only=True``: no code in them runs.

    Args:
        model: A model of `attnbench.create_model`; it keeps its device and dtype.
        checkpoint: A state dict, or the file of one.
        without: Beginnings of names that the checkpoint may have and the model does not, as of its classifier.

    Raises:
        CheckpointError: If the file cannot be read, a weight is missing, left over or of another shape, or the
            checkpoint is of modules as their authors ran them and the model's are not ``source=official``.
    """
    given = checkpoint if isinstance(checkpoint, Mapping) else read_checkpoint(Path(checkpoint))
    state = {name: value for name, value in _state_dict(given).items() if not name.startswith(without)}
    wanted = model.state_dict()
    matched, by_authors, left_over = _match(state, wanted)
    missing = [name for name in wanted if name not in matched and not name.endswith("num_batches_tracked")]
    problems = [
        *_listed("is not in the checkpoint", missing, left_over),
        *_listed("is not in the model", left_over, missing or list(wanted)),
        *_shape_problems(matched, wanted),
    ]
    if problems:
        raise CheckpointError("the checkpoint does not fit the model: " + "; ".join(problems))
    _check_sources(model, by_authors)
    model.load_state_dict({name: value.reshape(wanted[name].shape) for name, value in matched.items()}, strict=False)


def save_weights(model: nn.Module, path: str | os.PathLike[str]) -> None:
    """Write a model's weights as a plain state dict, whole or not at all.

    Args:
        model: The model.
        path: A file; one that ends in ``.safetensors`` gets that format.

    Raises:
        CheckpointError: If the file cannot be written.
    """
    path = Path(path)
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import save_file

            save_file(state, partial)
        else:
            torch.save(state, partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(f"cannot write {path}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def read_checkpoint(path: Path) -> Mapping[str, Any]:
    """The dict in a checkpoint's file, on the CPU.

    Raises:
        CheckpointError: If the file cannot be read, or holds other objects than tensors, numbers and text.
    """
    return read_hashed_checkpoint(path)[0]


def read_hashed_checkpoint(path: Path) -> tuple[Mapping[str, Any], str]:
    """The dict in a checkpoint's file, on the CPU, and the SHA-256 of the very bytes that it was decoded from.

    Raises:
        CheckpointError: If the file cannot be read, or holds other objects than tensors, numbers and text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror or error}") from error
    return _decode(content, path), hashlib.sha256(content).hexdigest()


def _decode(content: bytes, path: Path) -> Mapping[str, Any]:
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load

            return load(content)
        with torch.serialization.safe_globals(_NUMPY_SCALARS):
            loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} is not a checkpoint of tensors and numbers alone, and code in it is not run: "
            f"{str(error).partition('. ')[0]}"
        ) from error
    except Exception as error:
        raise CheckpointError(f"{path} is not a checkpoint, or is damaged or cut short: {error!r}") from error
    if not isinstance(loaded, Mapping):
        raise CheckpointError(f"{path} must hold a dict of weights; got a {type(loaded).__name__}")
    return loaded


def _state_dict(checkpoint: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """The tensors of a checkpoint, without wrappers and prefixes."""
    for wrapper in _WRAPPERS:
        if isinstance(checkpoint.get(wrapper), Mapping):
            checkpoint = checkpoint[wrapper]
            break
    state = {name: value for name, value in checkpoint.items() if isinstance(value, torch.Tensor)}
    if not state:
        raise CheckpointError(f"the checkpoint holds no weights; its keys are {', '.join(map(str, checkpoint)) or '∅'}")
    stripped = True
    while stripped:
        stripped = False
        for prefix in _PREFIXES:
            if all(name.startswith(prefix) for name in state):
                state = {name.removeprefix(prefix): value for name, value in state.items()}
                stripped = True
    return state


def _match(state: State, wanted: State) -> tuple[dict[str, torch.Tensor], set[str], list[str]]:
    """Our names with their values, those of them named as the modules' authors do, and names that fit nothing."""
    matched: dict[str, torch.Tensor] = {}
    by_authors: set[str] = set()
    left_over: list[str] = []
    for name, value in state.items():
        for candidate, of_authors in translations(name):
            if candidate in wanted and candidate not in matched:
                matched[candidate] = value
                if of_authors:
                    by_authors.add(candidate)
                break
        else:
            left_over.append(name)
    return matched, by_authors, left_over


def _listed(what: str, names: list[str], candidates: Iterable[str]) -> list[str]:
    candidates = list(candidates)
    problems = []
    for name in names[:_LISTED]:
        close = difflib.get_close_matches(name, candidates, n=1)
        problems.append(f"{name!r} {what}" + (f" (closest: {close[0]!r})" if close else ""))
    more = len(names) - _LISTED
    return problems + ([f"the same of {more} more"] if more > 0 else [])


def _shape_problems(matched: State, wanted: State) -> list[str]:
    # A linear layer and a 1×1 convolution, a vector and a 1×G×1×1 tensor hold the same weights.
    differing = [
        f"{name!r} has shape {tuple(value.shape)}, the model wants {tuple(wanted[name].shape)}"
        for name, value in matched.items()
        if _without_ones(value.shape) != _without_ones(wanted[name].shape)
    ]
    more = len(differing) - _LISTED
    return differing[:_LISTED] + ([f"the same of {more} more"] if more > 0 else [])


def _without_ones(shape: torch.Size) -> list[int]:
    return [size for size in shape if size != 1]


def _check_sources(model: nn.Module, by_authors: set[str]) -> None:
    for name, module in model.named_modules():
        source = getattr(module, "source", "official")
        if source != "official" and any(filled.startswith(f"{name}.") for filled in by_authors):
            raise CheckpointError(
                f"the checkpoint is of modules as their authors ran them, but {name} has source={source}; "
                "build the model with source=official"
            )
