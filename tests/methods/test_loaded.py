"""Loaded methods stay, as long as there is room."""

from __future__ import annotations

import threading
import time

import pytest

from rorem.methods.loaded import Loaded
from rorem.remover import Method
from tests.stubs import Stub, method


def test_a_method_is_loaded_once_and_the_one_used_longest_ago_makes_room() -> None:
    shelf, loaded = Loaded(lambda: 10), []

    def load(name: str) -> Method:
        loaded.append(name)
        return method(Stub())

    first = shelf.get("a", 4, lambda: load("a"))
    assert shelf.get("a", 4, lambda: load("a")) is first
    shelf.get("b", 4, lambda: load("b"))
    shelf.get("a", 4, lambda: load("a"))
    shelf.get("c", 4, lambda: load("c"))  # b goes
    assert shelf.get("a", 4, lambda: load("a")) is first
    shelf.get("b", 4, lambda: load("b"))
    assert loaded == ["a", "b", "c", "b"]
    shelf.get("huge", 100, lambda: load("huge"))  # more than there is room for: loaded alone
    assert shelf.get("huge", 100, lambda: load("huge")) is not first
    assert loaded[-1] == "huge"


def test_a_loading_that_fails_leaves_nothing_behind() -> None:
    shelf = Loaded()

    def fail() -> Method:
        raise MemoryError

    with pytest.raises(MemoryError):
        shelf.get("a", 1, fail)
    good = method(Stub())
    assert shelf.get("a", 1, lambda: good) is good


def test_two_who_want_the_same_load_it_once() -> None:
    shelf, loads = Loaded(), []

    def slowly() -> Method:
        loads.append(1)
        time.sleep(0.05)
        return method(Stub())

    got: list[Method] = []
    threads = [threading.Thread(target=lambda: got.append(shelf.get("a", 1, slowly))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(loads) == 1 and len(set(map(id, got))) == 1
