"""Probes: tricks instead of removals, to see which metrics they fool.

Each trick is made from a sample and an honest removal of it. A metric that scores a trick better than the honest
removal can be gamed by it; whoever reads a table of that metric should know.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from rorem.errors import BadData
from rorem.evaluation.facts import FACTS
from rorem.evaluation.makers import ByMethod, Made, Maker
from rorem.evaluation.policies import AS_GIVEN, dilated
from rorem.evaluation.rows import Row
from rorem.evaluation.samples import Sample
from rorem.evaluation.store import Place, Store
from rorem.metrics import catalog
from rorem.picture import to_rgb
from rorem.remover import OnStep

BASE = "patchmatch"
BEST_OF = 5
HONEST = "honest"
BEST = f"best of {BEST_OF}"
JPEG_QUALITY = 75
BLUR = 0.05  # of the longer side: the standard deviation that leaves only a smear in a hole
VAE_BLUR, VAE_TINT = 0.8, np.array([2, -1, 3])  # px and levels: what a diffusion model's autoencoder does to a photo
RING = 0.03  # of the longer side: what counts as the surroundings of a hole


@dataclass(frozen=True)
class Probe:
    """name: in the table. about: what is done. make: from the sample, an honest removal, bool hole (H, W) and a random
    generator, uint8 RGB (H, W, 3)."""

    name: str
    about: str
    make: Callable[[Sample, np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


def truth(sample: Sample, honest: np.ndarray, hole: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Raises BadData where it is not known."""
    if sample.truth is None:
        raise BadData(f"The truth of {sample.name} is not known.")
    return sample.truth


def identity(sample: Sample, honest: np.ndarray, hole: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return to_rgb(sample.picture)


def blur(sample: Sample, honest: np.ndarray, hole: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The surroundings smeared into the hole: a normalised blur that does not see what was there."""
    known = (~hole).astype(np.float32)[..., None]
    source = to_rgb(sample.picture).astype(np.float32)
    sigma = BLUR * max(hole.shape)
    weight = np.asarray(cv2.GaussianBlur(known, (0, 0), sigma))[..., None]
    smeared = np.asarray(cv2.GaussianBlur(source * known, (0, 0), sigma)) / np.maximum(weight, 1e-6)
    far = weight[..., 0] < 1e-4  # nothing known is near: the mean of all that is known
    smeared[far] = source[~hole].mean(axis=0)
    return _filled(sample, hole, smeared)


def mean_colour(sample: Sample, honest: np.ndarray, hole: np.ndarray, random: np.random.Generator) -> np.ndarray:
    source = to_rgb(sample.picture)
    return _filled(sample, hole, np.broadcast_to(source[_ring(hole)].mean(axis=0), source.shape))


def noise(sample: Sample, honest: np.ndarray, hole: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Noise with the mean and spread of the surroundings."""
    source = to_rgb(sample.picture)
    near = source[_ring(hole)]
    return _filled(sample, hole, random.normal(near.mean(axis=0), near.std(axis=0), source.shape))


def jpeg(sample: Sample, honest: np.ndarray, hole: np.ndarray, random: np.random.Generator) -> np.ndarray:
    done, data = cv2.imencode(".jpg", honest[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    assert done
    return np.ascontiguousarray(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR))[..., ::-1])


def drifted(sample: Sample, honest: np.ndarray, hole: np.ndarray, random: np.random.Generator) -> np.ndarray:
    soft = cv2.GaussianBlur(honest.astype(np.float32), (0, 0), VAE_BLUR) + VAE_TINT
    return np.clip(np.rint(soft), 0, 255).astype(np.uint8)


def pasted_back(sample: Sample, honest: np.ndarray, hole: np.ndarray, random: np.random.Generator) -> np.ndarray:
    return _filled(sample, hole, drifted(sample, honest, hole, random))


PROBES = (
    Probe("truth", "No trick: the photo as it would be without the thing, where that is known.", truth),
    Probe("identity", "The photo as it was: nothing is removed.", identity),
    Probe("blur", "The surroundings smeared into the hole.", blur),
    Probe("mean colour", "The hole in the mean colour of its surroundings.", mean_colour),
    Probe("noise", "The hole full of noise in the colours of its surroundings.", noise),
    Probe("jpeg", f"The honest removal saved as JPEG of quality {JPEG_QUALITY}.", jpeg),
    Probe("drift", "The honest removal a little blurred and tinted all over, as an autoencoder leaves it.", drifted),
    Probe("paste-back", "The same, with the photo's own pixels pasted back outside the hole.", pasted_back),
)
DILATED = "dilated mask"
ABOUT = {
    HONEST: f"What the others are held against: {BASE} with the first seed, on the mask as it is.",
    **{probe.name: probe.about for probe in PROBES},
    DILATED: "The honest method, shown a mask that was dilated by 2 % of the photo's longer side beforehand.",
    BEST: f"Of {BEST_OF} seeds of the honest method the one that the metric itself likes best, picture by picture.",
}


class Trick:
    """A probe in the place of a method. The honest removal is the one that the run has kept."""

    protocol = "probe"
    revision = ""
    options = "{}"
    seeded = masked = False

    def __init__(self, probe: Probe, base: ByMethod, store: Store) -> None:
        self.id = probe.name
        self.key = base.key
        self._probe = probe
        self._base = base
        self._store = store

    def make(self, sample: Sample, mask: np.ndarray, seed: int, on_step: OnStep) -> Made:
        honest, hole = self._honest(sample, mask, seed, on_step)
        random = np.random.default_rng(int(sample.id[:16], 16))
        return Made(self._probe.make(sample, honest, hole, random), hole, {})

    def release(self) -> None: ...

    def _honest(self, sample: Sample, mask: np.ndarray, seed: int, on_step: OnStep) -> tuple[np.ndarray, np.ndarray]:
        place = Place(self._base.id, self._base.key, AS_GIVEN, seed, sample.content)
        record = self._store.record(place)
        picture = self._store.picture(place, record) if record and not record.error else None
        hole = self._store.hole(place)
        if picture is not None and hole is not None:
            return picture, hole
        made = self._base.make(sample, mask, seed, on_step)
        return made.picture, made.hole


class DilatedFirst:
    """The honest method, shown a mask that was dilated beforehand."""

    id = DILATED
    protocol = "probe"
    revision = ""
    options = "{}"
    seeded = masked = False

    def __init__(self, base: ByMethod) -> None:
        self.key = base.key
        self._base = base

    def make(self, sample: Sample, mask: np.ndarray, seed: int, on_step: OnStep) -> Made:
        made = self._base.make(sample, dilated(sample), seed, on_step)
        return Made(made.picture, made.hole, {})

    def release(self) -> None:
        self._base.release()


def makers(store: Store, truth_known: bool) -> list[Maker]:
    """The honest method, then every trick but the best of several seeds, which is chosen among the honest rows."""
    base = ByMethod(BASE, {})
    known = [probe for probe in PROBES if truth_known or probe.make is not truth]
    return [base, *(Trick(probe, base, store) for probe in known), DilatedFirst(base)]


def probed(rows: Sequence[Row]) -> list[Row]:
    """The rows of a run of `makers` as the table of probes wants them: the honest removal is that of the first seed,
    and of all its seeds the best by each metric is a trick of its own."""
    rows = [replace(row, protocol="probe") for row in rows]
    base = [row for row in rows if row.method == BASE]
    first = min((row.seed for row in base), default=0)
    honest = [replace(row, method=HONEST) for row in base if row.seed == first]
    tricks = [row for row in rows if row.method != BASE]
    seeds: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in base:
        if row.sample and row.value is not None:
            seeds[row.sample, row.metric].append(row)
    best = [replace(_best(several), method=BEST) for several in seeds.values()]
    return [*honest, *tricks, *best]


def _best(several: Sequence[Row]) -> Row:
    """The row that a cheat would show. Where a metric has no good direction, the first."""
    better = next((one.better for one in (*catalog.METRICS, *FACTS) if one.id == several[0].metric), "")
    signs = {"higher": 1.0, "lower": -1.0}
    if better == "zero":
        return min(several, key=lambda row: abs(row.value or 0.0))
    return max(several, key=lambda row: signs.get(better, 0.0) * (row.value or 0.0))


def _filled(sample: Sample, hole: np.ndarray, fill: np.ndarray) -> np.ndarray:
    """The photo with the hole taken from `fill`, of any number type."""
    made = to_rgb(sample.picture).copy()
    made[hole] = np.clip(np.rint(fill[hole]), 0, 255).astype(np.uint8)
    return made


def _ring(hole: np.ndarray) -> np.ndarray:
    """What lies around a hole; everything else where it fills the picture but for less."""
    reach = max(2, round(RING * max(hole.shape)))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    return (cv2.dilate(hole.astype(np.uint8), kernel) > 0) & ~hole
