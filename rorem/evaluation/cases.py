"""The best and the worst removals of each method, with pictures small enough to lie in the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from rorem.errors import RoremError
from rorem.evaluation.estimates import Definition
from rorem.evaluation.summary import Summary

COUNT = 3  # best and worst ones of each method
SIDE = 320  # px, the longer side of a picture in the page
QUALITY = 80  # of WebP
CONTEXT = 1.0  # shown around the mask on each side, as a share of its own size
SMALLEST = 160  # px of the photo that are shown at least
INNER, OUTER = (255, 45, 85), (255, 255, 255)  # the outline: red within white is seen on everything


@dataclass(frozen=True)
class Case:
    """One removal, and what it scored in the metric by which cases are chosen; where nearest to 0 is best, the
    distance from 0."""

    sample: str
    name: str
    method: str
    policy: str
    seed: int
    value: float


@dataclass(frozen=True, eq=False)
class CasePictures:
    """The pictures of a removal: uint8 RGB (H, W, 3); mask bool (H, W). truth: None = unknown."""

    source: np.ndarray
    mask: np.ndarray
    result: np.ndarray
    truth: np.ndarray | None = None


Fetch = Callable[[Case], CasePictures | None]


@dataclass(frozen=True)
class Exhibit:
    """A case for the page. pictures: (caption, data URI). trouble: why there are none."""

    case: Case
    pictures: tuple[tuple[str, str], ...]
    trouble: str = ""


def choose(summary: Summary, definition: Definition, method: str, count: int = COUNT) -> tuple[list[Case], list[Case]]:
    """The best and the worst removals of a method by one metric, the most telling first, one a picture at most.

    With few pictures no case is in both lists. Metrics that say nothing by themselves have no cases.
    """
    found = summary.grid
    if not definition.better or definition.id not in found.metrics or method not in found.methods:
        return [], []
    runs = found.runs
    here = (runs.metric == found.metrics.index(definition.id)) & (runs.method == found.methods.index(method))
    places = np.flatnonzero(here & ~np.isnan(runs.value)).tolist()
    goodness = runs.value if definition.better == "higher" else -runs.value
    order = sorted(places, key=lambda at: (-goodness[at], found.photos[runs.photo[at]].name, runs.seed[at]))
    best, worst = _one_each(order, runs.photo), _one_each(order[::-1], runs.photo)
    half = len(best) // 2
    chosen_best = best[: min(count, len(best) - half)]
    taken = {runs.photo[at] for at in chosen_best}
    chosen_worst = [at for at in worst if runs.photo[at] not in taken][: min(count, half)]

    def case(at: int) -> Case:
        photo = found.photos[runs.photo[at]]
        return Case(photo.sample, photo.name, method, summary.policy, int(runs.seed[at]), float(runs.value[at]))

    return [case(at) for at in chosen_best], [case(at) for at in chosen_worst]


def show(case: Case, fetch: Fetch) -> Exhibit:
    """A case with its pictures: the place around the mask, source with the mask's outline, result and truth."""
    try:
        found = fetch(case)
    except (RoremError, OSError) as error:
        return Exhibit(case, (), str(error))
    if found is None:
        return Exhibit(case, (), "Its pictures are not there any more.")
    shape = found.source.shape
    if found.result.shape != shape or found.mask.shape != shape[:2] or not found.mask.any():
        return Exhibit(case, (), "Its pictures do not fit together.")
    rows, columns = _around(found.mask)
    pictures = [("Source", _outlined(found.source[rows, columns], found.mask[rows, columns]))]
    pictures.append(("Result", _small(found.result[rows, columns])))
    if found.truth is not None and found.truth.shape == shape:
        pictures.append(("Truth", _small(found.truth[rows, columns])))
    return Exhibit(case, tuple((caption, data_uri(picture)) for caption, picture in pictures))


def data_uri(picture: np.ndarray) -> str:
    """A picture, uint8 RGB (H, W, 3), as WebP that stands in the page itself."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "WEBP", quality=QUALITY, method=4)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def _one_each(order: Sequence[int], photo: np.ndarray) -> list[int]:
    """The first of each photo."""
    first: dict[int, int] = {}
    for at in order:
        first.setdefault(int(photo[at]), at)
    return list(first.values())


def _around(mask: np.ndarray) -> tuple[slice, slice]:
    """The place to show: the mask with as much around it, inside the picture."""
    return _span(np.any(mask, axis=1)), _span(np.any(mask, axis=0))


def _span(marked: np.ndarray) -> slice:
    there = np.flatnonzero(marked)
    low, high = int(there[0]), int(there[-1]) + 1
    length = min(len(marked), max(SMALLEST, round((high - low) * (1 + 2 * CONTEXT))))
    start = min(max(0, (low + high - length) // 2), len(marked) - length)
    return slice(start, start + length)


def _small(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    factor = SIDE / max(height, width)
    if factor >= 1:
        return np.ascontiguousarray(picture)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _outlined(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Made small first, so that the line is as wide on every picture."""
    small = _small(picture).copy()
    levels = cv2.resize(mask.astype(np.uint8) * 255, small.shape[1::-1], interpolation=cv2.INTER_AREA)
    outlines, _ = cv2.findContours((levels > 0).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    for colour, width in ((OUTER, 3), (INNER, 1)):
        cv2.drawContours(small, outlines, -1, colour, width)
    return small
