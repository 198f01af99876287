"""What was worked out about open photos and may be asked for again: a bounded number of bytes, gone with the photo."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

from rorem.ui.session import Session


class Sized(Protocol):
    @property
    def nbytes(self) -> int: ...


Value = TypeVar("Value", bound=Sized)


class PerPhoto(Generic[Value]):
    """Values by photo and key; the photo used longest ago loses its own first. For any thread.

    A photo's key should hold its `state`: its pixels change with every removal.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: WeakKeyDictionary[Session, OrderedDict[Hashable, Value]] = WeakKeyDictionary()
        self._lock = threading.RLock()

    def __len__(self) -> int:
        with self._lock:
            return sum(len(values) for values in self._kept.values())

    @property
    def nbytes(self) -> int:
        with self._lock:
            return sum(value.nbytes for values in self._kept.values() for value in values.values())

    def get(self, session: Session, key: Hashable) -> Value | None:
        with self._lock:
            if key not in self._kept.get(session, ()):
                return None
            values = self._kept[session] = self._kept.pop(session)  # the one used last stands last
            values.move_to_end(key)
            return values[key]

    def put(self, session: Session, key: Hashable, value: Value) -> None:
        with self._lock:
            values = self._kept.pop(session, OrderedDict[Hashable, Value]())
            values[key] = value
            self._kept[session] = values
            while self.nbytes > self._max_bytes:
                oldest = next(iter(self._kept))
                self._kept[oldest].popitem(last=False)
                if not self._kept[oldest]:
                    del self._kept[oldest]
