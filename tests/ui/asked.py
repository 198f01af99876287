"""What the tests of answers, sharing and votes have in common: an app without a page, and its labels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from rorem.labels.database import CannotSave
from rorem.labels.event import Event
from rorem.labels.items import item_of
from rorem.labels.store import Store
from rorem.picture import Limits
from rorem.ui.desk import Office
from rorem.ui.sessions import Sessions
from rorem.ui.settings import read


class App:
    """Routes of a running app, its photos and its labels."""

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.settings = read({"label_dir": folder / "labels", **changes}, {})
        self.office = Office(self.settings, {})
        self.sessions = Sessions(folder / "data", Limits(max_bytes=3_000_000, max_pixels=1_000_000), 3600, 10**9)
        self.folder = folder

    @contextmanager
    def serving(self, *routes: Route) -> Iterator[TestClient]:
        with TestClient(Starlette(routes=list(routes))) as http:
            yield http
        self.office.close()
        self.sessions.close()

    @property
    def store(self) -> Store:
        return self.office.desk().store

    def events(self) -> list[Event]:
        return [event for _, event in self.store.events()]

    def state(self, id: str) -> str | None:
        row = self.store.read(lambda connection: item_of(connection, id))
        return None if row is None else str(row["state"])

    def kept(self) -> list[Path]:
        """Pictures in the store's folder."""
        return [path for path in self.store.pictures.rglob("*") if path.is_file()]

    def break_store(self) -> None:
        """From now on nothing can be written."""

        def broken(*_: object) -> None:
            raise CannotSave("Answers cannot be saved now.")

        self.store.write = broken  # type: ignore[method-assign]
