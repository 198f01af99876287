"""The outlines that people drew around the things in a frame, as AI Hub's files have them.

A file is JSON: {"Raw_Data_Info.": {"Resolution": "3840, 2160", ...}, "Learning_Data_Info.": {"Annotation":
[{"Class_ID": "F38", "segmentation": [x, y, x, y, ...]}, ...], ...}}. Classes that begin with F may go; others ("BO...")
belong to the background.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from rorem.errors import BadData

CORNERS = 3  # fewest of an outline
MOST_BYTES = 50_000_000  # of a file; the real ones have some kilobytes
FARTHEST = 10.0  # a corner may lie this many pictures away, no more: outlines are clipped, but not for ever


@dataclass(frozen=True, eq=False)
class Outline:
    """kind: its class. corners: int32 (N, 2), x and y in px of the frame."""

    kind: str
    corners: np.ndarray


def outlines_in(data: bytes, width: int, height: int) -> list[Outline]:
    """The outlines of things that may go, for a frame of this size. Some may be useless; see `filled`.

    They are in px of the first recording, whose size the file says; without it, in px of the frame.
    Raises BadData for what cannot be understood.
    """
    if len(data) > MOST_BYTES:
        raise BadData("the outlines are larger than any that people draw")
    try:
        told = json.loads(data.decode("utf-8-sig"))
        listed = told["Learning_Data_Info."]["Annotation"]
        scale = _scale(told, width, height)
        return [
            Outline(str(one["Class_ID"]), corners)
            for one in listed
            if str(one.get("Class_ID", "")).startswith("F")
            for flat in _each(one["segmentation"])
            if (corners := _corners(flat, scale, width, height)) is not None
        ]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise BadData("the outlines cannot be understood") from error


def filled(outlines: Sequence[Outline], width: int, height: int) -> np.ndarray:
    """What lies inside any of these, bool (height, width)."""
    mask = np.zeros((height, width), np.uint8)
    for outline in outlines:
        cv2.fillPoly(mask, [outline.corners], 1)
    return mask > 0


def _scale(told: dict, width: int, height: int) -> tuple[float, float]:
    said = str(told.get("Raw_Data_Info.", {}).get("Resolution", ""))
    numbers = [int(number) for number in re.findall(r"\d{1,6}", said)]
    if len(numbers) != 2 or not all(numbers):
        return 1.0, 1.0
    return width / numbers[0], height / numbers[1]


def _each(segmentation: object) -> list[object]:
    """An outline as a list of one; COCO has lists of outlines."""
    nested = isinstance(segmentation, list) and segmentation and isinstance(segmentation[0], list)
    return segmentation if nested else [segmentation]  # pyright: ignore[reportReturnType]


def _corners(flat: object, scale: tuple[float, float], width: int, height: int) -> np.ndarray | None:
    """None for an outline of fewer than three corners. Raises ValueError, TypeError."""
    corners = np.asarray(flat, np.float64)
    if corners.ndim != 1 or corners.size < 2 * CORNERS:
        return None
    corners = corners[: corners.size // 2 * 2].reshape(-1, 2) * scale
    if not np.isfinite(corners).all() or (np.abs(corners) > FARTHEST * np.array([width, height])).any():
        raise ValueError("a corner is nowhere near the picture")
    return corners.astype(np.int32)
