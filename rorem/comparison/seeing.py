"""What the metrics and the judge say of a removal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from rorem import judge
from rorem.errors import BadPicture, RoremError
from rorem.metrics import Measure, Metric, Seen, catalog
from rorem.metrics.seeing import seen as as_seen
from rorem.picture import Picture, open_picture, to_rgb
from rorem.remover import Removal

log = logging.getLogger(__name__)
ALWAYS = ("seam", "psnr_bg/raw")  # these need no truth, and no network
NO_MEMORY = "There was not enough memory for it."


def seen(removal: Removal, mask: np.ndarray, truth: np.ndarray | None = None) -> Seen:
    """A removal as metrics see it. mask: bool (H, W). truth: uint8 RGB (H, W, 3), or None where it is not known.

    Of a photo with transparency the colours are seen, also hidden ones.
    """
    made = to_rgb(removal.picture) if removal.published is None else removal.published
    hole = removal.hole if removal.published is None else mask
    return as_seen(to_rgb(removal.before), mask, made, hole, truth)


def read_truth(source: Path | bytes, picture: Picture) -> np.ndarray:
    """The file of a photo without the thing, as uint8 RGB (H, W, 3). Raises BadPicture, also for another size."""
    truth = open_picture(source)
    if truth.size != picture.size:
        (width, height), (wide, high) = picture.size, truth.size
        raise BadPicture(
            f"The truth is {wide} x {high} pixels and the photo {width} x {height}.",
            "Give the same view without the thing, in the same size.",
        )
    return to_rgb(truth)


class Measures:
    """The metrics that can be measured here, each loaded when first used. left_out: the others, by id, and why."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        obstacles = {metric.id: catalog.obstacle(metric) for metric in metrics}
        self.left_out = {id: why for id, why in obstacles.items() if why}
        self._metrics = [metric for metric in metrics if not obstacles[metric.id]]
        self._loaded: dict[str, Measure] = {}

    def of(
        self,
        removal: Removal,
        mask: np.ndarray,
        truth: np.ndarray | None = None,
        on_metric: Callable[[], None] = lambda: None,
    ) -> tuple[dict[str, float], dict[str, str]]:
        """The values by id, and why others are left out. on_metric is called before each; what it raises ends it."""
        values: dict[str, float] = {}
        left_out = dict(self.left_out)
        one: Seen | None = None
        for metric in self._metrics:
            on_metric()
            try:
                one = one or seen(removal, mask, truth)
                if metric.id not in self._loaded:
                    self._loaded[metric.id] = metric.load()
                values[metric.id] = float(self._loaded[metric.id](one))
            except RoremError as error:
                left_out[metric.id] = error.advice
            except MemoryError:
                left_out[metric.id] = NO_MEMORY
            except Exception as error:  # a fault of ours in a metric must not cost the result
                log.exception("the metric %s failed", metric.id)
                left_out[metric.id] = f"It failed in a way that was not foreseen ({error!r})."
        return values, left_out


def measures(with_truth: bool) -> Measures:
    """What a comparison measures: `ALWAYS`, and where the truth is known all metrics that go by it."""
    return Measures(
        [metric for metric in catalog.METRICS if metric.id in ALWAYS or (with_truth and metric.needs_truth)]
    )


def with_score(removal: Removal) -> tuple[Removal, str]:
    """The removal with the judge's score, and ""; or as it was, and why there is none."""
    try:
        (score,) = judge.shared().rank([removal])
    except RoremError as error:
        return removal, error.advice
    except MemoryError:
        return removal, NO_MEMORY
    except Exception as error:
        log.exception("the judge failed")
        return removal, f"It failed in a way that was not foreseen ({error!r})."
    return replace(removal, score=score), ""
