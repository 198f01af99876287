"""Bytes by name, in files of many."""

from __future__ import annotations

import logging
import pickle
from pathlib import Path

import pytest

from rorem.errors import BadData
from training.data.store import Store


def name(number: int) -> str:
    """Some begin alike, as only the second half tells them apart."""
    return f"{number // 3:016x}{number:016x}"


def test_what_was_put_in_comes_out(tmp_path: Path) -> None:
    store = Store(tmp_path)
    told = {name(number): bytes([number]) * number for number in range(20)}
    store.add({key: data for key, data in told.items() if int(key[HALF:], 16) < 12})
    assert name(3) in store and name(15) not in store and len(store) == 12
    other = Store(tmp_path)
    other.add({key: data for key, data in told.items() if int(key[HALF:], 16) >= 12})
    for one in (Store(tmp_path), pickle.loads(pickle.dumps(Store(tmp_path)))):
        assert len(one) == 20 and {key: one[key] for key in told} == told
    assert name(15) not in store
    store.refresh()
    assert store[name(15)] == told[name(15)] and len(store.files) == 2
    with pytest.raises(KeyError):
        store[name(20)]


def test_others_can_read_it(tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    Store(tmp_path).add({name(1): b"abc"})
    (file,) = tmp_path.glob("*.safetensors")
    assert load_file(file)[name(1)][:3].tobytes() == b"abc"


def test_damage_is_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    store = Store(tmp_path)
    store.add({name(1): b"a" * 100, name(2): b"b" * 100})
    store.refresh()
    (file,) = tmp_path.glob("*.safetensors")
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"bbb", b"bxb", 1))
    assert store[name(1)] == b"a" * 100
    with pytest.raises(BadData, match="is damaged"):
        store[name(2)]
    for part in (whole[:-1], whole[:30], b"", b"\xff" * 50):
        file.write_bytes(part)
        with caplog.at_level(logging.WARNING):
            caplog.clear()
            assert len(Store(tmp_path)) == 0 and "is damaged" in caplog.text
    file.unlink()
    with pytest.raises(BadData, match="cannot be read"):
        store[name(1)]


HALF = 16
