"""From a press of the button to a running comparison."""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rorem import comparison
from rorem.comparison import Request
from rorem.errors import BadOptions, RoremError
from rorem.methods import catalog
from rorem.remover import AS_PUBLISHED, SAME_PIPELINE
from rorem.ui import zero_gpu
from rorem.ui.board import Board
from rorem.ui.compare_results import write_marks
from rorem.ui.compare_run import Relay, start
from rorem.ui.line import Line
from rorem.ui.marks import marks
from rorem.ui.session import AT_WORK
from rorem.ui.sessions import Gone, NoSpace, Sessions
from rorem.ui.work import UNEXPECTED

SEED_BITS = 48  # of the order in which hidden results are shown; JavaScript reads whole numbers up to 53 bits exactly


class Wish(BaseModel):
    """What the visitor chose beside the marks."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    methods: tuple[str, ...] = Field(min_length=1, max_length=64)
    seed: int = Field(0, ge=0, le=2**32 - 1)
    published: bool = False
    blind: bool = False
    settings: dict[str, dict[str, bool | int | float | str]] = {}

    def request(self) -> Request:
        """Raises Unavailable for unknown methods, BadOptions for settings out of range."""
        settings = {} if self.published else {id: values for id, values in self.settings.items() if id in self.methods}
        for id in self.methods:
            catalog.find(id).parse(dict(settings.get(id, {})))
        return Request(
            methods=self.methods,
            seed=self.seed,
            protocol=AS_PUBLISHED if self.published else SAME_PIPELINE,
            settings=settings,
            order_seed=secrets.randbits(SEED_BITS) if self.blind else None,
        )


def begin(sessions: Sessions, line: Line, sent: dict[str, Any], visitor: str) -> dict[str, Any]:
    """One press of the button. Starts the comparison, which then tells about itself at /photo/TOKEN/comparison.

    sent: {token, press, mask, avoid} and the fields of `Wish`, from the page. Returns {press, error, gone}; the error
    is "" if it was started.
    """
    head = {"press": sent.get("press"), "error": "", "gone": False}
    try:
        _start(sessions, line, sent, visitor)
    except RoremError as error:
        return {**head, "error": error.advice, "gone": isinstance(error, Gone)}
    except RuntimeError:  # the machine has no thread left
        return {**head, "error": UNEXPECTED}
    return head


def _start(sessions: Sessions, line: Line, sent: dict[str, Any], visitor: str) -> None:
    session = sessions.get(str(sent.get("token")))
    try:
        request = Wish.model_validate(sent).request()
    except ValidationError as error:
        field = error.errors()[0]["loc"][0]
        raise BadOptions(*SENTENCES.get(str(field), (UNEXPECTED, ""))) from error
    mask, avoid = marks(sent, session, sessions.limits)
    cancel = session.begin()
    if cancel is None:
        raise RoremError(AT_WORK)
    try:
        relay = Relay()
        with session.lock:  # a truth that is taken back meanwhile must find the comparison that needs it
            truth = session.truth
            board = Board(session.folder, request, session.state, session.picture.size, truth, cancel=cancel)
            cells = comparison.compare(
                session.picture,
                mask,
                request,
                truth=None if truth is None else np.asarray(truth.pixels),
                avoid=avoid,
                prepare=zero_gpu.prepare,
                on_step=relay.on_step,
                on_start=relay.on_start,
            )
            if session.board is not None:
                session.board.delete(in_use=truth)
            write_marks(board, mask, avoid)
            session.board = board
        start(session, board, line, visitor, cells, relay)
    except OSError as error:
        session.end(cancel)
        raise NoSpace("The server has no room for a comparison right now.") from error
    except BaseException:
        session.end(cancel)
        raise


SENTENCES = {
    "methods": ("No method is chosen.", "Tick the ones you want to compare."),
    "seed": ("The seed must be a whole number from 0 to 4294967295.", "Change it and press Compare again."),
    "settings": ("A setting is no number.", "Change it and press Compare again."),
}
