"""A frame and the clean frame of its scene as a pair, or why they are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from data_tools.plain_files import png, read_bounded
from data_tools.rord.layout import Frame, Scene
from data_tools.rord.measuring import Drift, background, changed, drift, gains, small, small_mask
from data_tools.rord.outlines import Outline, filled
from data_tools.rord.reading import SIZES, UNREADABLE, LeftOut, Seen, rgb_of, truth_of
from data_tools.rord.settings import Settings
from data_tools.synthesize.light import to_codes, to_linear
from rorem.errors import RoremError
from rorem.triplet import Triplet

STILL = 0.1  # px, in the picture that is compared: less is not corrected, as it cannot be measured better
FARTHEST = 0.02  # of the longer side: a larger drift is not corrected, as near things move more than far ones
MOST_TURN = 1.0  # px that a corner may be off after the shift, in the picture that is compared
LIKE = 0.005  # gains nearer to 1 than this are not corrected
FAR_LIGHT = 1.5  # larger gains, and less than 1 by this, are another light and not another exposure
OUTSIDE = 0.02  # of an outlined thing, that may lie outside of what the loose mask marks
GOES = 0.1  # of a marked thing, that has to look different without it
SHARES = 0.0005, 0.6  # of the picture, that a mask covers

UNTOLD = "where the camera's drift cannot be told"
DRIFTED, TURNED, LIGHT = "with a camera that drifted", "with a camera that turned or zoomed", "in another light"
CHANGED = "with other changes around the thing"
SAME = "that show the same with and without the thing"
SHARE = "with a mask that is too small or too large"
BORDER = "where the thing lies on a border that the clean frame does not show"


@dataclass(frozen=True, eq=False)
class _Compared:
    """drift: in px of the picture in full. gain: of linear light. different: bool, small. around: share changed."""

    drift: Drift | None
    gain: tuple[float, float, float] | None
    different: np.ndarray
    around: float


def pair_of(frame: Frame, scene: Scene, seen: Seen, settings: Settings, sharp: float) -> Triplet | LeftOut:
    """The pair of a frame. The frame keeps its bytes, and so does the truth if nothing is corrected.

    sharp: the frame's sharpness as a share of the scene's median, to be told.
    """
    path = truth_of(frame, scene, settings.truth == "composed")
    reference = truth_of(frame, scene, composed=False)
    if path is None or reference is None:
        return LeftOut(UNREADABLE)
    try:
        data = read_bounded(path)
        truth = rgb_of(data, path.name)
        clean = truth if path == reference else rgb_of(read_bounded(reference), reference.name)
    except (OSError, RoremError) as error:
        return LeftOut(UNREADABLE, str(error))
    if truth.shape != seen.rgb.shape or clean.shape != seen.rgb.shape:
        return LeftOut(SIZES, f"without the thing {truth.shape[1]} x {truth.shape[0]} pixels")
    compared = _compare(seen, clean)
    mask, kinds = _mask(seen, compared.different, settings)
    if reason := _against(compared, mask, max(truth.shape), settings):
        return reason
    corrected: list[str] = []
    if path == scene.clean:
        shifts = settings.drift == "correct" and _moved(compared.drift, truth)
        lights = settings.exposure == "correct" and _off(compared.gain) > LIKE
        if shifts and compared.drift:
            truth, bare = shifted(truth, compared.drift.right, compared.drift.down)
            if (bare & mask).any():
                return LeftOut(BORDER)
            corrected.append("drift")
        else:
            bare = np.zeros(mask.shape, bool)
        if lights and compared.gain:
            truth = to_codes(to_linear(truth) * np.array(compared.gain, np.float32))
            corrected.append("exposure")
        if corrected:
            truth = np.where(bare[..., None], seen.rgb, truth)
            data = png(truth)
    return Triplet(
        frame.name,
        seen.photo,
        png(mask),
        truth=data,
        category=kinds[0] if kinds else "",
        accepted_by="truth",
        extra={
            "scene": scene.name,
            "truth_is": "clean frame" if path == scene.clean else "composed",
            "mask_is": "outlines" if kinds else "loose",
            "classes": kinds,
            "mask_share": round(float(mask.mean()), 4),
            "sharpness": round(sharp, 3),
            "drift": compared.drift and [_rounded(compared.drift.right), _rounded(compared.drift.down)],
            "turn": compared.drift and round(compared.drift.turn, 2),
            "gain": compared.gain and [round(gain, 4) for gain in compared.gain],
            "changed_around": round(compared.around, 4),
            "corrected": corrected,
        },
    )


def shifted(rgb: np.ndarray, right: float, down: float) -> tuple[np.ndarray, np.ndarray]:
    """A picture moved by parts of a pixel, and where nothing of it is left, bool (H, W)."""
    warp = np.array([[1, 0, right], [0, 1, down]], np.float32)
    size = rgb.shape[1], rgb.shape[0]
    moved = cv2.warpAffine(rgb, warp, size, flags=cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    there = cv2.warpAffine(np.ones(rgb.shape[:2], np.float32), warp, size, flags=cv2.INTER_LINEAR)
    return moved, there < 1 - 1e-3


def _compare(seen: Seen, clean: np.ndarray) -> _Compared:
    one, two = small(seen.rgb), small(clean)
    scale = max(seen.rgb.shape) / max(one.shape)
    where = background(small_mask(seen.marked, one.shape))
    found = drift(one, two, where)
    if found:
        two, bare = shifted(two, found.right, found.down)
        where &= ~bare
    light = gains(one, two, where)
    if light:
        two = to_codes(to_linear(two) * np.array(light, np.float32))
    different = changed(one, two)
    around = float(different[where].mean()) if where.any() else 0.0
    full = found and Drift(found.right * scale, found.down * scale, found.turn, found.alike)
    return _Compared(full, light, different, around)


def _against(compared: _Compared, mask: np.ndarray, side: int, settings: Settings) -> LeftOut | None:
    """Why this is no pair, if it is none."""
    moved = compared.drift
    if settings.drift != "keep":
        if moved is None:
            return LeftOut(UNTOLD)
        if moved.turn > MOST_TURN:
            return LeftOut(TURNED, f"{moved.turn:.1f} px")
        most = settings.most_drift if settings.drift == "drop" else FARTHEST * side
        if moved.length > most:
            return LeftOut(DRIFTED, f"{moved.length:.1f} px")
    if settings.exposure != "keep":
        if compared.gain is None:
            return LeftOut(LIGHT, "nothing to compare")
        most = settings.most_exposure if settings.exposure == "drop" else FAR_LIGHT - 1
        if _off(compared.gain) > most:
            return LeftOut(LIGHT, " ".join(f"{gain:.2f}" for gain in compared.gain))
    if compared.around > settings.most_changed:
        return LeftOut(CHANGED, f"{compared.around:.0%}")
    if not mask.any() or compared.different[small_mask(mask, compared.different.shape)].mean() < GOES:
        return LeftOut(SAME)
    if not SHARES[0] <= mask.mean() <= SHARES[1]:
        return LeftOut(SHARE, f"{mask.mean():.2%}")
    return None


def _mask(seen: Seen, different: np.ndarray, settings: Settings) -> tuple[np.ndarray, list[str]]:
    """What goes, bool (H, W), and the classes of its outlines, the largest first; none where the mask is a drawn one.

    Things that are outlined but stand in the clean frame, too, stay.
    """
    rows, columns = seen.rgb.shape[:2]
    gone: list[tuple[int, Outline]] = []
    if settings.masks == "tight" or seen.loose is None:
        for outline in seen.outlines:
            inside = filled([outline], columns, rows)
            if not inside.any() or (seen.loose is not None and (inside & ~seen.loose).sum() > OUTSIDE * inside.sum()):
                continue
            if different[small_mask(inside, different.shape)].mean() >= GOES:
                gone.append((int(inside.sum()), outline))
    if gone:
        return filled([outline for _, outline in gone], columns, rows), _kinds(gone)
    return np.zeros((rows, columns), bool) if seen.loose is None else seen.loose, []


def _kinds(gone: Sequence[tuple[int, Outline]]) -> list[str]:
    areas: dict[str, int] = {}
    for area, outline in gone:
        areas[outline.kind] = areas.get(outline.kind, 0) + area
    return sorted(areas, key=lambda kind: (-areas[kind], kind))


def _moved(found: Drift | None, rgb: np.ndarray) -> bool:
    return found is not None and found.length > STILL * max(1.0, max(rgb.shape) / 960)


def _rounded(value: float) -> float:
    """To a hundredth, and never -0."""
    return round(value, 2) + 0.0


def _off(gain: tuple[float, float, float] | None) -> float:
    """How far gains are from 1: the largest factor less one."""
    return 0.0 if gain is None else max(max(one, 1 / max(one, 1e-6)) for one in gain) - 1
