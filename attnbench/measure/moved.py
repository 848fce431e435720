"""Bytes that one operator reads and writes.

It reads each of its operands once and writes each of its results once.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from attnbench.efficiency_record import MovedBytes

# They reserve memory and leave it as it is.
_RESERVING = frozenset(
    {"aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty", "aten::new_empty_strided"}
)
# What they write in place they do not look at before.
_OVERWRITING = frozenset(
    {"aten::copy_", "aten::fill_", "aten::zero_", "aten::bernoulli_", "aten::normal_", "aten::uniform_"}
)
# Of their first operand they read what the result has, not the whole.
_GATHERING = frozenset({"aten::embedding", "aten::gather", "aten::index", "aten::index_select"})


def moved_bytes(
    schema: Any, args: Sequence[object], kwargs: Mapping[str, object], result: object, parameters: set[int]
) -> MovedBytes:
    """What one operator moves; one that writes nothing, as a view does, moves nothing.

    Args:
        schema: The operator's, which says what it changes in place.
        args: Its operands by position.
        kwargs: Its operands by name.
        result: What it returned.
        parameters: The storages that are of parameters and buffers, as `storage_of` names them.
    """
    read, written = _read_and_written(schema, args, kwargs, result)
    if not written:
        return MovedBytes()
    read_bytes = {place: _bytes_of(tensor) for place, tensor in read.items()}
    if schema.name in _GATHERING:
        source = next(iter(read))
        read_bytes[source] = min(read_bytes[source], *(_bytes_of(tensor) for tensor in written.values()))
    moved = MovedBytes()
    for place, tensor in read.items():
        kind = "parameter_bytes" if storage_of(tensor) in parameters else "read_bytes"
        moved += MovedBytes(**{kind: read_bytes[place]})
    for tensor in written.values():
        kind = "parameter_bytes" if storage_of(tensor) in parameters else "written_bytes"
        moved += MovedBytes(**{kind: _bytes_of(tensor)})
    return moved


def storage_of(tensor: torch.Tensor) -> int:
    """A name of the memory that a tensor shares with its views, for as long as one of them is alive."""
    return int(tensor.untyped_storage()._cdata)


def _read_and_written(
    schema: Any, args: Sequence[object], kwargs: Mapping[str, object], result: object
) -> tuple[dict[object, torch.Tensor], dict[object, torch.Tensor]]:
    """Tensors by their place in memory, so that an operand given twice is read once."""
    read: dict[object, torch.Tensor] = {}
    written: dict[object, torch.Tensor] = {}
    operands: set[int] = set()
    for index, argument in enumerate(schema.arguments):
        changed = argument.alias_info is not None and argument.alias_info.is_write
        for tensor in _tensors(args[index] if index < len(args) else kwargs.get(argument.name)):
            operands.add(storage_of(tensor))
            if changed:
                written[_place(tensor)] = tensor
            if not changed or not (argument.is_out or schema.name in _OVERWRITING):
                read[_place(tensor)] = tensor
    results = result if isinstance(result, tuple) else (result,)
    if schema.name not in _RESERVING:
        for returned, value in zip(schema.returns, results, strict=False):
            for tensor in _tensors(value):
                # Some operators return their operand and do not declare it.
                if returned.alias_info is None and storage_of(tensor) not in operands:
                    written[_place(tensor)] = tensor
    return read, written


def _tensors(value: object) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)


def _place(tensor: torch.Tensor) -> object:
    return storage_of(tensor), tensor.storage_offset(), tensor.shape, tensor.stride(), tensor.dtype


def _bytes_of(tensor: torch.Tensor) -> int:
    """Bytes in memory; values that a broadcast or overlapping view repeats are there once."""
    if not tensor.numel():
        return 0
    distinct = math.prod(size for size, stride in zip(tensor.shape, tensor.stride(), strict=True) if stride)
    return min(distinct * tensor.element_size(), tensor.untyped_storage().nbytes())
