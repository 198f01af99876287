"""What a good removal is and what is not: four pairs of pictures, shown before the first removal is to be judged.

They are made of the package's sample photos, whose truth is known: `python -m rorem.ui.label_guide` draws them anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np

from rorem.files import write_whole
from rorem.geometry import Box
from rorem.mask_file import read_mask
from rorem.picture import open_picture, to_rgb
from rorem.ui import samples

FOLDER = Path(__file__).parent / "guide"
PARTS = ("before", "after")
SIDE = 340  # px of a picture
LOW = 16  # px by which the marks are too high in the example of something left over
CREDIT = (  # as rorem/samples/CREDITS.md names them
    "Photos, changed: Aitzol Berasategi and Jakub Mede (CC BY 4.0); Rachel Michetti (CC0); Ryan Hagerty, U.S. Fish and "
    "Wildlife Service, Daderot, Baran Ivo and Tripy (public domain)."
)
QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 88]


@dataclass(frozen=True)
class Example:
    """A pair of pictures. sample: the photo. of: another one that lends a thing. good: whether the answer is yes."""

    name: str
    sample: str
    good: bool
    answer: str
    why: str
    of: str = ""


EXAMPLES = (
    Example("good", "moose", True, "Yes", "The moose is gone, and the meadow goes on as if it had never been there."),
    Example("left-over", "coffee", False, "No, 1", "Something is left over: the lower edge of the saucer."),
    Example("new-object", "drum", False, "No, 2", "The drum is gone, but something new stands in its place.", "bucket"),
    Example("blur-or-seam", "pliers", False, "No, 3", "A blur: the grain of the wood ends where the pliers were."),
)


def html() -> str:
    """The guide's examples for the page."""
    return "".join(_figure(example) for example in EXAMPLES)


def picture(name: str) -> Path:
    """The file of a picture, as in left-over-after. Raises KeyError."""
    if name not in {f"{example.name}-{part}" for example in EXAMPLES for part in PARTS}:
        raise KeyError(name)
    return FOLDER / f"{name}.jpg"


def draw(example: Example) -> tuple[np.ndarray, np.ndarray]:
    """The pair before and after, uint8 RGB (SIDE, SIDE, 3)."""
    before, mask, truth = _sample(example.sample)
    after = truth.copy()
    if example.name == "left-over":
        left = mask & ~np.roll(mask, -LOW, axis=0)
        after[left] = before[left]
    if example.name == "new-object":
        _lay_thing(after, mask, example.of)
    if example.name == "blur-or-seam":
        filled = cv2.inpaint(before, _grown(mask, 5).astype(np.uint8), 5, cv2.INPAINT_TELEA)
        smooth = cv2.GaussianBlur(filled, (0, 0), 9).astype(np.int16) + 6
        after = np.where(_grown(mask, 5)[..., None], smooth.clip(0, 255).astype(np.uint8), before)
    box = _square(mask)
    return _sized(before[box.slices]), _sized(after[box.slices])


def save(folder: Path = FOLDER) -> None:
    """Writes all pictures. Raises OSError."""
    for example in EXAMPLES:
        for part, pixels in zip(PARTS, draw(example), strict=True):
            done, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), QUALITY)
            assert done
            write_whole(folder / f"{example.name}-{part}.jpg", data.tobytes())


def _figure(example: Example) -> str:
    kind, mark = ("good", "✓") if example.good else ("bad", "✗")
    pictures = "".join(
        f'<img src="label/guide/{example.name}-{part}" width="{SIDE}" height="{SIDE}" alt="{part.title()}">'
        for part in PARTS
    )
    told = f"<b>{mark} {escape(example.answer)}</b> {escape(example.why)}"
    return f'<figure class="lb-{kind}"><div>{pictures}</div><figcaption>{told}</figcaption></figure>'


def _sample(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sample = samples.find(name)
    before, truth = (to_rgb(open_picture(path)) for path in (sample.source, sample.truth))
    return before, read_mask(sample.mask, before.shape[1], before.shape[0]).mask, truth


def _lay_thing(after: np.ndarray, mask: np.ndarray, name: str) -> None:
    """Puts the thing of another sample where the mask is."""
    pixels, shape, _ = _sample(name)
    thing, place = _box(shape), _box(mask)
    scale = place.height / thing.height
    size = (round(thing.width * scale), place.height)
    small = cv2.resize(np.ascontiguousarray(pixels[thing.slices]), size, interpolation=cv2.INTER_CUBIC)
    share = cv2.resize(shape[thing.slices].astype(np.float32), size, interpolation=cv2.INTER_LINEAR)[..., None]
    left = (place.left + place.right - size[0]) // 2
    where = Box(left, place.top, left + size[0], place.bottom).slices
    after[where] = (small * share + after[where] * (1 - share)).round().astype(np.uint8)


def _square(mask: np.ndarray) -> Box:
    """A square around the mask with as much context, inside the picture."""
    box, (high, wide) = _box(mask), mask.shape
    side = min(high, wide, round(1.9 * box.side))
    left = min(max(0, (box.left + box.right - side) // 2), wide - side)
    top = min(max(0, (box.top + box.bottom - side) // 2), high - side)
    return Box(left, top, left + side, top + side)


def _box(mask: np.ndarray) -> Box:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def _grown(mask: np.ndarray, reach: int) -> np.ndarray:
    return cv2.dilate(mask.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)).astype(bool)


def _sized(pixels: np.ndarray) -> np.ndarray:
    return cv2.resize(np.ascontiguousarray(pixels), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


if __name__ == "__main__":
    save()
