"""All photos that are open on this server, each in a folder of its own that nobody can guess."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

from rorem.errors import BadPicture, RoremError
from rorem.picture import Limits
from rorem.ui.session import Session

SWEEP_SECONDS = 30
MOST_OF_ONE = 50  # photos of one address (a school, say); with more its own oldest go, never another visitor's


class Gone(RoremError):
    """The photo is no longer on the server."""

    fix = "Open it again: your marks are still here."


class NoSpace(RoremError):
    """The server's disk is full."""

    fix = "Please try again later."


class Sessions:
    """Opens, finds and deletes sessions. Idle ones go after `keep_seconds`, the oldest when the disk is used up."""

    def __init__(self, data_dir: Path, limits: Limits, keep_seconds: float, max_disk: int) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        _delete_orphans(data_dir)
        self._folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=data_dir))  # mode 0700
        self._limits = limits
        self._keep_seconds = keep_seconds
        self._max_disk = max_disk
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        threading.Thread(target=self._sweep_forever, name="rorem-sessions", daemon=True).start()

    @property
    def limits(self) -> Limits:
        return self._limits

    def __len__(self) -> int:
        return len(self._open)

    def get(self, token: str) -> Session:
        """The session of a token. Raises Gone."""
        with self._lock:
            session = self._open.get(token)
        if session is None:
            raise Gone("Your photo was put away after a long pause.")
        session.used = time.monotonic()
        return session

    async def open_stream(self, chunks: AsyncIterator[bytes], name: str) -> Path:
        """Writes an upload to a new folder and returns the folder, for `open_folder`. Raises BadPicture, NoSpace."""
        folder = self._folder / secrets.token_urlsafe(24)
        try:
            folder.mkdir()
            total = 0
            with (folder / "original").open("wb") as file:
                async for chunk in chunks:
                    total += len(chunk)
                    if total > self._limits.max_bytes:
                        raise BadPicture(f"The file is larger than {self._limits.max_bytes // 1_000_000} MB.")
                    file.write(chunk)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise NoSpace("The server has no room for your photo right now.") from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def open_bytes(self, data: bytes, name: str, owner: str = "") -> Session:
        """A session for a file in memory. Raises BadPicture, NoSpace."""
        folder = self._folder / secrets.token_urlsafe(24)
        try:
            folder.mkdir()
            (folder / "original").write_bytes(data)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise NoSpace("The server has no room for your photo right now.") from error
        return self.open_folder(folder, name, owner)

    def open_folder(self, folder: Path, name: str, owner: str = "") -> Session:
        """Opens the file in a folder made by `open_stream`. Raises BadPicture, NoSpace; then the folder is gone.

        owner: the visitor's address.
        """
        try:
            session = Session(folder.name, folder, _tame(name), self._limits, owner)
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise NoSpace("The server has no room for your photo right now.") from error
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        with self._lock:
            self._open[session.token] = session
            own = sorted((one for one in self._open.values() if one.owner == owner), key=lambda one: one.used)
        if owner:
            for one in own[:-MOST_OF_ONE]:
                self.delete(one.token)
        self.sweep()
        return session

    def delete(self, token: str) -> None:
        with self._lock:
            session = self._open.pop(token, None)
        if session is not None:
            session.delete()

    def sweep(self) -> None:
        """Deletes sessions that were idle too long, then the oldest idle ones while too much disk is used."""
        now = time.monotonic()
        with self._lock:
            idle = sorted((one for one in self._open.values() if not one.busy), key=lambda one: one.used)
            every = list(self._open.values())
        used = sum(_size(one) for one in every)
        for session in idle:
            too_old = now - session.used > self._keep_seconds
            if too_old or (used > self._max_disk and session is not idle[-1]):
                used -= _size(session)
                self.delete(session.token)

    def close(self) -> None:
        """Deletes everything."""
        self._closing.set()
        for token in list(self._open):
            self.delete(token)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _sweep_forever(self) -> None:
        while not self._closing.wait(SWEEP_SECONDS):
            with contextlib.suppress(OSError):
                self.sweep()


def _size(session: Session) -> int:
    try:
        return session.size_on_disk()
    except OSError:
        return 0


def _tame(name: str) -> str:
    """A visitor's file name without folders and control characters; it is only shown and suggested for download."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(sign for sign in last if sign.isprintable() and sign not in '<>:"|?*')[:120] or "photo"


def _delete_orphans(data_dir: Path) -> None:
    """Deletes what an app that was killed left behind: folders named after a process that is no more."""
    for folder in data_dir.iterdir():
        pid, dash, _ = folder.name.partition("-")
        if dash and pid.isdigit() and not _alive(int(pid)):
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
