"""Reading the pictures of a frame: what is there, in which size, and which colour of a mask stands for what goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from data_tools.plain_files import read_bounded
from data_tools.rord.layout import Frame, Scene
from data_tools.rord.outlines import Outline, filled, outlines_in
from rorem.errors import RoremError
from rorem.picture import open_picture, to_srgb

VOTES = 3  # frames of a scene that are asked which colour of their masks goes
HALF = 128


@dataclass(frozen=True)
class LeftOut:
    """Why a frame makes no pair. kind: for counting, as in "12 blurred"."""

    kind: str
    why: str = ""


UNREADABLE, SIZES = "with a file that cannot be read", "with pictures of different sizes"


@dataclass(frozen=True, eq=False)
class Seen:
    """A frame's pictures. photo: its file's bytes. rgb: uint8 (H, W, 3). loose: bool (H, W), what a mask picture says
    goes; None without one. outlines: of things that may go."""

    photo: bytes
    rgb: np.ndarray
    loose: np.ndarray | None
    outlines: Sequence[Outline]

    @property
    def marked(self) -> np.ndarray:
        """All that may go, bool (H, W)."""
        inside = filled(self.outlines, self.rgb.shape[1], self.rgb.shape[0])
        return inside if self.loose is None else inside | self.loose


def see(frame: Frame, white_goes: bool) -> Seen | LeftOut:
    """Reads a frame and what is marked in it."""
    try:
        photo = read_bounded(frame.photo)
        rgb = rgb_of(photo, frame.photo.name)
        rows, columns = rgb.shape[:2]
        loose = None
        if frame.mask:
            white = whiteness(frame.mask)
            if white.shape != rgb.shape[:2]:
                return LeftOut(SIZES, f"the mask has {white.shape[1]} x {white.shape[0]} pixels")
            loose = white == white_goes
        outlines = outlines_in(read_bounded(frame.outlines), columns, rows) if frame.outlines else []
    except (OSError, RoremError) as error:
        return LeftOut(UNREADABLE, _why(error))
    return Seen(photo, rgb, loose, outlines)


def truth_of(frame: Frame, scene: Scene, composed: bool) -> Path | None:
    """The picture without the thing. composed: the one that the set put together is preferred to the clean frame."""
    first, second = (frame.composed, scene.clean) if composed else (scene.clean, frame.composed)
    return first or second


def white_goes(scene: Scene) -> bool:
    """Whether white stands for what goes in a scene's masks, told by where its frames differ from the clean one.

    RORD's own masks are black on white; some copies of it are the other way round.
    """
    lean = 0.0
    for frame in [frame for frame in scene.frames if frame.mask][:VOTES]:
        truth = truth_of(frame, scene, composed=False)
        try:
            if not frame.mask or not truth:
                continue
            white = whiteness(frame.mask)
            one, two = (rgb_of(read_bounded(path), path.name).astype(np.int16) for path in (frame.photo, truth))
        except (OSError, RoremError):
            continue
        if one.shape == two.shape and one.shape[:2] == white.shape and 0 < white.mean() < 1:
            apart = np.abs(one - two).max(2)
            lean += float(apart[white].mean() - apart[~white].mean())
    return lean > 0


def rgb_of(data: bytes, name: str) -> np.ndarray:
    """uint8 RGB (H, W, 3), upright. Raises BadPicture."""
    return to_srgb(open_picture(data, name=name))


def whiteness(path: Path) -> np.ndarray:
    """Where a mask's picture is white, bool (H, W). Raises OSError, BadPicture."""
    return cv2.cvtColor(rgb_of(read_bounded(path), path.name), cv2.COLOR_RGB2GRAY) >= HALF


def _why(error: OSError | RoremError) -> str:
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return str(error)
