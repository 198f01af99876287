"""A result, and how it came about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from rorem.files import write_whole
from rorem.geometry import Box
from rorem.picture import Edit, Patch, Picture, apply, encode, from_rgb_array
from rorem.remover.contract import Options, Road


@dataclass(frozen=True, eq=False)
class WindowReport:
    """What was done in one window.

    box: where. working: width and height in px that the method worked at. grow: px the hole reaches beyond the mark.
    hole: bool (box.height, box.width), M: the only pixels that may have changed.
    """

    box: Box
    working: tuple[int, int]
    grow: int
    hole: np.ndarray


@dataclass(frozen=True, eq=False)
class Removal:
    """A result and how it came about.

    before: the picture as it was given. patches: the changed windows in native pixels, in the order they were made.
    published: as published, the whole picture as the method gave it, of its size; None otherwise. drift: of that, how
    far it is from the photo where nothing was marked, as the mean difference in levels (0 to 255).
    rung: of the memory ladder, "" for methods without one.
    seconds: wall time of this candidate. peak_memory: bytes, the highest resident size of the whole process meanwhile
    (None where the system does not tell). score: of the ranking function, if one was given.
    """

    before: Picture
    patches: tuple[Patch, ...]
    windows: tuple[WindowReport, ...]
    method: str
    revision: str
    options: Options
    seed: int
    protocol: Road
    network_calls: int
    seconds: float
    peak_memory: int | None
    generative: bool
    notes: tuple[str, ...] = ()
    score: float | None = None
    published: np.ndarray | None = None
    drift: float | None = None
    rung: str = ""

    @cached_property
    def picture(self) -> Picture:
        """The whole picture without the thing. Made when first asked for, so several candidates are cheap."""
        if self.published is not None:
            return from_rgb_array(self.published)
        return apply(self.before, self.patches)

    @property
    def hole(self) -> np.ndarray:
        """M over the whole picture: bool (H, W)."""
        hole = np.zeros((self.before.height, self.before.width), bool)
        for window in self.windows:
            hole[window.box.slices] |= window.hole
        return hole

    def save(self, path: Path | str, *, mark_edited: bool = True, keep_gps: bool = True) -> None:
        """Writes the picture, whole or not at all; the suffix chooses the format, none keeps the source's.

        Raises ValueError for a suffix that is no picture's, OSError.
        """
        path = Path(path)
        edit = self.edit if mark_edited else None
        write_whole(path, encode(self.picture, path.suffix or None, edit=edit, keep_gps=keep_gps))

    @property
    def edit(self) -> Edit:
        """What the file should say of this edit."""
        return Edit(tool=f"RORem ({self.method})", generative=self.generative)


Rank = Callable[[Sequence[Removal]], Sequence[float]]
