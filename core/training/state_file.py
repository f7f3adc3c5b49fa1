"""One file that holds the state of a training between two steps, so that a killed process can go on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class StateFile:
    """Tensors and plain values, written as one safetensors file.

    Attributes:
        path: where it lies; its folder is made when it is first written.
        tag: names what the state belongs to: a state with another tag is not read.
    """

    path: Path
    tag: str

    def write(self, tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> None:
        """Replace the state. Whenever the process dies, the old or the new one is there.

        A full disk is logged, not raised: the training itself goes on.
        """
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
            save_file(whole, temporary, metadata={"tag": self.tag, "plain": json.dumps(plain)})
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(temporary, self.path)
        except (OSError, SafetensorError) as error:
            logger.warning("The state of the training could not be saved: %s", error)
            with contextlib.suppress(OSError):
                temporary.unlink()

    def read(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]] | None:
        """The state; None where there is none, it belongs to something else, or it is damaged."""
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                said = file.metadata() or {}
                if said.get("tag") != self.tag:
                    return None
                return {name: file.get_tensor(name) for name in file.keys()}, json.loads(said["plain"])  # noqa: SIM118
        except (OSError, SafetensorError, ValueError, KeyError) as error:
            logger.warning("The state of the training is damaged; it begins anew: %s", error)
            return None

    def remove(self) -> None:
        """Forget the state."""
        with contextlib.suppress(OSError):
            self.path.unlink()


def tag_of(*parts: str | bytes | Sequence[str]) -> str:
    """32 hexadecimal digits that name those parts, in that order."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        content = part if isinstance(part, bytes) else json.dumps(part).encode()
        digest.update(len(content).to_bytes(8, "little") + content)
    return digest.hexdigest()
