"""All photos that are open on this server, each in a folder of its own that nobody can guess."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from rorem.errors import BadOptions, BadPicture, RoremError
from rorem.picture import Limits
from rorem.ui.session import Session

SWEEP_SECONDS = 30
MOST_OF_ONE = 50  # photos of one address (a school, say); with more its own oldest go, never another visitor's
_live: set[Path] = set()  # folders of this process; others with its number are of one that had the number before


class Gone(RoremError):
    """The photo is no longer on the server."""

    fix = "Open it again: your marks are still here."


class NoSpace(RoremError):
    """The server's disk is full."""

    fix = "Please try again later."


class Sessions:
    """Opens, finds and deletes sessions. Idle ones go after `keep_seconds`; when the disk is used up the oldest of
    whoever holds most."""

    def __init__(self, data_dir: Path, limits: Limits, keep_seconds: float, max_disk: int) -> None:
        """Raises BadOptions if nothing can be written in `data_dir`."""
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            _delete_orphans(data_dir)
            self._folder = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}-", dir=data_dir)).absolute()  # mode 0700
        except OSError as error:
            why = (error.strerror or "it cannot be used").lower()
            raise BadOptions(f"The folder {data_dir} cannot hold photos: {why}.", "Choose another data_dir.") from error
        _live.add(self._folder)
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

    @property
    def exchange(self) -> Path:
        """The folder for files of requests that open no session; what lies there as long as an idle photo goes, too."""
        return self._folder / "exchange"

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

    async def open_stream(self, chunks: AsyncIterator[bytes]) -> Path:
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
        """Deletes sessions that were idle too long, then others while too much disk is used.

        Of those the oldest idle one of the address that holds most, so nobody pushes others out with huge photos. The
        one used last stays: it has just been opened.
        """
        now = time.monotonic()
        with self._lock:
            every = sorted(self._open.values(), key=lambda one: one.used)
        sizes = {one: _size(one) for one in every}
        for session in every:
            if now - session.used > self._keep_seconds and self._delete_idle(session, now):
                del sizes[session]
        idle = [one for one in every[:-1] if one in sizes]
        while idle and sum(sizes.values()) > self._max_disk:
            held = Counter[str]()
            for one, size in sizes.items():
                held[one.owner] += size
            most = max(idle, key=lambda one: held[one.owner])  # the first, so the oldest, where several are alike
            idle.remove(most)
            if self._delete_idle(most, now):
                del sizes[most]
        self._sweep_exchange()

    def _delete_idle(self, session: Session, seen: float) -> bool:
        """Deletes a session unless it is at work or was asked for since `seen`; returns whether it did."""
        if not session.lock.acquire(blocking=False):
            return False
        try:
            if session.busy or session.used > seen:
                return False
            self.delete(session.token)
            return True
        finally:
            session.lock.release()

    def _sweep_exchange(self) -> None:
        oldest = time.time() - self._keep_seconds
        for file in self.exchange.rglob("*"):
            with contextlib.suppress(OSError):
                if file.is_file() and file.stat().st_mtime < oldest:
                    file.unlink()

    def close(self) -> None:
        """Deletes everything."""
        self._closing.set()
        for token in list(self._open):
            self.delete(token)
        shutil.rmtree(self._folder, ignore_errors=True)
        _live.discard(self._folder)

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
    """Deletes what an app that was killed left behind: folders named after a process that is no more.

    A container starts with the same process numbers each time, so this process's own number proves nothing.
    """
    for folder in data_dir.iterdir():
        pid, dash, _ = folder.name.partition("-")
        if not dash or not pid.isdigit():
            continue
        living = folder.absolute() in _live if int(pid) == os.getpid() else _alive(int(pid))
        if not living:
            shutil.rmtree(folder, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
