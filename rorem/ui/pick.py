"""What a visitor means by clicks and a box: by the network where its weights are here, else by colour.

A click is answered together with those before it, so what was found out about a photo is kept: what the network saw in
it, or what each click found by colour.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rorem import segment
from rorem.errors import OutOfMemory
from rorem.geometry import Box
from rorem.segment import Embedding, Point, Segmenter
from rorem.selection import select_box, select_point
from rorem.ui.per_photo import PerPhoto
from rorem.ui.preview import proxy, proxy_size
from rorem.ui.session import Session

log = logging.getLogger(__name__)
SEEN_BYTES = 120_000_000  # SAM 2 sees 17 MB in a photo: some seven photos
FOUND_BYTES = 30_000_000  # at most 0.5 MB a click


@dataclass(frozen=True)
class Clicks:
    """Places that belong to a thing and that do not, and a box around it; all in px of the photo's proxy."""

    plus: tuple[Point, ...] = ()
    minus: tuple[Point, ...] = ()
    box: Box | None = None

    def __len__(self) -> int:
        return len(self.plus) + len(self.minus) + (self.box is not None)

    def inside(self, width: int, height: int) -> Clicks:
        """With those beside the picture moved to its edge."""

        def moved(points: tuple[Point, ...]) -> tuple[Point, ...]:
            return tuple((min(width - 1, max(0, x)), min(height - 1, max(0, y))) for x, y in points)

        return replace(self, plus=moved(self.plus), minus=moved(self.minus))


class Picker:
    """Answers clicks on the photos of one server, from any thread."""

    def __init__(self, load: Callable[[], Segmenter | None] = segment.load) -> None:
        """load: gives the network; called once, at the first click."""
        self._load = load
        self._loaded = False
        self._segmenter: Segmenter | None = None
        self._network = threading.Lock()  # loads, looks and answers one at a time
        self._seen = PerPhoto[Embedding](SEEN_BYTES)
        self._found = PerPhoto[np.ndarray](FOUND_BYTES)

    def select(self, session: Session, clicks: Clicks) -> np.ndarray:
        """The thing that is meant, bool (h, w) of the proxy's size; empty where nothing stands out."""
        clicks = clicks.inside(*proxy_size(*session.picture.size))
        with self._network:
            if not self._loaded:
                self._segmenter, self._loaded = self._load(), True
            if self._segmenter is not None:
                try:
                    embedding = self._look(self._segmenter, session)
                    return self._segmenter.select(embedding, clicks.plus, clicks.minus, clicks.box)
                except OutOfMemory as error:
                    log.warning("A thing was picked by colour: %s", error)
        return self._by_colour(session, clicks)

    def _look(self, segmenter: Segmenter, session: Session) -> Embedding:
        kept = self._seen.get(session, session.state)
        if kept is not None:
            return kept
        with session.lock:
            state, rgb = session.state, proxy(session.picture)
        embedding = segmenter.embed(rgb)
        self._seen.put(session, state, embedding)
        return embedding

    def _by_colour(self, session: Session, clicks: Clicks) -> np.ndarray:
        """What the box and each plus find, less what each minus finds."""
        with session.lock:
            state, rgb = session.state, proxy(session.picture)

        def found(place: Point | Box) -> np.ndarray:
            packed = self._found.get(session, (state, place))
            if packed is None:
                mask = select_box(rgb, place) if isinstance(place, Box) else select_point(rgb, *place)
                packed = np.packbits(mask)
                self._found.put(session, (state, place), packed)
            return np.unpackbits(packed, count=rgb.shape[0] * rgb.shape[1]).astype(bool).reshape(rgb.shape[:2])

        selection = np.zeros(rgb.shape[:2], bool)
        for place in (*clicks.plus, *([clicks.box] if clicks.box else [])):
            selection |= found(place)
        for place in clicks.minus:
            selection &= ~found(place)
        return selection
