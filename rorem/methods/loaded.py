"""Loaded methods, kept for the next removal: loading a large network takes longer than using it.

This holds weights and nothing of any visitor. What was not used for longest makes room when the memory is spoken for.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from rorem.hosting import gpu_is_lent
from rorem.memory import total_memory
from rorem.remover import Method

log = logging.getLogger(__name__)
SHARE = 0.5  # of the memory that loaded methods may fill together; the rest is for the work


class Loaded:
    """A shelf of loaded methods. May be used from any thread; nobody waits for the loading of another method."""

    def __init__(self, room: Callable[[], int | None] = lambda: None) -> None:
        """room: bytes for all methods together, asked for at each loading; None = no bound."""
        self._room = room
        self._kept: OrderedDict[Hashable, tuple[Method, int]] = OrderedDict()
        self.renew_locks()

    def renew_locks(self) -> None:
        """In a forked process, where a thread that held one is gone."""
        self._lock = threading.Lock()
        self._loading: dict[Hashable, threading.Lock] = {}

    def get(self, key: Hashable, size: int, load: Callable[[], Method]) -> Method:
        """The method with this key, loaded if it is not there.

        size: bytes it needs, about; a remover that knows better says so in its attribute `bytes`.
        """
        with self._lock:
            loading = self._loading.setdefault(key, threading.Lock())
        with loading:
            with self._lock:
                if key in self._kept:
                    self._kept.move_to_end(key)
                    return self._kept[key][0]
                self._make_room(size)
            method = load()
            with self._lock:
                self._kept[key] = method, getattr(method.remover, "bytes", size)
            return method

    def ids(self) -> frozenset[str]:
        """The ids of the methods that are here now."""
        with self._lock:
            return frozenset(method.traits.id for method, _ in self._kept.values())

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()

    def _make_room(self, size: int) -> None:
        room = self._room()
        while room is not None and self._kept and size + sum(kept for _, kept in self._kept.values()) > room:
            key, _ = self._kept.popitem(last=False)
            log.info("%s makes room for another method", key)


def room() -> int | None:
    """Bytes for loaded methods: half of the memory of the GPU that networks run on, or of the machine."""
    import torch

    from rorem.nets.compute import device

    where = device()
    if where.type == "cuda" and not gpu_is_lent():
        return round(SHARE * torch.cuda.get_device_properties(where).total_memory)
    total = total_memory()
    return None if total is None else round(SHARE * total)


NETWORKS = Loaded(room)  # one for the process, as the memory is
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=NETWORKS.renew_locks)
