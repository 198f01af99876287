"""The HTTP side of the Compare tab: how a comparison stands, its pictures and files, the truth, and the methods."""

from __future__ import annotations

import time
from functools import partial
from urllib.parse import quote

import anyio
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from rorem.errors import RoremError
from rorem.geometry import Box
from rorem.ui import compare_results as results
from rorem.ui import samples
from rorem.ui.answers import FOREVER, NEVER, Heavy, body, bound, numbers, session_of
from rorem.ui.board import Board
from rorem.ui.downloads import Downloads
from rorem.ui.facts import facts
from rorem.ui.preview import LONGEST, bits, preview, proxy_size
from rorem.ui.session import AT_WORK, Session
from rorem.ui.sessions import NoSpace, Sessions
from rorem.ui.truth import keep_truth
from rorem.ui.visitor import address

AT_ONCE = 2
THUMB = 320  # px
BOARD = "/photo/{token}/comparison"
ELSEWHERE = {"error": "The request was not understood."}


def routes(sessions: Sessions, downloads: Downloads) -> list[Route]:
    """The routes, bound to the photos of this server and to what fetches weights."""
    route = partial(bound, limiter=anyio.CapacityLimiter(AT_ONCE), sessions=sessions)
    return [
        route("/methods", "GET", _methods, downloads=downloads),
        route("/methods/{id}/download", "POST", _download, downloads=downloads),
        route("/methods/{id}/download", "DELETE", _stop_download, downloads=downloads),
        route("/sample/{name}", "GET", _sample_picture),
        route("/sample/{name}", "POST", _open_sample),
        route("/sample/{name}/{part}", "GET", _sample_file),
        route("/photo/{token}/truth", "POST", _truth),
        route("/photo/{token}/truth", "DELETE", _no_truth),
        route(BOARD, "GET", _state),
        route(BOARD + "/{id}/reveal", "POST", _reveal),
        route(BOARD + "/{id}/mask", "GET", _mask),
        route(BOARD + "/{id}/zip", "GET", _zip),
        route(BOARD + "/{id}/{key}/view", "GET", _view),
        route(BOARD + "/{id}/{key}/file", "GET", _file),
        route(BOARD + "/{id}/{key}/keep", "POST", _keep),
    ]


async def _methods(request: Request, sessions: Sessions, heavy: Heavy, downloads: Downloads) -> Response:
    return JSONResponse({"methods": await heavy(downloads.methods)}, headers=NEVER)


async def _download(request: Request, sessions: Sessions, heavy: Heavy, downloads: Downloads) -> Response:
    if _from_elsewhere(request):
        return JSONResponse(ELSEWHERE, 403)
    await heavy(downloads.start, request.path_params["id"])
    return await _methods(request, sessions, heavy, downloads)


async def _stop_download(request: Request, sessions: Sessions, heavy: Heavy, downloads: Downloads) -> Response:
    if _from_elsewhere(request):
        return JSONResponse(ELSEWHERE, 403)
    await heavy(downloads.stop, request.path_params["id"])
    return await _methods(request, sessions, heavy, downloads)


def _from_elsewhere(request: Request) -> bool:
    """Whether another site's page sent it."""
    return request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")


async def _sample_picture(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    sample = samples.find(request.path_params["name"])
    return Response(await heavy(sample.thumb, THUMB), media_type="image/jpeg", headers=FOREVER)


async def _sample_file(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    """The photo's file, or its marks at the size that the page paints on."""
    sample = samples.find(request.path_params["name"])
    if request.path_params["part"] == "photo":
        return FileResponse(sample.source, headers=FOREVER)
    return Response(await heavy(sample.marks), media_type="image/png", headers=FOREVER)


async def _open_sample(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    """Opens a sample as the visitor's photo, with its truth."""
    sample = samples.find(request.path_params["name"])
    source = sample.source
    session = await heavy(sessions.open_bytes, source.read_bytes(), source.name, address(request))
    await heavy(_take_truth, session, sample.truth.read_bytes(), sample.name, sessions)
    return JSONResponse(facts(session), headers=NEVER)


async def _truth(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    session = session_of(request, sessions)
    data = await body(request, sessions.limits.max_bytes)
    await heavy(_take_truth, session, data, request.query_params.get("name", "truth"), sessions)
    return JSONResponse(told(session), headers=NEVER)


async def _no_truth(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    session = session_of(request, sessions)
    await heavy(_forget_truth, session)
    return JSONResponse(told(session), headers=NEVER)


async def _state(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    session = session_of(request, sessions)
    if session.board is not None:
        session.board.asked = time.monotonic()
    return JSONResponse(told(session), headers=NEVER)


async def _reveal(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    session = session_of(request, sessions)
    board = board_of(request, session)
    if board.running:
        return JSONResponse({"error": "Wait until all are finished."}, 409)
    board.revealed = True
    return JSONResponse(told(session), headers=NEVER)


async def _mask(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    """What was marked, at the proxy's size."""
    session = session_of(request, sessions)
    board = board_of(request, session)

    def draw() -> bytes:
        return bits(results.shrunk(results.read_marks(board)[0], proxy_size(*session.picture.size)))

    return Response(await heavy(draw), media_type="image/png", headers=FOREVER)


async def _view(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    session = session_of(request, sessions)
    board = board_of(request, session)
    query = request.query_params
    whole = Box(0, 0, *session.picture.size)
    box = Box(*numbers(query["box"], 4)).common(whole) if "box" in query else whole
    side = min(LONGEST, max(1, int(query.get("side", LONGEST))))

    def draw() -> tuple[bytes, str] | None:
        found = (
            results.view(session, board, request.path_params["key"], box, side) if box.width and box.height else None
        )
        return found and preview(found, side)

    drawn = await heavy(draw)
    if drawn is None:
        return JSONResponse({"error": "There is nothing to show there."}, 404)
    return Response(drawn[0], media_type=drawn[1], headers=FOREVER)


async def _file(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    session = session_of(request, sessions)
    board = board_of(request, session)
    data, name = await heavy(results.stored, session, board, int(request.path_params["key"]))
    return Response(data, media_type=_kind(name), headers={**NEVER, **_named(name)})


async def _keep(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    session = session_of(request, sessions)
    board = board_of(request, session)
    if board.hidden:
        return JSONResponse({"error": "Show the names first."}, 409)
    beside = await heavy(results.keep, session, board, int(request.path_params["key"]))
    return JSONResponse({"facts": facts(session), "again": beside}, headers=NEVER)


async def _zip(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    session = session_of(request, sessions)
    board = board_of(request, session)
    if board.running or board.hidden:
        return JSONResponse({"error": "Show the names first." if board.hidden else AT_WORK}, 409)
    path = await heavy(_zipped, session, board)
    named = _named(f"{session.name.rsplit('.', 1)[0] or 'photo'}-compare.zip")
    return FileResponse(path, media_type="application/zip", headers={**NEVER, **named})


def told(session: Session) -> dict[str, object]:
    board = session.board
    return {
        "truth": session.truth and session.truth.name,
        "comparison": board and {**board.told(), "fits": results.fits(session, board)},
    }


def board_of(request: Request, session: Session) -> Board:
    """The comparison that the address names. Raises RoremError for one that is no more."""
    if session.board is None or session.board.id != request.path_params["id"]:
        raise RoremError("This comparison is no longer here.", "Compare again.")
    return session.board


def _take_truth(session: Session, data: bytes, name: str, sessions: Sessions) -> None:
    """Raises BadPicture, NoSpace; then there is the truth that was there before."""
    try:
        truth = keep_truth(
            session.folder / f"truth-{time.monotonic_ns()}", data, name, session.picture, sessions.limits
        )
    except OSError as error:
        raise NoSpace("The server has no room for this picture right now.") from error
    with session.lock:
        _forget_truth(session)
        session.truth = truth


def _forget_truth(session: Session) -> None:
    """The last comparison still shows the truth that it was made with, and deletes it when another takes its place."""
    with session.lock:
        if session.truth is not None and (session.board is None or session.board.truth != session.truth):
            session.truth.delete()
        session.truth = None


def _zipped(session: Session, board: Board) -> object:
    try:
        return results.packed(session, board)
    except OSError as error:
        raise NoSpace("The server has no room for the ZIP right now.") from error


def _named(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}


def _kind(name: str) -> str:
    return "image/tiff" if name.endswith(".tif") else "image/png"
