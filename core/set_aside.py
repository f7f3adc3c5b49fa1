"""What is kept for later, but perhaps never asked for again, lies on the disk instead of in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable

import torch

# Each tensor begins where any number format may.
_ALIGNED_BYTES = 64


def set_aside(tensors: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """The same values, mapped from a temporary file: they take memory only once they are read.

    The file has no name, so that it goes with the last of the tensors, or with the process, however that ends. Tensors of an
    accelerator stay where they are, and so do all where there is no room on the disk, or where a mapped file cannot lose its
    name (Windows).
    """
    tensors = list(tensors)
    size = sum(map(_room, tensors))
    if os.name == "nt" or not size:
        return tensors
    try:
        mapped = _mapped(tensors, size)
    except OSError:
        return tensors
    aside, place = [], 0
    for tensor in tensors:
        if _stays(tensor):
            aside.append(tensor)
            continue
        content = mapped[place : place + tensor.nbytes]
        aside.append(content.view(tensor.dtype).view(tensor.shape))
        place += _room(tensor)
    return aside


def set_bytes_aside(contents: Iterable[bytes | memoryview]) -> list[memoryview]:
    """The same for what is no tensor."""
    tensors = [torch.frombuffer(bytearray(content), dtype=torch.uint8) for content in contents]
    return [tensor.numpy().data for tensor in set_aside(tensors)]


def _mapped(tensors: list[torch.Tensor], size: int) -> torch.Tensor:
    """The bytes of a new file that holds them all. Written, not through the mapping, whose pages would stay in memory."""
    descriptor, path = tempfile.mkstemp(prefix="pet-lens-")
    try:
        with open(descriptor, "wb") as file:
            for tensor in tensors:
                if not _stays(tensor):
                    file.write(tensor.detach().contiguous().flatten().view(torch.uint8).numpy().data)
                    file.write(bytes(_room(tensor) - tensor.nbytes))
        return torch.from_file(path, shared=False, size=size, dtype=torch.uint8)
    finally:
        os.unlink(path)


def _room(tensor: torch.Tensor) -> int:
    """Bytes that it takes in the file."""
    return 0 if _stays(tensor) else -(-tensor.nbytes // _ALIGNED_BYTES) * _ALIGNED_BYTES


def _stays(tensor: torch.Tensor) -> bool:
    return tensor.device.type != "cpu" or not tensor.numel()
