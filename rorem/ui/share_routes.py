"""The HTTP side of what visitors say of their removals: yes or no, sharing a photo, and taking it back."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable

import anyio
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rorem.errors import RoremError
from rorem.labels.database import CannotSave
from rorem.labels.public import judge
from rorem.labels.sharing import share
from rorem.labels.withdrawal import Withdrawn, withdraw
from rorem.ui.answers import NEVER, Heavy, body, bound, session_of
from rorem.ui.desk import FETCHING, Office
from rorem.ui.label_pictures import Drawn
from rorem.ui.public import may_share
from rorem.ui.records import Records, gone
from rorem.ui.session import ORIGINAL, Session
from rorem.ui.sessions import Sessions
from rorem.ui.visitor import address

AT_ONCE = 1  # encoding of whole photos
MOST_BYTES = 4000  # of a request
UNSAVED = "Answers cannot be saved now, and yours was not. Please try again later."
UNSHARED = "Your photo cannot be kept now, and nothing of it was. Please try again later."
WRONG_CODES = 10  # from one address in `FORGOTTEN`; a code cannot be guessed, but nobody needs to try
FORGOTTEN = 600.0  # s
WITHDRAWN = "Your photo was deleted here, with all that was said about it."
PUBLISHED = (
    "Your photo was deleted here. It had been published: it is deleted from the data set within minutes, and from the "
    "data set's history when its operator clears that. If this code still finds it tomorrow, use it again."
)


class Said(BaseModel):
    """An answer. state: the number of the removal that it is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: int
    verdict: str = Field(max_length=16)
    reasons: tuple[str, ...] = Field((), max_length=5)
    seconds: float = 0.0


class Offered(BaseModel):
    """What is shared: the removal of this number."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state: int


class Asked(BaseModel):
    """A withdrawal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str = Field(max_length=100)


class Guesses:
    """Counts wrong codes by address."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._wrong: dict[str, list[float]] = {}

    def check(self, visitor: str) -> None:
        """Raises RoremError for an address that has tried too often."""
        now = self._clock()
        recent = {who: [at for at in times if now - at < FORGOTTEN] for who, times in self._wrong.items()}
        self._wrong = {who: times for who, times in recent.items() if times}
        if len(self._wrong.get(visitor, ())) >= WRONG_CODES:
            raise RoremError("These were too many wrong codes.", "Try again in ten minutes.")

    def wrong(self, visitor: str) -> None:
        self._wrong.setdefault(visitor, []).append(self._clock())


def routes(sessions: Sessions, office: Office) -> list[Route]:
    """The routes, bound to the photos and to the labels of this server."""
    known = {"sessions": sessions, "office": office, "records": Records(sessions, office)}
    route = functools.partial(bound, limiter=anyio.CapacityLimiter(AT_ONCE), **known)
    return [
        route("/photo/{token}/verdict", "POST", saving(_verdict, UNSAVED)),
        route("/photo/{token}/share", "POST", saving(_share, UNSHARED)),
        bound(
            "/label/withdraw",
            "POST",
            saving(_withdraw, "Nothing can be withdrawn now. Please try again later."),
            limiter=anyio.CapacityLimiter(AT_ONCE),
            office=office,
            guesses=Guesses(),
        ),
    ]


def saving(function: Callable[..., Awaitable[Response]], sentence: str) -> Callable[..., Awaitable[Response]]:
    """Says this sentence where the store, or the disk, takes nothing; a browser must not claim that it did."""

    async def answer(*arguments: object, **known: object) -> Response:
        try:
            return await function(*arguments, **known)
        except FileNotFoundError:  # the photo was put away
            raise
        except (CannotSave, OSError):
            return JSONResponse({"error": sentence}, 503)

    return answer


async def _verdict(request: Request, sessions: Sessions, heavy: Heavy, office: Office, records: Records) -> Response:
    session = session_of(request, sessions)
    said = Said.model_validate_json(await body(request, MOST_BYTES))
    _check_shown(session, said.state)

    def keep() -> None:
        desk = office.desk()
        annotator = desk.identities.pseudonym("visitor", session.token)
        row = records.removal(session, said.state)
        judge(desk.store, row, annotator, said.verdict, said.reasons, said.seconds, records.now())

    await heavy(keep)
    return JSONResponse({"saved": True}, headers=NEVER)


async def _share(request: Request, sessions: Sessions, heavy: Heavy, office: Office, records: Records) -> Response:
    session = session_of(request, sessions)
    offered = Offered.model_validate_json(await body(request, MOST_BYTES))
    if not may_share(office.settings):
        raise RoremError("Photos cannot be shared on this server.")
    _check_shown(session, offered.state)

    def keep() -> str:
        """The code; the same one again for who did not get it."""
        desk = office.desk()
        row, files = records.files(session, offered.state)
        code = desk.identities.code(session.token, row["id"])
        share(desk.store, row, files, desk.identities.code_hash(code), records.now(), desk.settings.hold_days)
        return code

    return JSONResponse({"code": await heavy(keep)}, headers=NEVER)


async def _withdraw(request: Request, heavy: Heavy, office: Office, guesses: Guesses) -> Response:
    visitor = address(request)
    guesses.check(visitor)
    code = Asked.model_validate_json(await body(request, MOST_BYTES)).code

    def take_back() -> Withdrawn:
        desk = office.desk()
        if office.wait():
            raise _not_yet()
        withdrawn = withdraw(desk.store, desk.identities.code_hash(code), int(time.time() * 1000))
        if not withdrawn.found and desk.syncer and desk.syncer.status().restoring:  # the Hub does not answer
            raise _not_yet()
        Drawn.forget_everywhere(withdrawn.ids)
        if withdrawn.on_hub and desk.syncer:
            desk.syncer.wake()
        return withdrawn

    withdrawn = await heavy(take_back)
    if not withdrawn.found:
        guesses.wrong(visitor)
        raise RoremError("No photo has this code.", "Check it, or it was withdrawn already.")
    return JSONResponse({"text": PUBLISHED if withdrawn.on_hub else WITHDRAWN}, headers=NEVER)


def _not_yet() -> RoremError:
    """The photo may not be back yet, which is no wrong code."""
    return RoremError(FETCHING, "Try again in some minutes.")


def _check_shown(session: Session, state: int) -> None:
    """Raises RoremError for another result than the one that is shown."""
    if state == ORIGINAL or state != session.state:
        raise gone()
