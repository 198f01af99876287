"""RORem's own table, as far as it can be read: the columns that need networks.

The paper prints LPIPS, DINO and CLIP without saying which networks, what is compared with what, or at which size; its
authors were asked (github.com/leeruibin/RORem) and have not said. What follows is our reading of an undefined protocol:
everything squashed to 512 px, the method's raw result, nothing pasted back, compared with the photo that still holds
the thing. Returning the photo unchanged is the best that can be done for the first two.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from rorem.metrics import networks
from rorem.metrics.cells import cosine_torch
from rorem.metrics.clip import words
from rorem.metrics.contract import Measure, Metric, Seen
from rorem.metrics.lpips import between
from rorem.metrics.rorem_style import raw, squares, squashed

if TYPE_CHECKING:
    from torch import Tensor

    from rorem.nets.dinov2 import Tokens


def lpips() -> Measure:
    """`rorem_style/lpips`. Raises as `networks.lpips`."""
    return partial(of_lpips, networks.lpips("alex"))


def dino() -> Measure:
    """`rorem_style/dino`. Raises as `networks.dinov2`."""
    return partial(of_dino, networks.dinov2(networks.DINOV2_BASE))


def clip() -> Measure:
    """`rorem_style/clip`. Raises as `networks.clip`."""
    return partial(of_clip, networks.clip())


def of_lpips(asked: networks.Asked, seen: Seen) -> float:
    """LPIPS 0.1 with AlexNet between photo and result, times 100; 0 = unchanged. Raises OutOfMemory."""
    return 100 * between(asked, *squares(seen))


def of_dino(asked: networks.Asked, seen: Seen) -> float:
    """The cosine of DINOv2-base's vectors of photo and result (its first token after the last norm), in [-1, 1].

    The squares of 512 px go through the preparation that is published with the network: 256 px, and of these the middle
    224. 1 = unchanged. Raises OutOfMemory.
    """
    from rorem.nets.dinov2 import published_view

    def whole(small: np.ndarray) -> Tensor:
        said: Tokens = asked.of(small, "view", lambda: asked.net.tokens(published_view(small)))
        return said.whole

    source, result = squares(seen)
    return cosine_torch(whole(source), whole(result))


def of_clip(asked: networks.Asked, seen: Seen) -> float:
    """100 x the cosine of CLIP L/14-336's vectors of the result and of the thing's category as a text; nan if that is
    not known. Raises OutOfMemory.

    The paper's figures of 22 to 23 look like such a product, and it takes more for better; with the name of the removed
    thing as the text, less would be. Since nobody knows its text, no side is called the better one.
    """
    if not seen.category:
        return float("nan")
    small = squashed(raw(seen))
    image = asked.of(small, "picture", lambda: asked.net.picture(small))
    return 100 * cosine_torch(image, words(asked, seen.category))


OURS = "Our reading of an undefined protocol (512 px squash, raw result, against the photo)"
METRICS: tuple[Metric, ...] = (
    Metric(
        id="rorem_style/lpips",
        title="LPIPS x100 (RORem-style)",
        about=f"{OURS}: LPIPS 0.1 with AlexNet, times 100. Doing nothing gives 0.",
        better="lower",
        load=lpips,
        parts=(networks.TOWERS["alex"], networks.HEADS["alex"]),
        packages=networks.LPIPS_PACKAGES,
    ),
    Metric(
        id="rorem_style/dino",
        title="DINO (RORem-style)",
        about=f"{OURS}: cosine of DINOv2-base's vectors of photo and result. Doing nothing gives 1.",
        better="higher",
        load=dino,
        parts=(networks.DINOV2_BASE,),
        packages=networks.PACKAGES,
    ),
    Metric(
        id="rorem_style/clip",
        title="CLIP (RORem-style)",
        about=f"{OURS}: 100 x cosine of CLIP L/14-336's vectors of the result and of the thing's category, if known.",
        better="",
        load=clip,
        parts=(networks.CLIP_L,),
        packages=networks.PACKAGES,
    ),
)
