"""LPIPS against the truth (Zhang et al., CVPR 2018), with each of its three networks. See `rorem.nets.lpips`.

Pictures are compared at their own size, which takes memory by the pixel: much with VGG16. Where less is free, that is
said before it begins, and one comparison runs at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from rorem.errors import OutOfMemory
from rorem.metrics import networks
from rorem.metrics.contract import Measure, Metric, Seen

if TYPE_CHECKING:
    from rorem.nets.lpips import Features

Net = Literal["alex", "vgg", "squeeze"]
EPSILON = 1e-10
FIX = "Leave it out, or use smaller pictures."
SHORT = "There was not enough memory for LPIPS.", FIX
_at_work = threading.Lock()  # what is free for one is not free for two


def features(asked: networks.Asked, rgb: np.ndarray) -> Features:
    """What the network sees in a picture of its own size, uint8 (h, w, 3). Raises OutOfMemory."""
    import torch

    from rorem.nets.compute import in_memory

    def look() -> Features:
        place = next(asked.net.parameters()).device
        levels = torch.from_numpy(np.ascontiguousarray(rgb)).to(place).permute(2, 0, 1)[None].float()
        with torch.inference_mode(), in_memory(*SHORT):
            return asked.net(levels)

    return asked.of(rgb, "features", look)


def distance_of(net: Net) -> Measure:
    """`lpips_full/gt@alex`, `@vgg` and `@squeeze`: LPIPS 0.1 between the whole result and the whole truth; 0 = equal.

    Both pictures, of their own size and in [-1, 1], are shifted and scaled by LPIPS's own numbers and shown to the
    network, which was trained on ImageNet. At each of its taps (five; seven with SqueezeNet) every place has a vector
    of channels, which is scaled to length 1. The squared differences of the two pictures' vectors are weighted by
    channel with the authors' weights and added up; their mean over all places is taken at each tap, and the taps are
    added up. A side below 32 px is filled up with copies of the last row or column. Raises as `networks.lpips`.
    """
    return partial(whole, networks.lpips(net))


def whole(asked: networks.Asked, seen: Seen) -> float:
    """LPIPS of the result and the truth; nan without a truth. Raises OutOfMemory."""
    return float("nan") if seen.truth is None else between(asked, seen.truth, seen.result)


def between(asked: networks.Asked, one: np.ndarray, other: np.ndarray) -> float:
    """LPIPS of two pictures of one size, uint8 (h, w, 3). Raises OutOfMemory."""
    from rorem.nets.lpips import distance

    with _within_memory(asked, one):
        return distance(features(asked, one), features(asked, other), asked.net.heads)


def distance_in_hole() -> Measure:
    """`lpips_hole/gt`: LPIPS 0.1 with AlexNet between result and truth, of the mask alone; 0 = equal.

    As `distance_of`, but before the mean over places: the weighted sums at each tap are enlarged to the picture's size
    (linearly, centres on centres), the taps are added up, and the mean is over the pixels of the mask, not of the hole
    that was grown from it. The network sees both whole pictures, so that what lies near the mask counts a little, too.
    A side below 32 px is filled up as there. nan for an empty mask. Raises as `networks.lpips`.
    """
    return partial(in_hole, networks.lpips("alex"))


def in_hole(asked: networks.Asked, seen: Seen) -> float:
    """The mean of LPIPS's map over the mask; nan without a truth or a mask. Raises OutOfMemory."""
    from rorem.nets.lpips import distance_map

    if seen.truth is None or not seen.mask.any():
        return float("nan")
    with _within_memory(asked, seen.truth):
        apart = distance_map(features(asked, seen.truth), features(asked, seen.result), asked.net.heads)
        return float(apart.cpu().numpy()[seen.mask].mean(dtype=np.float64))


@contextmanager
def _within_memory(asked: networks.Asked, rgb: np.ndarray) -> Iterator[None]:
    """Compares two pictures of this one's size, as the only one that does.

    Raises OutOfMemory beforehand where too little is free, and where it runs out.
    """
    from rorem.nets.compute import free_memory, in_memory

    needed = asked.net.peak_memory(*rgb.shape[:2])
    with _at_work:
        free = free_memory(next(asked.net.parameters()).device)
        if free is not None and needed > free:
            told = f"LPIPS needs about {needed / 1e9:.1f} GB of memory at this size, and {free / 1e9:.1f} GB are free."
            raise OutOfMemory(told, FIX)
        with in_memory(*SHORT):
            yield


def reference_distance(first: Sequence[np.ndarray], second: Sequence[np.ndarray], heads: Sequence[np.ndarray]) -> float:
    """LPIPS from the features of two pictures, written out in numpy; the check of `rorem.nets.lpips`.

    first, second: float (C, h, w) at each tap, not yet scaled to length 1. heads: float (C,) at each tap.
    """
    return sum(float(one.mean()) for one in _layers(first, second, heads))


def reference_map(
    first: Sequence[np.ndarray],
    second: Sequence[np.ndarray],
    heads: Sequence[np.ndarray],
    height: int,
    width: int,
) -> np.ndarray:
    """As `reference_distance`, place by place: float64 (height, width)."""
    grown = [_enlarged(_enlarged(one, height).T, width).T for one in _layers(first, second, heads)]
    return np.sum(grown, axis=0)


def _layers(first: Sequence[np.ndarray], second: Sequence[np.ndarray], heads: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The weighted squared difference at each tap, (h, w)."""
    found = []
    for one, other, head in zip(first, second, heads, strict=True):
        a, b = (maps / (np.sqrt(np.square(maps).sum(0)) + EPSILON) for maps in (one, other))
        found.append(np.einsum("chw,c->hw", np.square(a - b), head))
    return found


def _enlarged(values: np.ndarray, count: int) -> np.ndarray:
    """Rows of (h, w) interpolated linearly to `count`, centres on centres, the first and the last row held."""
    places = (np.arange(count) + 0.5) * len(values) / count - 0.5
    places = np.clip(places, 0, len(values) - 1)
    above = np.floor(places).astype(int)
    below, share = np.minimum(above + 1, len(values) - 1), (places - above)[:, None]
    return values[above] * (1 - share) + values[below] * share


def _whole(net: Net, name: str) -> Metric:
    return Metric(
        id=f"lpips_full/gt@{net}",
        title=f"LPIPS ({name})",
        about=f"LPIPS 0.1 with {name} between the result and the truth, at their own size, over the whole picture.",
        better="lower",
        load=partial(distance_of, net),
        parts=(networks.TOWERS[net], networks.HEADS[net]),
        packages=networks.LPIPS_PACKAGES,
        needs_truth=True,
    )


METRICS: tuple[Metric, ...] = (
    _whole("alex", "AlexNet"),
    _whole("vgg", "VGG16"),
    _whole("squeeze", "SqueezeNet"),
    Metric(
        id="lpips_hole/gt",
        title="LPIPS in the hole",
        about="LPIPS 0.1 with AlexNet between result and truth: its map, enlarged to the picture, in the mask.",
        better="lower",
        load=distance_in_hole,
        parts=(networks.TOWERS["alex"], networks.HEADS["alex"]),
        packages=networks.LPIPS_PACKAGES,
        needs_truth=True,
    ),
)
