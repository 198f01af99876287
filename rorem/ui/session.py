"""One visitor's photo at work: its pixels on disk, and every removal with a way back and forth.

Nothing large stays in memory between two requests, so a server holds as many photos as its disk does. Undo writes the
old pixels back; after as many undos as edits the photo is what it was, byte for byte. Everything that can fail (a full
disk) comes before the first pixel is changed.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rorem.geometry import Box
from rorem.picture import Edit, Limits, Patch, Picture, crop, encode, open_picture, patch, suffix, tells_place
from rorem.remover import Removal
from rorem.ui.board import Board
from rorem.ui.patch_files import changed, keep, read, write
from rorem.ui.truth import Truth

ORIGINAL = 0  # the state before any removal
KINDS = {"after": "npz", "before": "npz", "marks": "png"}  # files of a removal
AT_WORK = "This photo is at work already. Wait for it to finish, or press Stop."


@dataclass(frozen=True)
class Version:
    """A removal that was made: its number (also the number of the state it leads to), what the visitor is told, and how
    it came about. options: JSON."""

    number: int
    parent: int
    boxes: tuple[Box, ...]
    seed: int
    method: str
    generative: bool
    seconds: float
    working: tuple[int, int]
    notes: tuple[str, ...]
    revision: str = ""
    options: str = "{}"
    protocol: str = ""
    network_calls: int = 0


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
        self._committed = False  # the removal under way is already in the photo: too late to stop it
        self._encoding = threading.Lock()
        self.used = time.monotonic()
        opened = open_picture(folder / "original", name=name, limits=limits)
        self._picture = replace(
            opened,
            colour=keep(folder / "colour.npy", opened.colour),
            alpha=None if opened.alpha is None else keep(folder / "alpha.npy", opened.alpha),
        )
        self.tells_place = tells_place(self._picture)
        self._versions: dict[int, Version] = {}
        self._applied: list[int] = []
        self._undone: list[int] = []
        self._choices: list[int] = []
        self._last = ORIGINAL
        self.truth: Truth | None = None
        self.board: Board | None = None  # of the last comparison

    def begin(self) -> threading.Event | None:
        """Takes the photo for one removal or comparison: the event that stops it, or None while another one runs."""
        with self.lock:
            if self.busy:
                return None
            self.busy = True
            self._committed = False
            self.cancel = threading.Event()
            return self.cancel

    def request_stop(self) -> None:
        """Stops the removal under way, unless it is in the photo already: then it counts as done."""
        with self.lock:
            if not self._committed:
                self.cancel.set()

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

    def marks(self, number: int) -> bytes | None:
        """The picture file of what was marked for a removal, as it came with it; None where none did."""
        file = self._file(number, "marks")
        return file.read_bytes() if number in self._versions and file.exists() else None

    def add(self, removal: Removal, *, again: bool, marks: bytes | None = None) -> int:
        """Keeps a removal's pixels and shows it. again: it is a further candidate beside the one shown.

        The removal must have been made from `self.picture`, for a further candidate as it was before the one shown.
        marks: the picture file of what was marked, at the photo's size or its proxy's.
        Raises OSError; then nothing has changed.
        """
        with self.lock:
            return self._add((removal,), again, marks)

    def commit(
        self, removals: Sequence[Removal], again: bool, cancel: threading.Event, marks: bytes | None = None
    ) -> bool:
        """Keeps the candidates of the removal under way and shows the first, or does nothing if it was stopped.

        Made from the same picture as for `add`. Returns whether they were kept. Raises OSError; then nothing has
        changed.
        """
        with self.lock:
            if cancel.is_set():
                return False
            self._add(removals, again, marks)
            self._committed = cancel is self.cancel
            return True

    def choose(self, number: int) -> None:
        """Shows another candidate of the last removal; an unknown number changes nothing. Raises OSError."""
        with self.lock:
            if number in self.choices and number != self.state:
                self._lay((*self._covered(self.state), *read(self._file(number, "after"))))
                self._applied[-1] = number

    def undo(self) -> None:
        """Raises OSError; then nothing has changed."""
        with self.lock:
            if self._applied:
                self._lay(self._covered(self.state))
                self._undone.append(self._applied.pop())

    def redo(self) -> None:
        """Raises OSError; then nothing has changed."""
        with self.lock:
            if self._undone:
                self._lay(read(self._file(self._undone[-1], "after")))
                self._applied.append(self._undone.pop())

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
            return crop(self._picture, box, (*self._back_to(version.parent), *read(self._file(state, "after"))))

    def encoded(self, format: str | None, *, mark: bool, keep_gps: bool) -> tuple[bytes, str]:
        """The photo as a file, and the file's name. Untouched photos are given back as they came.

        The last file is kept, so asking for its size and then for itself encodes once; other calls do not wait for it.
        """
        with self._encoding:
            with self.lock:
                stem, own = Path(self.name).stem or "photo", self._picture.file.format
                if not self._applied and format is None and keep_gps:
                    return (self.folder / "original").read_bytes(), f"{stem}{suffix(own)}"
                name = f"{stem}-removed{suffix(format or own)}"
                kept = self.folder / f"file-{self.state}-{format or own}-{mark:d}-{keep_gps:d}"
                if kept.exists():
                    return kept.read_bytes(), name
                whole = Box(0, 0, self._picture.width, self._picture.height)
                picture = crop(self._picture, whole)  # a copy: the next removal may change the pixels on disk meanwhile
                made = [self._versions[number] for number in self._applied]
            methods = ", ".join(sorted({one.method for one in made}))
            generative = any(one.generative for one in made)
            edit = Edit(tool=f"RORem ({methods})", generative=generative) if made and mark else None
            data = encode(picture, format, edit=edit, keep_gps=keep_gps)
            self._remember(kept, data)
            return data, name

    def size_on_disk(self) -> int:
        total = 0
        for file in self.folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # files come and go meanwhile
                total += file.stat().st_size
        return total

    def delete(self) -> None:
        self.cancel.set()
        with self.lock:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _add(self, removals: Sequence[Removal], again: bool, marks: bytes | None) -> int:
        """Keeps candidates and shows the first. Returns its number."""
        further = again and bool(self.choices)
        parent = self._versions[self.state].parent if further else self.state
        numbers = range(self._last + 1, self._last + 1 + len(removals))
        try:
            back = self._back_to(parent)
            for number, removal in zip(numbers, removals, strict=True):
                after = changed(removal)
                write(self._file(number, "after"), after)
                write(
                    self._file(number, "before"), [patch(crop(self._picture, one.box, back), one.box) for one in after]
                )
                if marks is not None:
                    self._file(number, "marks").write_bytes(marks)
            shown = (*back, *changed(removals[0]))
        except BaseException:
            self._forget(numbers)
            raise
        self._lay(shown)
        if further:
            self._applied.pop()
        unchosen = () if further else (number for number in self._choices if number not in self._applied)
        self._forget((*self._undone, *unchosen))
        self._undone = []
        self._choices = [*(self._choices if further else ()), *numbers]
        self._versions |= {number: _version(number, parent, one) for number, one in zip(numbers, removals, strict=True)}
        self._applied.append(numbers[0])
        self._last = numbers[-1]
        return numbers[0]

    def _covered(self, number: int) -> tuple[Patch, ...]:
        """The pixels that a removal covered, in the order in which they are laid back."""
        return tuple(reversed(read(self._file(number, "before"))))

    def _remember(self, kept: Path, data: bytes) -> None:
        """Keeps an encoded photo in place of older ones. Without room for it the next call encodes again."""
        part = self.folder / "encoded.part"
        try:
            for older in self.folder.glob("file-*"):
                older.unlink()
            part.write_bytes(data)
            part.replace(kept)
        except OSError:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)

    def _back_to(self, state: int) -> tuple[Patch, ...]:
        """Patches that lead from now back to an earlier state, in the order in which they are laid over each other."""
        later = self._applied[self._applied.index(state) + 1 :] if state != ORIGINAL else self._applied
        return tuple(one for number in reversed(later) for one in self._covered(number))

    def _lay(self, patches: Iterable[Patch]) -> None:
        """Writes pixels into the photo."""
        colour, alpha = self._picture.colour, self._picture.alpha
        for one in patches:
            colour[one.box.slices] = one.colour
            if alpha is not None and one.alpha is not None:
                alpha[one.box.slices] = one.alpha

    def _forget(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._versions.pop(number, None)
            for kind in KINDS:
                with contextlib.suppress(OSError):  # goes with the folder
                    self._file(number, kind).unlink(missing_ok=True)

    def _file(self, number: int, kind: str) -> Path:
        return self.folder / f"{number}-{kind}.{KINDS[kind]}"


def _version(number: int, parent: int, removal: Removal) -> Version:
    return Version(
        number=number,
        parent=parent,
        boxes=tuple(one.box for one in removal.patches),
        seed=removal.seed,
        method=removal.method,
        generative=removal.generative,
        seconds=removal.seconds,
        working=max((window.working for window in removal.windows), default=(0, 0)),
        notes=removal.notes,
        revision=removal.revision,
        options=removal.options.model_dump_json(),
        protocol=removal.protocol,
        network_calls=removal.network_calls,
    )
