"""One file from the web, which goes on where it was broken off and is there whole and right or not at all.

huggingface_hub 2 starts every file anew and deletes what it had: too dear for files of five gigabytes.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from rorem.errors import BadWeights
from rorem.weights.digests import Found, Wanted, difference, measure

OnBytes = Callable[[int, int | None, str], None]  # bytes here, bytes in all if known, name of the file
TRIES = 4  # in a row that bring nothing before we give up; a line that brings something may break as often as it likes
PAUSE = 1.0  # s before the second of them, twice that before the third
TIMEOUT = 30.0  # s without a byte
BUSY = {408, 425, 429, 500, 502, 503, 504}  # answers after which it is worth asking again


def fetch(url: str, target: Path, wanted: Wanted, headers: Mapping[str, str], on_bytes: OnBytes, name: str) -> Found:
    """Fetches a file to `target`, with the folders it needs, and says what it holds.

    What came so far lies beside it as `.NAME.part` and is used by the next call. on_bytes: may raise, to stop.
    name: for people. Raises BadWeights if what came is not what was wanted, huggingface_hub's errors for the network
    and OSError for the disk.
    """
    part = _unfinished(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    if not wanted.certain:  # nothing would tell whether an old start fits to a new end
        part.unlink(missing_ok=True)
    begun = _size(part) > 0
    _stubbornly(url, part, wanted, headers, on_bytes, name)
    found = measure(part, [wanted])
    if begun and difference(found, wanted):  # the old start may be the fault
        part.unlink()
        _stubbornly(url, part, wanted, headers, on_bytes, name)
        found = measure(part, [wanted])
    if wrong := difference(found, wanted):
        part.unlink()
        raise BadWeights(f"{name} did not arrive as it was published: {wrong}.", "Fetch it again later.")
    part.replace(target)
    return found


def kept(path: Path, wanted: Wanted) -> Found:
    """What a file that is there already holds. Raises BadWeights if it is another one: none is written over."""
    found = measure(path, [wanted])
    if wrong := difference(found, wanted):
        raise BadWeights(f"{path} is not the file that was published: {wrong}.")
    return found


def room_for(files: Iterable[tuple[Path, int]], folder: Path) -> None:
    """Raises OSError, as a full disk does, if what is still to come of these files will not fit to where the folder
    lies or will lie. files: with their bytes."""
    needed = sum(max(0, bytes - _size(_unfinished(target))) for target, bytes in files)
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if shutil.disk_usage(there).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def _stubbornly(url: str, part: Path, wanted: Wanted, headers: Mapping[str, str], on_bytes: OnBytes, name: str) -> None:
    """Until all is there, or too often nothing comes."""
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.errors import HTTPError as NetworkError  # pyright: ignore[reportPrivateImportUsage]

    idle = 0
    while True:
        before = _size(part)
        try:
            return _go_on(url, part, wanted, headers, on_bytes, name)
        except NetworkError as error:
            if isinstance(error, HfHubHTTPError) and error.response.status_code not in BUSY:
                raise
            idle = 1 if _size(part) > before else idle + 1
            if idle == TRIES:
                raise
            time.sleep(PAUSE * 2 ** (idle - 1))


def _go_on(url: str, part: Path, wanted: Wanted, headers: Mapping[str, str], on_bytes: OnBytes, name: str) -> None:
    """One request for what is missing."""
    from huggingface_hub.utils import get_session, hf_raise_for_status

    done = _size(part) if wanted.certain else 0
    if wanted.bytes and done >= wanted.bytes:
        if done == wanted.bytes:
            return
        done = 0
    asked = {**headers, "Accept-Encoding": "identity", **({"Range": f"bytes={done}-"} if done else {})}
    with get_session().stream("GET", url, headers=asked, timeout=TIMEOUT) as response:
        if response.status_code == 416:  # the file has become shorter; `fetch` sees that by its digits
            return
        hf_raise_for_status(response)
        if response.status_code != 206:  # all of it comes, whatever we asked for
            done = 0
        length = int(response.headers.get("Content-Length") or 0)
        total = wanted.bytes or (done + length if length else None)
        with part.open("ab" if done else "wb") as file:
            on_bytes(done, total, name)
            for chunk in response.iter_bytes():
                file.write(chunk)
                done += len(chunk)
                on_bytes(done, total, name)
            file.flush()
            os.fsync(file.fileno())


def _unfinished(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
