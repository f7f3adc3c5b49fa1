"""What was found out about a network, kept as long as the network itself."""

from __future__ import annotations

import collections
import threading
import weakref
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from torch import nn

T = TypeVar("T")

# Entries of one network: sizes of pictures, mostly one.
_MOST = 4


class Remembered(Generic[T]):
    """Values by network and key: the oldest of a network goes first, all of them with the network. Threads may share it."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._found: weakref.WeakKeyDictionary[nn.Module, collections.OrderedDict[Hashable, T]]
        self._found = weakref.WeakKeyDictionary()

    def get(self, model: nn.Module, key: Hashable, make: Callable[[], T]) -> T:
        """The value, made by `make` where it is not there; two who ask at once may both make it, which does no harm."""
        with self._lock:
            values = self._found.setdefault(model, collections.OrderedDict())
            if key in values:
                values.move_to_end(key)
                return values[key]
        made = make()
        with self._lock:
            made = values.setdefault(key, made)
            while len(values) > self._most:
                values.popitem(last=False)
        return made
