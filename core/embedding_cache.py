"""Embeddings on disk, by content: who asks again, or asks for the same pictures elsewhere, waits for nothing.

One SQLite file for each way of computing them. SQLite keeps it whole through a crash at any byte and through several
processes at once. Each vector carries a checksum: one that was damaged on the disk counts as absent. The cache is never
needed: where it cannot be read or written, a warning is logged and the embeddings are computed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from core import limits
from core.places import embeddings_folder

logger = logging.getLogger(__name__)

_BATCH = 500
_WAIT_SECONDS = 10.0


class EmbeddingCache:
    """Vectors of one way of computing, `(D,)` float32 by 16-byte content keys.

    Args:
        way: names everything that decides the numbers; letters and digits.
        dim: `D`.
    """

    def __init__(self, way: str, dim: int, *, folder: Path | None = None) -> None:
        assert way.replace("-", "").isalnum()
        self._folder = folder or embeddings_folder()
        self._path = self._folder / f"{way}.sqlite"
        self._dim = dim

    def read(self, keys: Sequence[bytes]) -> dict[bytes, np.ndarray]:
        """Those of the vectors that are here and whole."""
        found: dict[bytes, np.ndarray] = {}
        if not self._path.is_file():
            return found
        wanted = list(dict.fromkeys(keys))

        def select(connection: sqlite3.Connection) -> None:
            for start in range(0, len(wanted), _BATCH):
                batch = wanted[start : start + _BATCH]
                marks = ",".join("?" * len(batch))
                query = f"SELECT key, vector, checksum FROM embeddings WHERE key IN ({marks})"
                for key, vector, checksum in connection.execute(query, batch):
                    if len(vector) == 4 * self._dim and zlib.crc32(vector) == checksum:
                        found[key] = np.frombuffer(vector, np.float32)

        self._use(select)
        with contextlib.suppress(OSError):
            os.utime(self._path)  # the least recently used file goes first
        return found

    def write(self, vectors: Mapping[bytes, np.ndarray]) -> None:
        """Keep these vectors; all of them or, if the process is killed, none."""
        rows = []
        for key, vector in vectors.items():
            content = np.ascontiguousarray(vector, np.float32).tobytes()
            rows.append((key, content, zlib.crc32(content)))
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            logger.warning("The folder of embeddings cannot be made: %s", error)
            return

        def insert(connection: sqlite3.Connection) -> None:
            columns = "key BLOB PRIMARY KEY, vector BLOB, checksum INTEGER"
            connection.execute(f"CREATE TABLE IF NOT EXISTS embeddings ({columns})")
            connection.executemany("INSERT OR REPLACE INTO embeddings VALUES (?, ?, ?)", rows)

        self._use(insert)

    def make_room(self) -> None:
        """Delete the files that were not used for longest until the folder is within its limit; this one goes last."""
        limit = limits.max_embeddings_bytes()
        files = []
        for file in self._folder.glob("*.sqlite"):
            with contextlib.suppress(OSError):
                stat = file.stat()
                files.append((file == self._path, stat.st_mtime, stat.st_size, file))
        total = sum(size for _, _, size, _ in files)
        for _, _, size, file in sorted(files):
            if total <= limit:
                return
            with contextlib.suppress(OSError):  # in use on Windows, or already gone
                file.unlink()
                total -= size

    def _use(self, action: Callable[[sqlite3.Connection], None]) -> None:
        """One transaction. A damaged file is thrown away; any other trouble is only logged."""
        try:
            with contextlib.closing(sqlite3.connect(self._path, timeout=_WAIT_SECONDS)) as connection, connection:
                action(connection)
        except sqlite3.OperationalError as error:  # disk full, read-only, locked for too long
            logger.warning("The embeddings on disk cannot be used: %s", error)
        except sqlite3.DatabaseError as error:
            logger.warning("The embeddings on disk are damaged and are computed again: %s", error)
            with contextlib.suppress(OSError):
                self._path.unlink()
