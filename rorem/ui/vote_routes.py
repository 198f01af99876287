"""The HTTP side of votes: which of two results without names is better, and what came out of all votes."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rorem.errors import RoremError
from rorem.labels.voting import pair_id, vote
from rorem.ui.answers import NEVER, Heavy, body, bound, session_of
from rorem.ui.board import Board
from rorem.ui.compare_routes import BOARD, board_of, told
from rorem.ui.desk import Office
from rorem.ui.leaders import told_of
from rorem.ui.records import Records
from rorem.ui.session import Session
from rorem.ui.sessions import Sessions
from rorem.ui.share_routes import MOST_BYTES, saving

AT_ONCE = 1  # encoding of whole photos
FRESH = 30.0  # s that a leaderboard stands; counting and drawing samples takes its time
UNREAD = "The votes cannot be counted now. Please try again later."
UNSAVED = "Votes cannot be saved now, and yours was not. Please try again later."


class Choice(BaseModel):
    """A vote. left, right: numbers of results, as they were shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    left: int
    right: int
    verdict: str = Field(max_length=16)
    seconds: float = 0.0


class Leaders:
    """The leaderboard, counted at most every `FRESH` seconds, and once however many ask."""

    def __init__(self, count: Callable[[], dict[str, Any]], clock: Callable[[], float] = time.monotonic) -> None:
        self._count = count
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: tuple[float, dict[str, Any]] | None = None

    def get(self) -> dict[str, Any]:
        with self._lock:
            if self._kept is None or self._clock() - self._kept[0] > FRESH:
                self._kept = self._clock(), self._count()
            return self._kept[1]


def routes(sessions: Sessions, office: Office) -> list[Route]:
    """The routes, bound to the photos and to the labels of this server."""
    leaders = Leaders(lambda: told_of(office.desk().store))
    records = Records(sessions, office)
    route = functools.partial(bound, sessions=sessions)
    return [
        route(
            BOARD + "/{id}/vote",
            "POST",
            saving(_vote, UNSAVED),
            limiter=anyio.CapacityLimiter(AT_ONCE),
            office=office,
            records=records,
        ),
        route(
            "/leaderboard", "GET", saving(_leaderboard, UNREAD), limiter=anyio.CapacityLimiter(AT_ONCE), leaders=leaders
        ),
    ]


async def _vote(request: Request, sessions: Sessions, heavy: Heavy, office: Office, records: Records) -> Response:
    """Keeps a vote and tells how the comparison stands; after the last pair names are shown."""
    session = session_of(request, sessions)
    board = board_of(request, session)
    choice = Choice.model_validate_json(await body(request, MOST_BYTES))
    await heavy(_keep, session, board, choice, office, records)
    return JSONResponse(told(session), headers=NEVER)


async def _leaderboard(request: Request, sessions: Sessions, heavy: Heavy, leaders: Leaders) -> Response:
    return JSONResponse(await heavy(leaders.get), headers=NEVER)


def _keep(session: Session, board: Board, choice: Choice, office: Office, records: Records) -> None:
    """Raises RoremError for a vote that is not to be had, KeyError, CannotSave."""
    one, other = sorted((choice.left, choice.right))
    if board.votes.get((one, other)) == choice.verdict:
        return  # the answer to it was lost on the way
    _check(board, one, other)
    left, right = (records.result(session, board, index) for index in (choice.left, choice.right))
    desk = office.desk()
    annotator = desk.identities.pseudonym("visitor", session.token)
    seed = board.request.order_seed or 0
    handout = pair_id(board.id, one, other)
    with session.lock:  # names are not shown between the look and the write
        _check(board, one, other)
        vote(desk.store, left, right, annotator, handout, choice.verdict, seed, choice.seconds, records.now())
        board.votes[one, other] = choice.verdict
        board.revealed = not board.pairs()


def _check(board: Board, one: int, other: int) -> None:
    if not board.blind:
        raise RoremError("Only results without names can be voted on.", "Tick “Hide the names” and compare again.")
    if board.running:
        raise RoremError("Not all results are there yet.", "Wait until all are finished.")
    if not board.hidden:
        raise RoremError("The names are shown already, so a vote would not be blind.", "Compare again to vote.")
    if (one, other) in board.votes:
        raise RoremError("You have voted on this pair already.", "Each pair counts once.")
    if (one, other) not in board.pairs():
        raise RoremError("There is no such pair in this comparison.", "Choose two of its results.")
