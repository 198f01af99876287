"""What sets a frame apart from the clean frame of its scene, beside the thing: blur, drift, exposure, other changes.

All is measured outside of what goes and of a rim around it, as shadows lie there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from data_tools.synthesize.light import to_linear
from rorem.mask import grow_or_shrink

LOOK = 960  # px of the longer side in which pictures are compared: the size that the set is passed on in
RIM = 0.03  # of the longer side, around what goes, that is not compared
FEWEST = 0.05  # of the picture, that has to be left to compare
ROUNDS, ENOUGH = 60, 1e-4  # of ECC; how little its correlation has to grow for it to stop
WINDOW = 5  # px; ECC's own blur
BLURRED = 3.0  # px; blur before it is looked where two pictures show something else, so that small drifts do not count
LEFT = 0.3  # of what may be compared, that has to show the same
ELSE = 0.8  # standard deviations of the picture from which a pixel shows something else
CERTAIN = 0.8  # correlation from which nothing disturbs
ALIKE = 0.5  # least correlation at which two pictures count as of the same place
FARTHEST = 0.1  # of the longer side; a larger drift is a wrong answer
LEVELS = 6, 249  # codes between which light is compared; beyond them it is cut off
CHANGED = 24  # levels, in a blurred picture, from which a pixel shows something else
SMOOTH = 1.5  # px; blur before pixels are compared, so that grain is no change


@dataclass(frozen=True)
class Drift:
    """right, down: px that the clean frame has to be moved to lie on the frame. turn: px that a corner still is off
    then, as by a turn or a zoom. alike: correlation of both afterwards, -1 to 1."""

    right: float
    down: float
    turn: float
    alike: float

    @property
    def length(self) -> float:
        return float(np.hypot(self.right, self.down))


def small(rgb: np.ndarray) -> np.ndarray:
    """A picture in the size in which it is compared, uint8 RGB."""
    scale = LOOK / max(rgb.shape[:2])
    return rgb if scale >= 1 else cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def small_mask(mask: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """A mask, bool (H, W), in another size (rows, columns): True where any of it was."""
    rows, columns = size[:2]
    return cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA) > 0


def background(mask: np.ndarray) -> np.ndarray:
    """Where a frame can be compared with the clean one, bool (H, W). mask: what goes."""
    return ~grow_or_shrink(mask, round(max(mask.shape) * RIM))


def sharpness(rgb: np.ndarray, where: np.ndarray) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al., ICPR 2000), in squared levels, where `where` is True."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    laplacian = cv2.Laplacian(grey, cv2.CV_32F)
    inside = cv2.erode(where.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return float(laplacian[inside].var()) if inside.any() else 0.0


def drift(frame: np.ndarray, clean: np.ndarray, where: np.ndarray) -> Drift | None:
    """How the camera moved from the clean frame to this one; None where it cannot be told.

    Phase correlation finds a first guess, ECC (Evangelidis and Psarakis, PAMI 2008) the rest, to about a twentieth of
    a pixel; both pass over differences of light. Pictures: uint8 RGB of one size. where: bool, what may be compared.
    """
    if where.mean() < FEWEST:
        return None
    one, two = (cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32) for rgb in (frame, clean))
    moved = _shift(one, two, where)
    if moved is None:
        return None
    (right, down), alike = moved
    if alike < ALIKE or np.hypot(right, down) > FARTHEST * max(where.shape):
        return None
    return Drift(right, down, _turn(one, two, where, right, down), alike)


def _shift(one: np.ndarray, two: np.ndarray, where: np.ndarray) -> tuple[tuple[float, float], float] | None:
    """Right and down in px, and how alike both are then. From no shift and from what phase correlation says."""
    soft = cv2.GaussianBlur(where.astype(np.float32), (0, 0), max(where.shape) / 100)
    flat = [(grey - cv2.GaussianBlur(grey, (0, 0), 8)) * soft for grey in (one, two)]
    hann = cv2.createHanningWindow(where.shape[::-1], cv2.CV_32F)
    (right, down), _ = cv2.phaseCorrelate(flat[1], flat[0], hann)
    starts = [np.array([[1, 0, -x], [0, 1, -y]], np.float32) for x, y in {(0.0, 0.0), (float(right), float(down))}]
    best = _best(one, two, [(start, where) for start in starts])
    if best is None or best[1] < CERTAIN:
        # Something else disturbs: what is not alike at the start is passed over.
        best = _best(one, two, [(start, _same(one, two, start, where)) for start in starts]) or best
    return best and ((-float(best[0][0, 2]), -float(best[0][1, 2])), best[1])


def _best(
    one: np.ndarray, two: np.ndarray, starts: Sequence[tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, float] | None:
    """The shift that makes both most alike. starts: where to begin, and what may be compared."""
    found = (_ecc(one, two, start, cv2.MOTION_TRANSLATION, inside) for start, inside in starts)
    return max((one for one in found if one), key=lambda one: one[1], default=None)


def _turn(one: np.ndarray, two: np.ndarray, where: np.ndarray, right: float, down: float) -> float:
    """How far a corner is still off after the shift, in px; 0 where an affine fit finds nothing better."""
    warp = np.array([[1, 0, -right], [0, 1, -down]], np.float32)
    found = _ecc(one, two, warp, cv2.MOTION_AFFINE, _same(one, two, warp, where))
    if found is None:
        return 0.0
    rows, columns = where.shape
    corners = np.array([[0, 0, 1], [columns, 0, 1], [0, rows, 1], [columns, rows, 1]], np.float64).T
    off = (found[0].astype(np.float64) - warp) @ corners
    return float(np.hypot(*off).max())


def _same(one: np.ndarray, two: np.ndarray, warp: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Where both show the same once one is moved, so that somebody who walks by does not disturb. All of it if
    next to nothing is the same."""
    moved = cv2.warpAffine(two, warp, two.shape[::-1], flags=cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE)
    flat = []
    for grey in (one, moved):
        soft = cv2.GaussianBlur(grey, (0, 0), BLURRED)
        middle = float(np.median(soft[where]))
        spread = 1.4826 * float(np.median(np.abs(soft[where] - middle)))  # no outlier changes these
        flat.append((soft - middle) / max(1.0, spread))
    reach = 2 * round(2 * BLURRED) + 1
    other = cv2.dilate((np.abs(flat[0] - flat[1]) >= ELSE).astype(np.uint8), np.ones((reach, reach), np.uint8))
    same = where & (other == 0)
    return same if same.sum() > LEFT * where.sum() else where


def _ecc(
    one: np.ndarray, two: np.ndarray, warp: np.ndarray, motion: int, where: np.ndarray
) -> tuple[np.ndarray, float] | None:
    criteria = cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, ROUNDS, ENOUGH
    inside = where.astype(np.uint8)
    try:
        # The mask lies over the second picture, and what goes is in the first one: so they change places.
        alike, found = cv2.findTransformECC(two, one, _turned_back(warp), motion, criteria, inside, WINDOW)
    except cv2.error:  # it says so where it does not get anywhere
        return None
    found = _turned_back(np.asarray(found, np.float32))
    return (found, float(alike)) if np.isfinite(found).all() else None


def _turned_back(warp: np.ndarray) -> np.ndarray:
    return cv2.invertAffineTransform(warp).astype(np.float32)


def gains(frame: np.ndarray, clean: np.ndarray, where: np.ndarray) -> tuple[float, float, float] | None:
    """What the clean frame's linear light has to be multiplied by, in each channel; None where too little can be seen.

    The median of the ratios of blurred pixels that are neither black nor white. Pictures lie on each other already.
    """
    one, two = (cv2.GaussianBlur(rgb, (0, 0), SMOOTH) for rgb in (frame, clean))
    darkest, brightest = LEVELS
    seen = where & (np.minimum(one, two).min(2) >= darkest) & (np.maximum(one, two).max(2) <= brightest)
    if seen.mean() < FEWEST / 10:
        return None
    ratios = to_linear(one[seen]) / to_linear(two[seen])
    red, green, blue = np.median(ratios, axis=0).tolist()
    return red, green, blue


def changed(frame: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Where two pictures that lie on each other show something else, bool (H, W)."""
    one, two = (cv2.GaussianBlur(rgb, (0, 0), SMOOTH).astype(np.int16) for rgb in (frame, clean))
    return np.abs(one - two).max(2) >= CHANGED
