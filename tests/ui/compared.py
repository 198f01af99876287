"""What the tests of the Compare tab have in common: a photo, marks, and methods that do as they are told."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from PIL import Image

from rorem.errors import RoremError
from rorem.methods import catalog
from rorem.remover import Fill, Job, Method, OnStep, Options, Remover, no_step
from rorem.ui.board import Board
from rorem.ui.session import Session

SIZE = 80, 60


def png(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(array).save(file, "PNG")
    return file.getvalue()


def noise(seed: int = 2, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Grey, so that a JPEG is near it."""
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 1), dtype=np.uint8).repeat(3, axis=2)


def mask() -> np.ndarray:
    marked = np.zeros((SIZE[1], SIZE[0]), bool)
    marked[20:40, 20:30] = True
    return marked


def press(session: Session, *methods: str, **sent: Any) -> dict[str, Any]:
    url = "data:image/png;base64," + base64.b64encode(png(mask())).decode()
    return {"token": session.token, "press": 1, "mask": url, "avoid": None, "methods": list(methods), **sent}


@dataclass
class Paint:
    """Fills with one level, tells its steps, and waits before the end where it has something to wait for."""

    level: int = 0
    error: Exception | None = None
    go_on: threading.Event | None = None
    begun: threading.Event = field(default_factory=threading.Event)

    def fill(self, job: Job, on_step: OnStep = no_step) -> Fill:
        self.begun.set()
        on_step(1, 2)
        if self.go_on is not None:
            assert self.go_on.wait(20)
        if self.error is not None:
            raise self.error
        on_step(2, 2)
        return Fill(np.full_like(job.crop, self.level), network_calls=self.level)


@dataclass
class PaintAsPublished(Paint):
    """As published, it gives a picture of its own size."""

    size: tuple[int, int] = SIZE

    def fill_published(
        self, picture: np.ndarray, mask: np.ndarray, seed: int, options: Options, on_step: OnStep = no_step
    ) -> Fill:
        return Fill(np.full((self.size[1], self.size[0], 3), self.level, np.uint8), network_calls=3)


def methods(**removers: Remover) -> Any:
    """What stands in for `catalog.prepare`."""

    def prepare(id: str, settings: Mapping[str, object]) -> tuple[Method, Options]:
        entry = catalog.find(id)
        return Method(replace(entry.traits, revision="stub"), removers[id.replace("-", "_")]), entry.parse(
            dict(settings)
        )

    return prepare


def ended(board: Board | None, seconds: float = 20) -> Board:
    assert board is not None
    until = time.monotonic() + seconds
    while board.running:
        assert time.monotonic() < until, "the comparison does not end"
        time.sleep(0.02)
    return board


REFUSED = RoremError("The weights of LaMa are damaged.", "Fetch them again.")
