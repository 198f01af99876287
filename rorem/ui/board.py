"""A comparison as the page shows it: which method is where, how far it is, and what the browser may know of it.

While names are hidden, nothing that the browser is told depends on which method is which: no names, no times, no sizes,
no numbers, and no picture before all are finished, as the first would be the quickest.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from rorem.comparison import Cell, Request, letters
from rorem.comparison.blind import HIDDEN_FAILURE, letter, shuffled
from rorem.comparison.record import title_of
from rorem.errors import RoremError
from rorem.metrics import catalog as metrics
from rorem.metrics.wording import written
from rorem.remover import AS_PUBLISHED
from rorem.ui.removal_files import put
from rorem.ui.truth import Truth

Phase = Literal["waiting", "working", "done", "failed", "stopped"]
UNTIL_ALL = "Shown when all are finished."


@dataclass
class Slot:
    """One method's place. text: a sentence. progress in [0, 1]. cell: the result, its pixels on disk."""

    method: str
    phase: Phase = "waiting"
    text: str = ""
    progress: float = 0.0
    cell: Cell | None = None


@dataclass
class Board:
    """One comparison of a photo.

    folder: for the pixels. base: the photo's state that it was made from, of `size` px. truth: what metrics went by.
    slots: in the order they are shown. kept: by slot, the state of the photo that it was made into.
    votes: by pair of slots, the lower first, what was voted of them.
    made: what was installed then. asked: when the page last wanted to know; nobody asks for a page that was left.
    """

    folder: Path
    request: Request
    base: int
    size: tuple[int, int]
    truth: Truth | None = None
    id: str = field(default_factory=lambda: secrets.token_urlsafe(8))
    cancel: threading.Event = field(default_factory=threading.Event)
    running: bool = True
    revealed: bool = False
    text: str = ""
    made: dict[str, str] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)
    votes: dict[tuple[int, int], str] = field(default_factory=dict)
    asked: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        seed = self.request.order_seed
        shown = self.request.methods if seed is None else shuffled(self.request.methods, seed)
        self.slots = [Slot(method) for method in shown]
        self._lock = threading.Lock()

    @property
    def blind(self) -> bool:
        return self.request.order_seed is not None

    @property
    def hidden(self) -> bool:
        """Whether names are hidden now."""
        return self.blind and not self.revealed

    def stem(self, index: int) -> Path:
        """What the names of a slot's files begin with."""
        return self.folder / f"compare-{self.id}-{index}"

    def slot(self, method: str) -> Slot:
        return next(slot for slot in self.slots if slot.method == method)

    def keep(self, cell: Cell) -> None:
        """Takes a finished cell; its pixels go to disk. Raises OSError, then it counts as failed."""
        slot = self.slot(cell.method)
        index = self.slots.index(slot)
        if cell.removal is not None:
            cell = replace(cell, removal=put(self.stem(index), cell.removal))
        with self._lock:
            slot.cell = cell
            slot.progress = 1.0
            slot.phase = "done" if cell.removal is not None else "failed"
            slot.text = cell.error.advice if cell.error else ""

    def fail(self, method: str, error: str) -> None:
        with self._lock:
            slot = self.slot(method)
            slot.phase, slot.text = "failed", error
            slot.cell = Cell(method, title_of(method), error=RoremError(error))

    def tell(self, method: str, phase: Phase, text: str, progress: float) -> None:
        """How it goes with a method that is not finished."""
        with self._lock:
            slot = self.slot(method)
            if slot.cell is None:
                slot.phase, slot.text, slot.progress = phase, text, progress

    def end(self, text: str) -> None:
        """Nothing more comes. What was not finished was stopped."""
        with self._lock:
            for slot in self.slots:
                if slot.cell is None and slot.phase != "failed":
                    slot.phase, slot.text, slot.progress = "stopped", "Not finished.", 0.0
            self.text = text
            self.running = False

    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of results that can be voted on, in the order in which they are offered; none with names shown."""
        good = [index for index in range(len(self.slots)) if self.hidden and self.result(index)]
        return [(one, other) for one, other in combinations(good, 2) if (one, other) not in self.votes]

    def result(self, index: int) -> Cell | None:
        """A finished cell that may be shown."""
        cell = self.slots[index].cell if 0 <= index < len(self.slots) else None
        return None if cell is None or cell.removal is None or (self.hidden and self.running) else cell

    def delete(self, in_use: Truth | None) -> None:
        """Deletes the files. in_use: the photo's truth now; another one, with which this was made, goes, too."""
        for file in self.folder.glob(f"compare-{self.id}-*"):
            file.unlink(missing_ok=True)
        if self.truth is not None and self.truth != in_use:
            self.truth.delete()

    def name(self, index: int) -> str:
        """What stands for a slot in the name of a file."""
        return letter(index) if self.hidden else self.slots[index].method

    def told(self) -> dict[str, Any]:
        """What the browser is told, as JSON."""
        with self._lock:
            finished = sum(slot.phase in ("done", "failed", "stopped") for slot in self.slots)
            under_way = 0.0 if self.hidden else sum(slot.progress for slot in self.slots if slot.phase == "working")
            return {
                "id": self.id,
                "running": self.running,
                "blind": self.blind,
                "hidden": self.hidden,
                "published": self.request.protocol == AS_PUBLISHED,
                "seed": self.request.seed,
                "truth": self.truth is not None,
                "progress": (finished + under_way) / len(self.slots),
                "votes": len(self.votes),
                "pairs": self.pairs(),
                "text": self.text or f"{finished} of {len(self.slots)} finished.",
                "cells": [self._told(index, slot) for index, slot in enumerate(self.slots)],
            }

    def _told(self, index: int, slot: Slot) -> dict[str, Any]:
        shown = {"index": index, "title": letter(index), "phase": slot.phase, "text": slot.text}
        if self.hidden and self.running:
            return {**shown, "phase": "waiting", "text": UNTIL_ALL, "progress": 0.0}
        if self.hidden:
            return {**shown, "text": HIDDEN_FAILURE if slot.phase == "failed" else slot.text, "progress": 1.0}
        told = {**shown, "title": title_of(slot.method), "method": slot.method, "progress": slot.progress}
        if self.blind:
            told["letter"] = letters(self.request.methods, self.request.order_seed or 0)[slot.method]
        return told if slot.cell is None else told | facts(slot.cell, self.size)


def facts(cell: Cell, photo: tuple[int, int]) -> dict[str, Any]:
    """What is told of a finished cell beside its picture; empty for one that failed. photo: width and height in px.

    why_not: why it cannot be gone on from, "" if it can.
    """
    removal = cell.removal
    if removal is None:
        return {}
    alone = removal.protocol == AS_PUBLISHED and cell.working[0] != photo
    return {
        "why_not": other_size(cell.working[0], photo) if alone else "",
        "seconds": removal.seconds,
        "calls": removal.network_calls,
        "working": [list(size) for size in cell.working],
        "memory": removal.peak_memory,
        "score": removal.score,
        "drift": removal.drift,
        "revision": removal.revision,
        "notes": list(removal.notes),
        "metrics": [_metric(id, value) for id, value in cell.metrics.items()],
        "left_out": dict(cell.left_out),
    }


def other_size(made: tuple[int, int], photo: tuple[int, int]) -> str:
    """Why a result as published cannot be gone on from."""
    return (
        f"As published, this came out at {made[0]} × {made[1]} pixels, and your photo has {photo[0]} × {photo[1]}: "
        "it can only be downloaded."
    )


def _metric(id: str, value: float) -> dict[str, Any]:
    try:
        found = metrics.find(id)
        title, about, unit = found.title, found.about, found.unit
    except RoremError:
        title, about, unit = id, "", ""
    text = written(value, unit)
    shown = f"{text} {unit}".strip() if math.isfinite(value) else text
    return {"id": id, "title": title, "about": about, "value": shown}
