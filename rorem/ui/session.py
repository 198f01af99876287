"""One visitor's photo at work: its pixels on disk, and every removal with a way back and forth.

Nothing large stays in memory between two requests, so a server holds as many photos as its disk does. Undo writes the
old pixels back; after as many undos as edits the photo is what it was, byte for byte.
"""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rorem.geometry import Box
from rorem.picture import Edit, Limits, Patch, Picture, crop, encode, open_picture, suffix, tells_place
from rorem.remover import Removal

ORIGINAL = 0  # the state before any removal


@dataclass(frozen=True)
class Version:
    """A removal that was made: its number (also the number of the state it leads to) and what the visitor is told."""

    number: int
    parent: int
    boxes: tuple[Box, ...]
    seed: int
    method: str
    generative: bool
    seconds: float
    working: tuple[int, int]
    notes: tuple[str, ...]


class Session:
    """A photo on disk in `folder`, and its removals. Methods that change something may be called from any thread."""

    def __init__(self, token: str, folder: Path, name: str, limits: Limits, owner: str = "") -> None:
        """Opens `folder`/original. Raises BadPicture."""
        self.token = token
        self.folder = folder
        self.name = name
        self.owner = owner
        self.lock = threading.RLock()
        self.cancel = threading.Event()  # of the removal under way
        self.busy = False
        self.used = time.monotonic()
        opened = open_picture(folder / "original", name=name, limits=limits)
        self._picture = replace(
            opened,
            colour=_kept(folder / "colour.npy", opened.colour),
            alpha=None if opened.alpha is None else _kept(folder / "alpha.npy", opened.alpha),
        )
        self.tells_place = tells_place(self._picture)
        self._versions: dict[int, Version] = {}
        self._applied: list[int] = []
        self._undone: list[int] = []
        self._choices: list[int] = []
        self._last = ORIGINAL

    def begin(self) -> threading.Event | None:
        """Takes the photo for one removal: the event that stops it, or None while another one runs."""
        with self.lock:
            if self.busy:
                return None
            self.busy = True
            self.cancel = threading.Event()
            return self.cancel

    def end(self, cancel: threading.Event) -> None:
        """Frees the photo again, if the removal with this event still holds it."""
        with self.lock:
            if self.cancel is cancel:
                self.busy = False

    @property
    def picture(self) -> Picture:
        """The photo as it is now. Its arrays are read from disk as they are needed."""
        return self._picture

    @property
    def state(self) -> int:
        """The number of the removal that was applied last, or ORIGINAL."""
        return self._applied[-1] if self._applied else ORIGINAL

    @property
    def undoable(self) -> bool:
        return bool(self._applied)

    @property
    def redoable(self) -> bool:
        return bool(self._undone)

    @property
    def choices(self) -> tuple[int, ...]:
        """The candidates of the last removal, as long as one of them is what is shown."""
        return tuple(self._choices) if self.state in self._choices else ()

    def version(self, number: int) -> Version | None:
        return self._versions.get(number)

    def add(self, removal: Removal, *, again: bool) -> int:
        """Keeps a removal's pixels and shows it. again: it is a further candidate beside the one shown.

        The removal must have been made from `self.picture`, for a further candidate as it was before the one shown.
        """
        with self.lock:
            if again and self.choices:
                self._unapply(self._applied.pop())
            else:
                self._choices = []
            self._last += 1
            number = self._last
            self._versions[number] = Version(
                number=number,
                parent=self.state,
                boxes=tuple(one.box for one in removal.patches),
                seed=removal.seed,
                method=removal.method,
                generative=removal.generative,
                seconds=removal.seconds,
                working=max((window.working for window in removal.windows), default=(0, 0)),
                notes=removal.notes,
            )
            _write(self._file(number, "after"), removal.patches)
            self._choices.append(number)
            self._forget_undone()
            self._apply(number)
            return number

    def choose(self, number: int) -> None:
        """Shows another candidate of the last removal; an unknown number changes nothing."""
        with self.lock:
            if number in self.choices and number != self.state:
                self._unapply(self._applied.pop())
                self._apply(number)

    def undo(self) -> None:
        with self.lock:
            if self._applied:
                number = self._applied.pop()
                self._unapply(number)
                self._undone.append(number)

    def redo(self) -> None:
        with self.lock:
            if self._undone:
                self._apply(self._undone.pop())

    def before(self) -> Picture:
        """The photo as it was before the removal that is shown: what a further candidate starts from."""
        with self.lock:
            if not self.choices:
                return self._picture
            whole = Box(0, 0, self._picture.width, self._picture.height)
            return crop(self._picture, whole, self._back_to(self._versions[self.state].parent))

    def window(self, state: int, box: Box) -> Picture | None:
        """A part of the photo as it was in an earlier state or would be with a candidate; None for an unknown state."""
        with self.lock:
            if state == ORIGINAL or state in self._applied:
                return crop(self._picture, box, self._back_to(state))
            version = self._versions.get(state)
            if version is None or (version.parent != ORIGINAL and version.parent not in self._applied):
                return None
            return crop(self._picture, box, (*self._back_to(version.parent), *_read(self._file(state, "after"))))

    def encoded(self, format: str | None, *, mark: bool, keep_gps: bool) -> tuple[bytes, str]:
        """The photo as a file, and the file's name. Untouched photos are given back as they came."""
        with self.lock:
            stem = Path(self.name).stem or "photo"
            if not self._applied and format is None and keep_gps:
                return (self.folder / "original").read_bytes(), f"{stem}{suffix(self._picture.file.format)}"
            methods = {self._versions[number].method for number in self._applied}
            generative = any(self._versions[number].generative for number in self._applied)
            edit = (
                Edit(tool=f"RORem ({', '.join(sorted(methods))})", generative=generative) if methods and mark else None
            )
            data = encode(self._picture, format, edit=edit, keep_gps=keep_gps)
            return data, f"{stem}-removed{suffix(format or self._picture.file.format)}"

    def size_on_disk(self) -> int:
        return sum(file.stat().st_size for file in self.folder.iterdir() if file.is_file())

    def delete(self) -> None:
        self.cancel.set()
        with self.lock:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _apply(self, number: int) -> None:
        after = _read(self._file(number, "after"))
        old = []
        for one in after:
            old.append(self._swap(one))
        _write(self._file(number, "before"), old)
        self._applied.append(number)

    def _unapply(self, number: int) -> None:
        for one in reversed(_read(self._file(number, "before"))):
            self._swap(one)

    def _swap(self, one: Patch) -> Patch:
        """Writes a window's pixels and returns those that were there."""
        rows, columns = one.box.slices
        colour, alpha = self._picture.colour, self._picture.alpha
        old = Patch(one.box, colour[rows, columns].copy(), None if alpha is None else alpha[rows, columns].copy())
        colour[rows, columns] = one.colour
        if alpha is not None and one.alpha is not None:
            alpha[rows, columns] = one.alpha
        return old

    def _back_to(self, state: int) -> tuple[Patch, ...]:
        """Patches that lead from now back to an earlier state, in the order in which they are laid over each other."""
        later = self._applied[self._applied.index(state) + 1 :] if state != ORIGINAL else self._applied
        return tuple(one for number in reversed(later) for one in reversed(_read(self._file(number, "before"))))

    def _forget_undone(self) -> None:
        for number in self._undone:
            for kind in ("before", "after"):
                self._file(number, kind).unlink(missing_ok=True)
            self._versions.pop(number, None)
        self._undone = []

    def _file(self, number: int, kind: str) -> Path:
        return self.folder / f"{number}-{kind}.npz"


def _kept(path: Path, array: np.ndarray) -> np.ndarray:
    """The array moved to disk and mapped back, writable."""
    np.save(path, array)
    return np.load(path, mmap_mode="r+")


def _write(path: Path, patches: tuple[Patch, ...] | list[Patch]) -> None:
    arrays: dict[str, np.ndarray] = {}
    for index, one in enumerate(patches):
        arrays[f"box{index}"] = np.array(one.box)
        arrays[f"colour{index}"] = one.colour
        if one.alpha is not None:
            arrays[f"alpha{index}"] = one.alpha
    part = path.with_suffix(".part.npz")
    np.savez(part, allow_pickle=False, **arrays)  # pyright: ignore[reportArgumentType]
    part.replace(path)


def _read(path: Path) -> tuple[Patch, ...]:
    with np.load(path, allow_pickle=False) as arrays:
        count = sum(name.startswith("box") for name in arrays.files)
        return tuple(
            Patch(
                Box(*(int(edge) for edge in arrays[f"box{index}"])),
                arrays[f"colour{index}"],
                arrays[f"alpha{index}"] if f"alpha{index}" in arrays.files else None,
            )
            for index in range(count)
        )
