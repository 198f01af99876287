"""What a metric is: a pure function of one removal, with an id that stands in every row, and its definition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rorem.weights import Part

Better = Literal["higher", "lower", "zero", ""]  # "" = says nothing by itself
Measure = Callable[["Seen"], float]


@dataclass(frozen=True, eq=False)
class Seen:
    """One removal as metrics see it. All pictures are uint8 RGB (H, W, 3), all masks bool (H, W), of the source's size.

    source: the photo as it was. mask: what was to be removed. result: the photo without it, as the method's road left
    it: nothing is pasted back for a metric. A result of another size has been resized to the source's.
    hole: where the method was free to change pixels; covers the mask. truth: the photo as it would be without the
    thing, where that is known. raw: a result of another size as it was, (h, w, 3); None where the sizes were the same.
    category: of the thing, "" if unknown.
    """

    source: np.ndarray
    mask: np.ndarray
    result: np.ndarray
    hole: np.ndarray
    truth: np.ndarray | None = None
    raw: np.ndarray | None = None
    category: str = ""


@dataclass(frozen=True)
class Metric:
    """An entry of the catalog of metrics.

    id: stands in every row and never changes its meaning; another definition gets another id.
    title: for a table's head. about: the definition, in one or two sentences. better: which way is good.
    unit: "dB", "%", "" ... load: makes the function that measures one removal; heavy imports and networks come only
    then, and networks are loaded once per process. parts: weights that it needs. packages: that it needs.
    needs_truth: it can only be measured where the truth is known.
    A value may be infinite, which means equal, or nan: there was nothing to measure, or no truth.
    """

    id: str
    title: str
    about: str
    better: Better
    load: Callable[[], Measure]
    unit: str = ""
    parts: tuple[Part, ...] = ()
    packages: tuple[str, ...] = ()
    needs_truth: bool = False


@dataclass(frozen=True)
class SetMetric:
    """A metric of a whole set of removals, such as a distance between two clouds of features.

    load: makes the function that gives, for one removal, the two feature vectors (result, reference), float32 (D,).
    distance: of two clouds, float32 (N, D) each. The rest as for `Metric`; the number of pictures is always told.
    """

    id: str
    title: str
    about: str
    better: Better
    load: Callable[[], Callable[[Seen], tuple[np.ndarray, np.ndarray]]]
    distance: Callable[[np.ndarray, np.ndarray], float]
    unit: str = ""
    parts: tuple[Part, ...] = ()
    packages: tuple[str, ...] = ()
    needs_truth: bool = False
