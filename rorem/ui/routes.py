"""The small HTTP side of the app: photos in, previews and files out, undo and redo.

Everything about one photo lies under /photo/TOKEN; the token is long, random and given only to the browser that opened
the photo. Removals themselves go through Gradio (`remove_tab`), for its queue and its ZeroGPU hooks.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from urllib.parse import quote

import anyio
import anyio.to_thread
import numpy as np
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rorem import __version__
from rorem.geometry import Box
from rorem.mask import grow_or_shrink
from rorem.mask_file import enlarge_marks, read_mask
from rorem.picture import media_type
from rorem.segment import Point
from rorem.selection import shadow_of
from rorem.ui import examples
from rorem.ui.answers import FOREVER, NEVER, Answer, Heavy, body, bound, numbers, session_of
from rorem.ui.facts import facts
from rorem.ui.pick import Clicks, Picker
from rorem.ui.preview import LONGEST, bits, preview, proxy, proxy_size
from rorem.ui.session import AT_WORK, ORIGINAL, Session
from rorem.ui.sessions import Sessions
from rorem.ui.visitor import address

AT_ONCE = 2  # decoding and encoding that may run at the same time; more would only add memory
MASK_BYTES = 20_000_000
MOST_CLICKS = 64  # that mean one thing; nobody needs as many, and each takes time


def routes(sessions: Sessions, picker: Picker) -> list[Route]:
    """The routes, bound to the photos of this server and to what answers clicks on them."""
    files, picks = anyio.CapacityLimiter(AT_ONCE), anyio.CapacityLimiter(AT_ONCE)  # a network must not hold up photos
    route = functools.partial(bound, limiter=files, sessions=sessions)
    return [
        Route("/health", _health(sessions), methods=["GET"]),
        route("/photo", "POST", _open),
        route("/example/{name}", "GET", _example_picture),
        route("/example/{name}", "POST", _open_example),
        route("/photo/{token}", "GET", _state),
        route("/photo/{token}", "DELETE", _delete),
        route("/photo/{token}/view", "GET", _view),
        route("/photo/{token}/file", "GET", _file),
        route("/photo/{token}/undo", "POST", _undo),
        route("/photo/{token}/redo", "POST", _redo),
        route("/photo/{token}/choose", "POST", _choose),
        route("/photo/{token}/cancel", "POST", _cancel),
        route("/photo/{token}/select", "POST", _select, limiter=picks, picker=picker),
        route("/photo/{token}/shadow", "POST", _shadow),
        route("/photo/{token}/grow", "POST", _grow),
        route("/photo/{token}/mask", "POST", _read_mask),
        route("/photo/{token}/mask-file", "POST", _mask_file),
    ]


def _health(sessions: Sessions) -> Answer:
    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "version": __version__, "photos": len(sessions)}, headers=NEVER)

    return health


async def _open(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    name = request.query_params.get("name", "photo")
    folder = await sessions.open_stream(request.stream())
    session = await heavy(sessions.open_folder, folder, name, address(request))
    return JSONResponse(facts(session), headers=NEVER)


async def _open_example(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    example = examples.find(request.path_params["name"])
    session = await heavy(sessions.open_bytes, example.path.read_bytes(), example.path.name, address(request))
    return JSONResponse(facts(session), headers=NEVER)


async def _example_picture(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    example = examples.find(request.path_params["name"])
    return Response(example.path.read_bytes(), media_type="image/jpeg", headers=FOREVER)


async def _state(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    return JSONResponse(facts(session_of(request, sessions)), headers=NEVER)


async def _delete(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    await heavy(sessions.delete, request.path_params["token"])
    return JSONResponse({}, headers=NEVER)


async def _view(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    session = session_of(request, sessions)
    query = request.query_params
    whole = Box(0, 0, session.picture.width, session.picture.height)
    box = Box(*numbers(query["box"], 4)).common(whole) if "box" in query else whole
    side = min(LONGEST, max(1, int(query.get("side", LONGEST))))
    state = int(query.get("state", ORIGINAL))

    def draw() -> tuple[bytes, str] | None:
        window = session.window(state, box) if box.width and box.height else None
        return window and preview(window, side)

    drawn = await heavy(draw)
    if drawn is None:
        return JSONResponse({"error": "There is nothing to show there."}, 404)
    return Response(drawn[0], media_type=drawn[1], headers=FOREVER)


async def _file(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    session = session_of(request, sessions)
    query = request.query_params
    format = "PNG" if query.get("format") == "png" else None
    encode = functools.partial(session.encoded, format, mark=query.get("mark") != "0", keep_gps=query.get("gps") != "0")
    data, name = await heavy(encode)
    disposition = f"attachment; filename*=UTF-8''{quote(name)}"
    kind = media_type(format or session.picture.file.format)
    return Response(
        data, media_type=kind, headers={**NEVER, "Content-Disposition": disposition, "X-Size": str(len(data))}
    )


async def _undo(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    return await _changed(request, sessions, heavy, lambda session: session.undo())


async def _redo(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    return await _changed(request, sessions, heavy, lambda session: session.redo())


async def _choose(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    number = int(request.query_params["version"])
    return await _changed(request, sessions, heavy, lambda session: session.choose(number))


async def _changed(request: Request, sessions: Sessions, heavy: Heavy, change: Callable[[Session], None]) -> Response:
    session = session_of(request, sessions)

    def change_when_free() -> bool:
        with session.lock:
            if not session.busy:
                change(session)
            return not session.busy

    if not await heavy(change_when_free):
        return JSONResponse({"error": AT_WORK}, 409)
    return JSONResponse(facts(session), headers=NEVER)


async def _cancel(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    await anyio.to_thread.run_sync(session_of(request, sessions).request_stop)  # not in line behind what is heavy
    return JSONResponse({}, headers=NEVER)


async def _select(request: Request, sessions: Sessions, heavy: Heavy, picker: Picker) -> Response:
    """What clicks mean -> a mask of the thing, as a 1-bit PNG of proxy size.

    ?plus=x,y (or point=) lies on it, minus=x,y does not, each as often as wanted; box=left,top,right,bottom is around
    it. All in proxy pixels.
    """
    session = session_of(request, sessions)
    query = request.query_params
    box = Box(*numbers(query["box"], 4)) if "box" in query else None
    plus = _points([*query.getlist("point"), *query.getlist("plus")])
    clicks = Clicks(plus, _points(query.getlist("minus")), box)
    if not (plus or box) or len(clicks) > MOST_CLICKS:
        raise ValueError(f"{len(clicks)} clicks, {len(plus)} of them on the thing")

    def select() -> bytes:
        return bits(picker.select(session, clicks))

    return Response(await heavy(select), media_type="image/png", headers=NEVER)


async def _shadow(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    """A mask of proxy size in, the shadow of what it marks out."""
    session = session_of(request, sessions)
    data = await body(request, MASK_BYTES)

    def find() -> bytes:
        return bits(shadow_of(proxy(session.picture), _marks(data, session, sessions)))

    return Response(await heavy(find), media_type="image/png", headers=NEVER)


async def _grow(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    """A mask of proxy size in, the same made wider (?pixels > 0) or narrower (< 0) out."""
    session = session_of(request, sessions)
    data = await body(request, MASK_BYTES)
    pixels = max(-200, min(200, int(request.query_params["pixels"])))

    def change() -> bytes:
        return bits(grow_or_shrink(_marks(data, session, sessions), pixels))

    return Response(await heavy(change), media_type="image/png", headers=NEVER)


async def _read_mask(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    """A mask file of any kind in, the marks as a 1-bit PNG of proxy size out; guesses in the header X-Notes."""
    session = session_of(request, sessions)
    data = await body(request, MASK_BYTES)

    def read() -> tuple[bytes, tuple[str, ...]]:
        size = session.picture.size
        reading = read_mask(data, *proxy_size(*size), limits=sessions.limits, photo=size)
        return bits(reading.mask), reading.notes

    mask, notes = await heavy(read)
    return Response(mask, media_type="image/png", headers=NEVER | {"X-Notes": quote(" ".join(notes))})


async def _mask_file(request: Request, sessions: Sessions, heavy: Heavy) -> Response:
    """A mask of proxy size in, the same at the photo's size as a 1-bit PNG file out."""
    session = session_of(request, sessions)
    data = await body(request, MASK_BYTES)

    def enlarge() -> bytes:
        size = session.picture.size
        return bits(enlarge_marks(data, proxy_size(*size), *size, limits=sessions.limits))

    return Response(await heavy(enlarge), media_type="image/png", headers=NEVER)


def _marks(data: bytes, session: Session, sessions: Sessions) -> np.ndarray:
    """Marks of our own page at the proxy's size."""
    size = proxy_size(*session.picture.size)
    return enlarge_marks(data, size, *size, limits=sessions.limits)


def _points(texts: Iterable[str]) -> tuple[Point, ...]:
    pairs = (numbers(text, 2) for text in texts)
    return tuple((x, y) for x, y in pairs)
