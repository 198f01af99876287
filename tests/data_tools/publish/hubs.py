"""A Hub of the tests' own that may be asked, a way to it, and time that does not pass."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from data_tools.publish.patience import Patience
from tests.hub import TOKEN, Hub


@contextmanager
def online(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """The Hub may be asked although all tests are offline, by a library that does not wait."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)
    with Hub() as hub:
        yield hub


def way_to(hub: Hub, folder: Path) -> dict[str, str]:
    cache = folder / "cache"
    return {"HF_ENDPOINT": hub.url, "HF_TOKEN": TOKEN, "XDG_CACHE_HOME": str(cache), "HF_HUB_CACHE": str(cache / "hub")}


def hurried(waited: list[float] | None = None, tries: int = 8) -> Patience:
    """Waits for nothing. waited: gets the seconds that it would have waited."""
    return Patience(sleep=(waited if waited is not None else []).append, chance=random.Random(0), tries=tries)
