"""The folder of pictures that no set has: what is in it belongs to an item, and goes when the item goes."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sqlalchemy import Connection, Select, or_, select

from rorem.files import write_whole
from rorem.labels.items import OWN, PARTS, PRIVATE, keep_picture, picture_path
from rorem.labels.store import Store
from rorem.labels.tables import items

LEFT_AFTER = 3600.0  # s; a younger file may belong to an item that is only about to be written
NAME = re.compile(r"[0-9a-f]{64}|\.[0-9a-f]{64}\.\d+\.part")  # a picture, or what a killed write has left of one
OWNER = ".pictures-of"  # beside the folder; names the database whose items the pictures belong to, by its seed
PAGE = 2000
HASHES = [items.c[f"sha256_{part}"] for part in PARTS]


def keep_pictures(folder: Path, files: Iterable[bytes]) -> None:
    """Keeps pictures that are about to get an item. Raises OSError."""
    for data in files:
        keep_picture(folder, data)


def drop_pictures(store: Store, hashes: Iterable[str]) -> None:
    """Deletes pictures of the store's folder that no item needs any more. Raises CannotSave, OSError."""
    hashes = set(hashes)
    own = or_(items.c.origin == OWN, items.c.gold != "")  # a check's result is in no set
    needing = select(*HASHES).where(items.c.state != PRIVATE, own, or_(*(column.in_(hashes) for column in HASHES)))
    rows = store.read(lambda connection: connection.execute(needing).all())
    for digits in hashes - {digits for row in rows for digits in row}:
        _delete(picture_path(store.pictures, digits))


def strays(store: Store) -> list[Path]:
    """Files of the folder, older than an hour, that belong to no item: of work that was killed. Raises CannotSave."""
    found = {path.name: path for path in _old_files(store.pictures)}
    if found:
        store.read(lambda connection: _leave_out(connection, found))
    return sorted(found.values())


def sweep(store: Store) -> int:
    """Deletes the strays; how many there were. Raises CannotSave, OSError.

    None in a folder that another database was opened with before: what that one has would be taken for strays.
    """
    if not _is_owner(store):
        return 0
    found = strays(store)
    for path in found:
        if _is_old(path):  # still
            _delete(path)
    return len(found)


def room(folder: Path) -> int:
    """Free bytes of the disk where this folder is, or will be. Raises OSError."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return shutil.disk_usage(there).free


def _is_owner(store: Store) -> bool:
    """Whether it is this database's folder; the first one that asks makes it its own."""
    mark, mine = store.pictures.with_name(OWNER), str(store.order_seed())
    try:
        return mark.read_text("ascii") == mine
    except FileNotFoundError:
        write_whole(mark, mine.encode())
        return True


def _old_files(folder: Path) -> Iterator[Path]:
    """Only what this program has written: whatever else lies there is somebody's."""
    for path in folder.glob("[0-9a-f][0-9a-f]/*"):
        if NAME.fullmatch(path.name) and _is_old(path):
            yield path


def _is_old(path: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return time.time() - path.stat().st_mtime > LEFT_AFTER
    return False


def _leave_out(connection: Connection, found: dict[str, Path]) -> None:
    """Those that belong to an item."""
    wanted: Select[Sequence[str]] = select(*HASHES).where(items.c.state != PRIVATE)
    for row in connection.execute(wanted.execution_options(yield_per=PAGE)):
        for digits in row:
            found.pop(digits, None)


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # others are in it
        path.parent.rmdir()
