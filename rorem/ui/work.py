"""One removal for one visitor: the wait in line, the work in a thread, progress all the while, and stopping."""

from __future__ import annotations

import contextvars
import logging
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Literal

from rorem.errors import Cancelled, RoremError
from rorem.remover import OnStep
from rorem.ui.line import Line

log = logging.getLogger(__name__)
TICK = 0.2  # s between two signs of life to the browser
ENDED = ("done", "stopped", "failed")
UNEXPECTED = "Something went wrong on the server. Your photo and your marks are as they were."


@dataclass(frozen=True)
class Update:
    """What the visitor is told. progress in [0, 1]; ahead: how many are served first."""

    phase: Literal["waiting", "working", "done", "stopped", "failed"]
    text: str
    progress: float = 0.0
    ahead: int = 0


def run(
    line: Line, visitor: str, cancel: threading.Event, job: Callable[[OnStep], None]
) -> Generator[Update, None, None]:
    """Runs `job` when its turn comes and tells how it goes, until done, stopped or failed.

    Closing the iterator (the visitor left) stops the job at its next step. The place in line is held until the job has
    really ended, so a stopped job does not make room for work that the machine cannot do yet.
    """
    try:
        ticket = line.join(visitor)
    except RoremError as error:
        yield Update("failed", error.advice)
        return
    started = False
    try:
        while not ticket.wait(TICK):
            if cancel.is_set():
                yield Update("stopped", str(Cancelled()))
                return
            ahead = ticket.position()
            yield Update("waiting", f"{_people(ahead)} before you.", ahead=ahead)
        state = _State()

        def on_step(done: int, total: int) -> None:
            state.progress = done / max(1, total)
            if cancel.is_set():
                raise Cancelled()

        def work() -> None:
            try:
                job(on_step)
            except Exception as error:  # every error must reach the visitor; the thread has nobody else to tell
                state.error = error
            finally:
                ticket.leave()
                state.ended.set()

        try:
            # With the request's context: a GPU is lent to the visitor who asked.
            context = contextvars.copy_context()
            threading.Thread(target=context.run, args=(work,), name="rorem-removal", daemon=True).start()
        except RuntimeError:  # the machine has no thread left
            log.exception("a removal could not be started")
            yield Update("failed", UNEXPECTED)
            return
        started = True
        while not state.ended.wait(TICK):
            if cancel.is_set():
                yield Update("stopped", str(Cancelled()))
                return
            yield Update("working", "Removing…", progress=state.progress)
        yield _outcome(state.error)
    finally:
        cancel.set()
        if not started:
            ticket.leave()


class _State:
    """What the working thread and the telling one share."""

    def __init__(self) -> None:
        self.progress = 0.0
        self.error: Exception | None = None
        self.ended = threading.Event()


def _outcome(error: Exception | None) -> Update:
    if error is None:
        return Update("done", "Done.", progress=1.0)
    if isinstance(error, Cancelled):
        return Update("stopped", str(error))
    if isinstance(error, RoremError):
        return Update("failed", error.advice)
    if isinstance(error, OSError):
        log.error("a removal could not be kept", exc_info=error)
        return Update("failed", "The server could not keep the result: its disk may be full. Your photo is as it was.")
    log.error("a removal failed", exc_info=error)
    return Update("failed", UNEXPECTED)


def _people(count: int) -> str:
    return "1 person is" if count == 1 else f"{count} people are"
