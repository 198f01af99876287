"""The HTTP side of the Label tab: entering, items and their pictures, answers, undo, reports.

Who asks says so with a token in the header X-RORem-Annotator, never with a name. A picture is found by its hand-out,
which nobody can guess. An answer counts once it is on disk, and only then this side says so.
"""

from __future__ import annotations

import json
import math
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from rorem.errors import BadData
from rorem.labels.database import CannotSave
from rorem.labels.event import ID, JUDGEMENT, LONGEST, REASONS, VERDICTS
from rorem.labels.identity import NotAllowed
from rorem.picture import Limits
from rorem.ui import label_guide
from rorem.ui.answers import FOREVER, NEVER, Heavy, body, bound
from rorem.ui.desk import PHRASE, Desk, Office
from rorem.ui.label_entry import Gate, TooMany, logged_in, login_works, nickname
from rorem.ui.label_items import NotNow, Tray, put_away
from rorem.ui.label_pictures import Drawn, Odd
from rorem.ui.visitor import address

WHO = "X-RORem-Annotator"
AT_ONCE = 4  # requests that draw pictures at the same time; more would only add memory
WRITERS = 40  # requests that wait for the disk together, so that one write serves them all
LARGEST = 20_000  # bytes of a request; an answer has about 200
MOST_HELD = 8  # items that one page may have at a time
PAUSE = 0.5  # s before a wrong pass phrase is answered
ELSEWHERE = {"error": "The request was not understood."}
SHOWN = {"Cache-Control": "private, max-age=3600"}


def routes(office: Office) -> list[Route]:
    """The routes, bound to the labels of this server."""
    settings = office.settings
    tray = Tray(Limits(max_bytes=settings.max_bytes, max_pixels=settings.max_pixels), Drawn())
    gate = Gate(office.environment.get(PHRASE, ""))
    login = login_works(office.environment)
    store, pictures = anyio.CapacityLimiter(WRITERS), anyio.CapacityLimiter(AT_ONCE)

    def route(path: str, method: str, function: Callable[..., Awaitable[Response]], **more: Any) -> Route:
        limiter = more.pop("limiter", store)
        return bound(f"/label/{path}", method, partial(_plainly, function=function), limiter, office=office, **more)

    return [
        route("state", "GET", _state, gate=gate, login=login),
        route("enter", "POST", _enter, gate=gate, login=login),
        route("guide/{name}", "GET", _guide),
        route("items", "POST", _items, tray=tray, limiter=pictures),
        route("answer", "POST", _answer),
        route("undo", "POST", _undo, tray=tray, limiter=pictures),
        route("report", "POST", _report),
        route("picture/{handout}/{part}", "GET", _picture, tray=tray, limiter=pictures),
    ]


async def _plainly(request: Request, function: Callable[..., Awaitable[Response]], **known: Any) -> Response:
    """What an annotator's page has to tell apart: not saved now, not known, not theirs. Other errors come through."""
    if request.method == "POST" and request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return JSONResponse(ELSEWHERE, 403)
    try:
        return await function(request, **known)
    except CannotSave as error:
        return JSONResponse({"error": error.advice, "unsaved": True}, 507, NEVER)
    except Unknown as error:
        return JSONResponse({"error": error.advice, "unknown": True}, 401, NEVER)
    except NotAllowed as error:
        return JSONResponse({"error": error.advice}, 403, NEVER)
    except TooMany as error:
        return JSONResponse({"error": error.advice}, 429, NEVER)


class Unknown(NotAllowed):
    """The token is not one of this server's."""


async def _state(request: Request, heavy: Heavy, office: Office, gate: Gate, login: bool) -> Response:
    """How one enters, and whether answers can be taken at all."""
    error = ""
    try:
        await heavy(office.desk)
    except CannotSave as failed:
        error = failed.advice
    signed = login and bool(logged_in(request))
    told = {"login": login, "signed": signed, "phrase": gate.asks and not login, "error": error}
    return JSONResponse(told, headers=NEVER)


async def _enter(request: Request, heavy: Heavy, office: Office, gate: Gate, login: bool) -> Response:
    """A token for a name. The name goes no further than this function."""
    told = await _sent(request)
    desk: Desk = await heavy(office.desk)
    if login:
        if not (name := logged_in(request)):
            raise NotAllowed("You are not logged in.", "Log in with Hugging Face first.")
        return JSONResponse({"token": desk.identities.token(desk.identities.pseudonym("hf", name))}, headers=NEVER)
    name = nickname(told.get("name"))
    try:
        gate.check(told.get("phrase"), address(request))
    except NotAllowed:
        await anyio.sleep(PAUSE)
        raise
    return JSONResponse({"token": desk.identities.token(desk.identities.pseudonym("nickname", name))}, headers=NEVER)


async def _guide(request: Request, heavy: Heavy, office: Office) -> Response:
    return FileResponse(label_guide.picture(request.path_params["name"]), headers=FOREVER)


async def _items(request: Request, heavy: Heavy, office: Office, tray: Tray) -> Response:
    """What the annotator has to judge. Sent: {have: the hand-outs that the page has already, most}."""
    told = await _sent(request)
    have = told.get("have", [])
    most = told.get("most", 1)
    if not isinstance(have, list) or type(most) is not int:
        raise ValueError("have is no list, or most no number")

    def lend() -> dict[str, Any]:
        desk = office.desk()
        annotator = _annotator(request, desk)
        waits = office.wait()
        known = {one for one in have if isinstance(one, str)}
        held, items = ([], []) if waits else tray.lend(desk, annotator, min(MOST_HELD, max(1, most)), known)
        progress = desk.queue.progress(annotator)
        return {
            "held": held,
            "items": items,
            "done": progress.done,
            "left": progress.left + len(held),
            "pace": progress.pace,
            "last": desk.queue.last(annotator),
            "kept": office.kept(),
            "nothing": waits or ("" if held else office.nothing()),
        }

    return JSONResponse(await heavy(lend), headers=NEVER)


async def _answer(request: Request, heavy: Heavy, office: Office) -> Response:
    """Takes an answer. Sent: {handout, verdict, reasons, seconds}. The same one may be sent again."""
    told = await _sent(request)
    handout, verdict, reasons, seconds = (told.get(name) for name in ("handout", "verdict", "reasons", "seconds"))
    if verdict not in VERDICTS[JUDGEMENT]:
        raise BadData("This is not one of the answers.", "Answer yes, no, skip or mask wrong.")
    if not isinstance(reasons, list) or any(one not in REASONS for one in reasons):
        raise BadData("This is not one of the reasons.", "Choose from those on the page.")
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        raise ValueError("seconds is no number")
    spent = min(max(float(seconds), 0.0), LONGEST)
    given = tuple(name for name in REASONS if name in reasons) if verdict == "no" else ()

    def save() -> None:
        desk = office.desk()
        desk.queue.answer(_handout(handout), _annotator(request, desk), verdict, given, spent)

    await heavy(save)
    return JSONResponse({"saved": handout}, headers=NEVER)


async def _undo(request: Request, heavy: Heavy, office: Office, tray: Tray) -> Response:
    """Takes the last answer back. Sent: {last: the hand-out that it was given to}; so a request that is sent twice, or
    from a second window, does not take back another one."""
    told = await _sent(request)

    def take_back() -> dict[str, Any]:
        desk = office.desk()
        annotator = _annotator(request, desk)
        answered = told.get("last")
        handed = desk.queue.undo(annotator, _handout(answered) if answered else "")
        if handed is None:
            raise BadData("There is nothing to take back.", "Go on with this one.")
        try:
            item = tray.facts(desk, handed.id)
        except (Odd, NotAllowed) as error:
            put_away(desk, handed.id, error)
            item = None
        except NotNow:
            item = None
        return {"item": item, "last": desk.queue.last(annotator)}

    return JSONResponse(await heavy(take_back), headers=NEVER)


async def _report(request: Request, heavy: Heavy, office: Office) -> Response:
    """Takes a removal out of the queue. Sent: {handout}."""
    told = await _sent(request)

    def report() -> None:
        desk = office.desk()
        desk.queue.report(_handout(told.get("handout")), _annotator(request, desk))

    await heavy(report)
    return JSONResponse({}, headers=NEVER)


async def _picture(request: Request, heavy: Heavy, office: Office, tray: Tray) -> Response:
    handout, part = request.path_params["handout"], request.path_params["part"]
    if part not in ("result", "source", "mask"):
        return JSONResponse({"error": "There is nothing to show there."}, 404)
    whole = request.query_params.get("whole") == "1"
    views = await heavy(lambda: tray.views(office.desk(), handout, whole))
    return Response(views.files[part], media_type="image/png", headers=SHOWN)


async def _sent(request: Request) -> dict[str, Any]:
    """The object that was sent. Raises ValueError for all else."""
    try:
        told = json.loads(await body(request, LARGEST))
    except RecursionError as error:
        raise ValueError("lists in lists without end") from error
    if not isinstance(told, dict):
        raise ValueError("not an object")
    return told


def _annotator(request: Request, desk: Desk) -> str:
    """The pseudonym of whoever sent this. Raises Unknown."""
    try:
        return desk.identities.read_token(request.headers.get(WHO, ""))
    except NotAllowed as error:
        raise Unknown("The server does not know who you are.") from error


def _handout(told: object) -> str:
    """Raises NotAllowed, as the queue does for the hand-out of another."""
    if not isinstance(told, str) or not ID.fullmatch(told):
        raise NotAllowed("This removal was not handed out to you.", "Go on with the next one.")
    return told
