"""Opening the database: new, old, newer, broken, and by several at once."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import OperationalError

from rorem.errors import BadOptions
from rorem.labels import database
from rorem.labels.database import BUSY, CannotSave, empty_log, open_engine
from rorem.labels.store import Store
from rorem.labels.tables import VERSION, facts, metadata
from tests.server import ROOT


def version_of(address: str) -> str | None:
    engine = open_engine(address)
    with engine.connect() as connection:
        found = connection.scalar(select(facts.c.value).where(facts.c.name == "version"))
    engine.dispose()
    return found


def change(address: str, *statements: str) -> None:
    engine = open_engine(address)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def test_a_new_database_gets_its_tables_and_a_seed_that_stays(address: str) -> None:
    seeds = set()
    for _ in range(2):
        engine = open_engine(address)
        with engine.connect() as connection:
            assert set(metadata.tables) <= set(inspect(connection).get_table_names())
            seeds.add(connection.scalar(select(facts.c.value).where(facts.c.name == "order_seed")))
        engine.dispose()
    assert len(seeds) == 1 and int(seeds.pop() or 0) > 0
    assert version_of(address) == str(VERSION)


def test_one_made_by_a_newer_version_is_refused_and_left_as_it_is(address: str) -> None:
    change(address, "UPDATE facts SET value = '99' WHERE name = 'version'")
    with pytest.raises(BadOptions, match="newer version"):
        open_engine(address)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "VERSION", 99)
        assert version_of(address) == "99"


def test_an_older_one_is_brought_up_to_date_once(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As version 0 would have left it: hand-outs had no number."""
    older = ["DROP INDEX handouts_number", "ALTER TABLE handouts DROP COLUMN number"]
    change(address, *older, "INSERT INTO strata (id, asked) VALUES ('dog/small', 5)")
    change(address, "UPDATE facts SET value = '0' WHERE name = 'version'")
    steps = []

    def step(connection: Connection) -> None:
        steps.append(1)
        connection.execute(text("ALTER TABLE handouts ADD COLUMN number BIGINT NOT NULL DEFAULT 0"))
        connection.execute(text("CREATE INDEX handouts_number ON handouts (annotator, number)"))

    monkeypatch.setattr(database, "MIGRATIONS", {0: step})
    assert version_of(address) == str(VERSION) and version_of(address) == str(VERSION)
    assert steps == [1]
    engine = open_engine(address)
    with engine.connect() as connection:
        assert "number" in {column["name"] for column in inspect(connection).get_columns("handouts")}
        assert connection.scalar(text("SELECT asked FROM strata")) == 5
    engine.dispose()


def test_a_step_that_fails_changes_nothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change(address, "INSERT INTO strata (id, asked) VALUES ('dog/small', 5)")
    change(address, "UPDATE facts SET value = '0' WHERE name = 'version'")

    def step(connection: Connection) -> None:
        connection.execute(text("DELETE FROM strata"))
        connection.execute(text("DROP TABLE shards"))
        connection.execute(text("SELECT nothing FROM nowhere"))

    monkeypatch.setattr(database, "MIGRATIONS", {0: step})
    with pytest.raises(CannotSave):
        open_engine(address)
    monkeypatch.setattr(database, "VERSION", 0)
    assert version_of(address) == "0"
    engine = open_engine(address)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT asked FROM strata")) == 5
        assert inspect(connection).has_table("shards")
    engine.dispose()


def test_one_too_old_for_any_step_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    change(address, "UPDATE facts SET value = '0' WHERE name = 'version'")
    monkeypatch.setattr(database, "MIGRATIONS", {})
    with pytest.raises(BadOptions, match="no longer"):
        open_engine(address)


@pytest.mark.parametrize("version", ["", "one", "-1", "\u00b2"], ids=range(4))
def test_another_program_s_database_is_refused(address: str, version: str) -> None:
    change(address, f"UPDATE facts SET value = '{version}' WHERE name = 'version'")
    with pytest.raises(BadOptions, match="not one of labels"):
        open_engine(address)


OPENING = "import sys; from rorem.labels.database import open_engine; open_engine(sys.argv[1]).dispose()"


def test_many_processes_open_a_new_one_at_once(address: str) -> None:
    command = [sys.executable, "-c", OPENING, address]
    started = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    for process in started:
        _, told = process.communicate(timeout=120)
        assert process.returncode == 0, told
    assert version_of(address) == str(VERSION)


SECRET = "s3cret"


@pytest.mark.parametrize(
    "address",
    ["", "nothing", f"mysql://me:{SECRET}@host/x", "sqlite://", "sqlite:///:memory:", f"who:{SECRET}@x", "nodb://x"],
)
def test_an_address_that_is_none_is_refused_without_showing_it(address: str) -> None:
    with pytest.raises(BadOptions) as caught:
        open_engine(address)
    assert SECRET not in caught.value.advice and "sqlite:///FILE" in caught.value.advice


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(CannotSave) as caught:
        open_engine(f"postgresql+psycopg://me:{SECRET}@127.0.0.1:1/labels?connect_timeout=2")
    assert SECRET not in caught.value.advice


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    path.write_bytes(b"a diary, nothing else" * 100)
    with pytest.raises(CannotSave):
        open_engine(f"sqlite:///{path}")
    assert path.read_bytes() == b"a diary, nothing else" * 100


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CannotSave, match="folder"):
        open_engine(f"sqlite:///{tmp_path}/file/labels.db")


def test_a_read_only_database_can_be_read_and_not_written(tmp_path: Path) -> None:
    path = tmp_path / "labels.db"
    open_engine(f"sqlite:///{path}").dispose()
    store = Store(f"sqlite:///file:{path}?mode=ro&uri=true", tmp_path)
    assert store.count() == 0 and store.order_seed() > 0
    with pytest.raises(CannotSave):
        store.write(lambda connection: connection.execute(text("DELETE FROM facts")))
    store.close()


def test_a_read_only_new_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "labels.db").touch()
    with pytest.raises(CannotSave):
        open_engine(f"sqlite:///file:{tmp_path}/labels.db?mode=ro&uri=true")


def test_sqlite_is_set_to_lose_nothing(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'labels.db'}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA fullfsync").scalar() == 1
    engine.dispose()


def test_a_database_that_somebody_else_keeps_locked_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "labels.db"
    open_engine(f"sqlite:///{path}").dispose()
    monkeypatch.setattr(database, "BUSY", 0.1)
    with sqlite3.connect(path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(CannotSave) as caught:
            open_engine(f"sqlite:///{path}")
    assert isinstance(caught.value.__cause__, OperationalError)
    open_engine(f"sqlite:///{path}").dispose()


def test_a_log_is_emptied_and_a_reader_does_not_hold_it_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "LOG_BUSY", 0.1)
    store, log = Store(f"sqlite:///{tmp_path / 'labels.db'}", tmp_path), tmp_path / "labels.db-wal"
    write = text("UPDATE facts SET value = value || 'x' WHERE name = 'order_seed'")
    store.write(lambda connection: connection.execute(write))
    with sqlite3.connect(tmp_path / "labels.db") as reader:
        cursor = reader.execute("SELECT * FROM facts")  # not read to its end
        store.write(lambda connection: connection.execute(write))
        store.read(empty_log)
        assert log.stat().st_size > 0
        cursor.close()
    store.read(empty_log)
    assert log.stat().st_size == 0
    assert store.read(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout").scalar()) == BUSY * 1000
    store.write(lambda connection: connection.execute(write))
    store.close()


def test_other_databases_have_no_such_log(store: Store) -> None:
    store.read(empty_log)
    assert store.count() == 0
