"""One sample, made of the stock by its number alone: the same number and seed give the same sample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from data_tools.synthesize.composing import SEEN, Layer, Look, Pair, as_it_is, compose, fitted
from data_tools.synthesize.originals import Original
from data_tools.synthesize.placing import KINDS, Ground, Kind, good_enough, place
from data_tools.synthesize.stock import Stock
from rorem.errors import BadData
from rorem.geometry import Box

GROUNDS, TRIES = 10, 6  # crops that are tried for a sample, and arrangements in each
ENLARGED = 1.1  # most that a photo is enlarged
CUTOUT_ENLARGED = 2.0  # most that a cut-out is: it has to look sharp beside the photo
SHARES = 0.02, 0.16  # of the picture, that all things of a sample together cover, before what is in front is drawn
WIDEST = 0.72  # of the side
FEWEST, MOST = 2, 3  # things where there are several
CROPS = {"texture": 0.4, "structured": 0.62}  # smallest crop, as a share of what the photo has: structure is large
MARGINS = 0.006, 0.014  # of the side, that the mask reaches beyond the thing: about as a person paints
LEAST_MARGIN = 3  # px
FRONT_HEIGHTS = 0.5, 0.9  # of the hidden thing's height, for what stands in front
HIDDEN = 0.12, 0.6  # how much of a thing is behind what stands in front
FRONT_PLACES = 24  # tried

# Where things are drawn smaller the higher they stand, as on level ground: the horizon is taken to lie this far down
# the photo, and what stands there is drawn this much smaller than at the lower border. Both are guesses.
HORIZON, FAR = 0.35, 0.5


@dataclass(frozen=True)
class Wish:
    """What a sample has to be. index: its number in the set. matched: things are smaller the higher they stand."""

    index: int
    seed: int
    sizes: Sequence[int]
    several: float
    occluded: float
    matched: bool = False


@dataclass(frozen=True, eq=False)
class Sample:
    """A sample with where it comes from. crop: left, top and side in px of the photo. front: what hides a part."""

    pair: Pair
    kind: Kind
    size: int
    margin: int
    photo: Original
    crop: tuple[int, int, int]
    things: Sequence[Original]
    front: Original | None

    @property
    def originals(self) -> list[Original]:
        """The files that it was made of, each once."""
        all_of_them = [self.photo, *self.things, *([self.front] if self.front else [])]
        return list({(one.file, one.key): one for one in all_of_them}.values())


@dataclass(frozen=True, eq=False)
class Placed:
    layer: Layer
    original: Original
    box: Box


@dataclass(frozen=True, eq=False)
class Plan:
    """Things at their places. front: what hides a part of the first one. score: how well the places suit the kind."""

    things: Sequence[Placed]
    front: Placed | None
    score: float


@dataclass(frozen=True)
class Scale:
    """How large things are drawn. rows: where the crop begins and ends, as shares of its photo's height; then what
    stands higher is drawn smaller. enlarged: most that a cut-out is."""

    rows: tuple[float, float] | None = None
    enlarged: float = CUTOUT_ENLARGED


def make(wish: Wish, stock: Stock, look: Look = as_it_is) -> Sample:
    """Makes a sample. look: how a cut-out is drawn at its place.

    Raises BadData if it could not be made, and BadPicture or OSError for a file that changed since it was looked at.
    """
    rng = np.random.default_rng([wish.seed, wish.index])
    kind = KINDS[wish.index % 2]
    size = int(rng.choice(wish.sizes))
    count = int(rng.integers(FEWEST, MOST + 1)) if rng.random() < wish.several else 1
    hidden = bool(rng.random() < wish.occluded)
    photos = [photo for photo in stock.photos if min(photo.width, photo.height) * ENLARGED >= size]
    if not photos:
        raise BadData(f"No photo is large enough for {size} pixels.", "Ask for smaller ones with --sizes.")
    best: tuple[Plan, Original, tuple[int, int, int], np.ndarray] | None = None
    for _ in range(GROUNDS):
        photo = photos[int(rng.integers(len(photos)))]
        crop, ground = _crop(photo, size, kind, rng)
        scale = Scale((crop[1] / photo.height, (crop[1] + crop[2]) / photo.height)) if wish.matched else Scale()
        plan = arranged(Ground(ground), kind, count, hidden, stock.cutouts, rng, scale)
        if plan and (best is None or plan.score > best[0].score):
            best = plan, photo, crop, ground
        if plan and good_enough(kind, plan.score):
            break
    if best is None:
        raise BadData(f"Sample {wish.index} could not be made of these photos and cut-outs.", "Add more of them.")
    plan, photo, crop, ground = best
    return composed(plan, ground, kind, photo, crop, rng, look)


def composed(
    plan: Plan,
    ground: np.ndarray,
    kind: Kind,
    photo: Original,
    crop: tuple[int, int, int],
    rng: np.random.Generator,
    look: Look,
) -> Sample:
    """The sample that a plan stands for. ground: uint8 RGB (S, S, 3), the crop of the photo."""
    size = ground.shape[0]
    margin = max(LEAST_MARGIN, round(size * float(rng.uniform(*MARGINS))))
    layers = [placed.layer for placed in (*plan.things, *([plan.front] if plan.front else []))]
    things = [placed.original for placed in plan.things]
    front = plan.front.original if plan.front else None
    return Sample(compose(ground, layers, margin, look), kind, size, margin, photo, crop, things, front)


def _crop(photo: Original, size: int, kind: Kind, rng: np.random.Generator) -> tuple[tuple[int, int, int], np.ndarray]:
    """A square part of a photo, drawn in the wanted size. Returns left, top, side, and the pixels."""
    whole = photo.rgb()
    most = min(whole.shape[:2])
    least = min(most, max(round(size / ENLARGED), round(most * CROPS[kind])))
    side = int(rng.integers(least, most + 1))
    left, top = (int(rng.integers(0, length - side + 1)) for length in whole.shape[1::-1])
    part = Image.fromarray(whole[top : top + side, left : left + side])
    return (left, top, side), np.array(part.resize((size, size), Image.Resampling.LANCZOS))


def arranged(
    ground: Ground,
    kind: Kind,
    count: int,
    hidden: bool,
    cutouts: Sequence[Original],
    rng: np.random.Generator,
    scale: Scale = Scale(),
) -> Plan | None:
    """Things at their places; the best of some tries, None if none worked out. hidden: with something in front."""
    best: Plan | None = None
    for _ in range(TRIES):
        plan = _arrangement(ground, kind, count, hidden, cutouts, rng, scale)
        if plan and (best is None or plan.score > best.score):
            best = plan
        if plan and good_enough(kind, plan.score):
            break
    return best


def _arrangement(
    ground: Ground,
    kind: Kind,
    count: int,
    hidden: bool,
    cutouts: Sequence[Original],
    rng: np.random.Generator,
    scale: Scale,
) -> Plan | None:
    share = float(np.exp(rng.uniform(*np.log(SHARES)))) / count
    things: list[Placed] = []
    scores: list[float] = []
    for _ in range(count):
        original = cutouts[int(rng.integers(len(cutouts)))]
        widest, flip = ground.side * WIDEST, bool(rng.random() < 0.5)
        rgba = _sized(original.rgba(), share * ground.side**2, widest, flip, scale.enlarged)
        found = place(ground, kind, rgba[..., 3] > SEEN, [one.box for one in things], rng)
        if found is None:
            return None
        box, score = found
        if scale.rows:
            rgba, box = _farther(original.rgba(), box, flip, _size_at(box.bottom / ground.side, scale.rows))
        things.append(Placed(Layer(rgba, box.left, box.top), original, box))
        scores.append(score)
    front = _in_front(things[0], cutouts, rng, scale.enlarged) if hidden else None
    if hidden and front is None:
        return None
    return Plan(things, front, min(scores))


def _sized(rgba: np.ndarray, area: float, widest: float, flip: bool, enlarged: float) -> np.ndarray:
    """A cut-out drawn so that it covers so many px, unless it would be too wide or too blurred."""
    covers = max(1, int((rgba[..., 3] > SEEN).sum()))
    scale = min((area / covers) ** 0.5, enlarged, widest / max(rgba.shape[:2]))
    return fitted(rgba, max(8, round(rgba.shape[0] * scale)), flip)


def _size_at(row: float, rows: tuple[float, float]) -> float:
    """How large a thing is drawn that stands at a row of the crop, 0 to 1: FAR at the horizon, 1 at the bottom."""
    first, last = rows
    down = (first + row * (last - first) - HORIZON) / (1 - HORIZON)
    return FAR + (1 - FAR) * min(1.0, max(0.0, down))


def _farther(rgba: np.ndarray, box: Box, flip: bool, size: float) -> tuple[np.ndarray, Box]:
    """A cut-out drawn smaller at its place: it goes on standing where it stood."""
    small = fitted(rgba, max(8, round(box.height * size)), flip)
    rows, columns = small.shape[:2]
    left = (box.left + box.right - columns) // 2
    return small, Box(left, box.bottom - rows, left + columns, box.bottom)


def _in_front(thing: Placed, cutouts: Sequence[Original], rng: np.random.Generator, enlarged: float) -> Placed | None:
    """Something that hides a part of a thing, and stands lower in the picture, as what is nearer does."""
    original = cutouts[int(rng.integers(len(cutouts)))]
    if original.key == thing.original.key:
        return None
    height = max(8, round(thing.box.height * float(rng.uniform(*FRONT_HEIGHTS))))
    rgba = original.rgba()
    height = min(height, round(rgba.shape[0] * enlarged))
    rgba = fitted(rgba, height, bool(rng.random() < 0.5))
    least, most = HIDDEN
    for _ in range(FRONT_PLACES):
        left = int(rng.integers(thing.box.left - rgba.shape[1] // 2, thing.box.right - rgba.shape[1] // 2 + 1))
        top = thing.box.bottom - height + round(height * float(rng.uniform(0, 0.3)))
        layer = Layer(rgba, left, top, removed=False)
        if least <= _hides(layer, thing) <= most:
            return Placed(layer, original, Box(left, top, left + rgba.shape[1], top + height))
    return None


def _hides(front: Layer, thing: Placed) -> float:
    """How much of a thing is behind a layer, 0 to 1."""
    behind = thing.layer.rgba[..., 3] > SEEN
    above = np.zeros(behind.shape, bool)
    rows, columns = front.rgba.shape[:2]
    box = Box(front.left, front.top, front.left + columns, front.top + rows)
    common = box.common(thing.box)
    inside = common.moved(-front.left, -front.top)
    above[common.moved(-thing.box.left, -thing.box.top).slices] = front.rgba[inside.slices][..., 3] > SEEN
    return float((above & behind).sum() / max(1, behind.sum()))
