"""What all answers of the HTTP side have in common: how they are cached, and errors as one plain sentence."""

from __future__ import annotations

import functools
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from rorem.errors import RoremError
from rorem.ui.session import Session
from rorem.ui.sessions import Gone, NoSpace, Sessions
from rorem.ui.work import UNEXPECTED

log = logging.getLogger(__name__)
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}
NEVER = {"Cache-Control": "no-store"}
Answer = Callable[[Request], Awaitable[Response]]
Heavy = Callable[..., Awaitable[Any]]


def bound(
    path: str,
    method: str,
    function: Callable[..., Awaitable[Response]],
    limiter: anyio.CapacityLimiter,
    **known: object,
) -> Route:
    """A route whose function is called with the request, `heavy` (which runs work in a thread, as many at once as the
    limiter allows) and all that is `known`."""

    async def heavy(work: Callable[..., Any], *arguments: object) -> Any:
        return await anyio.to_thread.run_sync(functools.partial(work, *arguments), limiter=limiter)

    return Route(path, plainly(functools.partial(function, heavy=heavy, **known)), methods=[method])


def plainly(function: Answer) -> Answer:
    """Errors as one plain sentence in JSON; never a traceback."""

    async def answer(request: Request) -> Response:
        try:
            return await function(request)
        except RoremError as error:
            status = 410 if isinstance(error, Gone) else 507 if isinstance(error, NoSpace) else 422
            return JSONResponse({"error": error.advice, "gone": isinstance(error, Gone)}, status)
        except ClientDisconnect:
            log.info("a visitor left during an upload")
            return Response(status_code=400)  # nobody is there to read it
        except (ValueError, KeyError, OverflowError):
            log.info("a request was not understood", exc_info=True)
            return JSONResponse({"error": "The request was not understood."}, 400)
        except FileNotFoundError:
            gone = Gone("Your photo was put away after a long pause.")
            return JSONResponse({"error": gone.advice, "gone": True}, 410)
        except Exception:  # a visitor reads a sentence, the operator the log
            log.exception("a request failed")
            return JSONResponse({"error": UNEXPECTED}, 500)

    return answer


def session_of(request: Request, sessions: Sessions) -> Session:
    """The photo that the address names. Raises Gone."""
    return sessions.get(request.path_params["token"])


def numbers(text: str, count: int) -> list[int]:
    """That many numbers with commas between them, as whole pixels. Raises ValueError, OverflowError for all else."""
    found = [int(float(part)) for part in text.split(",")]
    if len(found) != count:
        raise ValueError(f"expected {count} numbers, got {text!r}")
    return found


async def body(request: Request, most: int) -> bytes:
    """What was sent. Raises ValueError for more than `most` bytes."""
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise ValueError(f"more than {most} bytes were sent")
    return bytes(data)
