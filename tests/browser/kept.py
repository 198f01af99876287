"""An app of its own whose kept labels a test can look into."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.server import App, start_app


@dataclass
class Labels:
    """What an app has kept."""

    folder: Path

    def rows(self, query: str) -> list[tuple]:
        with sqlite3.connect(f"file:{self.folder / 'labels.db'}?mode=ro", uri=True) as connection:
            return connection.execute(query).fetchall()

    def answers(self) -> list[tuple]:
        return self.rows("SELECT verdict, reasons, source FROM events ORDER BY seq")

    def held(self) -> int:
        return self.rows("SELECT count(*) FROM items WHERE state = 'held'")[0][0]

    def pictures(self) -> int:
        return sum(path.is_file() for path in (self.folder / "pictures").rglob("*"))


@contextmanager
def app_with_labels(folder: Path, **environment: str) -> Iterator[tuple[App, Labels]]:
    """An app that keeps its labels under `folder`; at the end it has to stop well and to have said nothing odd."""
    running = start_app(folder / "data", environment={"ROREM_LABEL_DIR": str(folder / "kept"), **environment})
    yield running, Labels(folder / "kept")
    assert running.stop() == 0, "".join(running.log)
    assert "Traceback" not in "".join(running.log), "".join(running.log)
