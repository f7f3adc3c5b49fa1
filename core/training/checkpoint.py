"""Where a long training is, on the disk: written whole or not at all, read again with suspicion.

A checkpoint is one safetensors file; what is not a tensor lies as JSON in its header, so that both belong together,
and one digest covers both.
The one before it is kept: whatever byte the writing ends at, one of the two is whole.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from core.errors import CheckpointError
from core.texts import mark

logger = logging.getLogger(__name__)

FILE = "checkpoint.safetensors"
PREVIOUS = "previous.safetensors"
# Of what lies in the file: changes when it is to be read otherwise. The digest covers it.
_FORMAT = "pet-lens checkpoint 1"
# Writing may take this share of the time; where it takes more, checkpoints are farther apart, but not by more than so
# many times.
_WRITING_SHARE = 0.05
_STRETCH = 1.6


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What was stored.

    Attributes:
        tensors: by name.
        facts: the rest, as JSON has it.
    """

    tensors: Mapping[str, torch.Tensor] = field(repr=False)
    facts: Mapping[str, Any] = field(repr=False)


class CheckpointFolder:
    """The checkpoints of one training, in a folder of its own.

    Args:
        folder: made when the first one is written.
        identity: what the training is made of (settings, network, pictures); a checkpoint of another one is not taken.
        every_seconds: time between two checkpoints; up to 1.6 times as long where writing takes more than a twentieth
            of the time. 0: one whenever it is asked.
    """

    def __init__(self, folder: Path, identity: str, *, every_seconds: float = 15.0) -> None:
        self._folder, self._identity, self._every_seconds = folder, identity, every_seconds
        self._next = time.monotonic() + every_seconds

    def is_due(self) -> bool:
        """Whether it is time to write again."""
        return time.monotonic() >= self._next

    def write(self, checkpoint: Checkpoint) -> None:
        """Store it in place of the newest; that one becomes the previous.

        Raises:
            CheckpointError: the disk is full, or the folder may not be written to.
        """
        start = time.monotonic()
        facts = json.dumps({**checkpoint.facts, "identity": self._identity})
        digest = _digest(checkpoint.tensors, facts)
        content = save(dict(checkpoint.tensors), metadata={"facts": facts, "digest": digest})
        part = self._folder / f"{FILE}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if (self._folder / FILE).exists():
                os.replace(self._folder / FILE, self._folder / PREVIOUS)
            os.replace(part, self._folder / FILE)
            _sync_folder(self._folder)
        except OSError as error:
            raise CheckpointError(
                "The training's state could not be stored ({strerror}). Make room on the disk, then start again.",
                strerror=error.strerror,
            ) from error
        now = time.monotonic()
        pause = max(self._every_seconds, (now - start) / _WRITING_SHARE)
        self._next = now + min(pause, self._every_seconds * _STRETCH)

    def read_bytes(self) -> tuple[bytes | None, str]:
        """The newest file that is whole and of this training, and a note where something was wrong with one."""
        note = ""
        for name in (FILE, PREVIOUS):
            path = self._folder / name
            if not path.is_file():
                continue
            try:
                content = path.read_bytes()
                found = parse(content)
            except (OSError, CheckpointError) as error:
                logger.warning("%s is damaged: %s", name, error)
                note = mark("a damaged checkpoint was left aside")
                continue
            if found.facts["identity"] == self._identity:
                return content, note
            note = note or mark("the checkpoint is of another training: started anew")
        return None, note


def parse(content: bytes) -> Checkpoint:
    """A checkpoint out of the bytes of its file.

    Raises:
        CheckpointError: it is damaged.
    """
    try:
        tensors = load(content)
        length = int.from_bytes(content[:8], "little")
        header = json.loads(content[8 : 8 + length])["__metadata__"]
        whole = header["digest"] == _digest(tensors, header["facts"])
        facts = json.loads(header["facts"])
        whole = whole and isinstance(facts["identity"], str)
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError("The checkpoint is damaged.") from error
    if not whole:
        raise CheckpointError("The checkpoint is damaged.")
    return Checkpoint(tensors, facts)


def _digest(tensors: Mapping[str, torch.Tensor], facts: str) -> str:
    digest = hashlib.blake2b(_FORMAT.encode(), digest_size=16)
    digest.update(facts.encode())
    for name in sorted(tensors):
        digest.update(f"{name} {tensors[name].dtype} {tuple(tensors[name].shape)}".encode())
        digest.update(tensors[name].contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
