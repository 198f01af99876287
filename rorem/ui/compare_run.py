"""Runs a comparison in the background: each method takes its own place in line, so nobody waits for all ten of them."""

from __future__ import annotations

import contextvars
import logging
import threading
import time
from collections.abc import Iterator

from rorem.comparison import Cell, machine
from rorem.metrics import networks
from rorem.remover import OnStep, no_step
from rorem.ui.board import Board
from rorem.ui.line import Line
from rorem.ui.session import Session
from rorem.ui.work import UNEXPECTED, run

log = logging.getLogger(__name__)
LEFT_SECONDS = 150  # without a question of the page; browsers let a page in the background ask once a minute
AGAIN_SECONDS = 1.0  # between two tries to get a place in a full line
STOPPED = "Stopped. What was finished is kept."
STOPPED_EARLY = "Stopped. Nothing was finished yet."
_counting = threading.Lock()
_under_way = 0  # comparisons


def start(session: Session, board: Board, line: Line, visitor: str, cells: Iterator[Cell], relay: Relay) -> None:
    """Starts it and returns at once. cells: as `comparison.compare` gives them; `relay` hears of its steps.

    The photo is held (`session.begin`) with `board.cancel` and freed at the end.
    Raises RuntimeError if the machine has no thread left; then the photo is free.
    """
    context = contextvars.copy_context()  # of the request: a GPU is lent to the visitor who asked
    work = threading.Thread(
        target=context.run, args=(_run, session, board, line, visitor, cells, relay), name="rorem-compare", daemon=True
    )
    try:
        work.start()
    except RuntimeError:
        board.end(UNEXPECTED)
        session.end(board.cancel)
        raise


def _run(session: Session, board: Board, line: Line, visitor: str, cells: Iterator[Cell], relay: Relay) -> None:
    text = STOPPED
    _count(1)
    try:
        for _ in board.slots:
            if board.cancel.is_set() or not _next(board, line, visitor, cells, relay):
                break
        else:
            text = _ended(board)
    except Exception:  # the visitor reads a sentence, the operator the log
        log.exception("a comparison failed")
        text = UNEXPECTED
    finally:
        board.made = machine.facts()
        nothing = text == STOPPED and not any(slot.cell for slot in board.slots)
        board.end(STOPPED_EARLY if nothing else text)
        session.end(board.cancel)
        _count(-1)


def _count(more: int) -> None:
    """Counts comparisons. The last one to end lets go of the metrics' networks: they would stay for ever, though only
    comparisons with a truth need them, and they are read anew within seconds."""
    global _under_way
    with _counting:
        _under_way += more
        if not _under_way:
            networks.clear()


class Relay:
    """What a comparison tells of its start and steps: the method at work, and where its steps go."""

    def __init__(self) -> None:
        self.method = ""
        self.steps: OnStep = no_step

    def on_start(self, method: str) -> None:
        self.method = method

    def on_step(self, method: str, done: int, total: int) -> None:
        self.steps(done, total)


def _next(board: Board, line: Line, visitor: str, cells: Iterator[Cell], relay: Relay) -> bool:
    """One method from its place in line to its cell. False if the comparison is over."""
    stop, entered = threading.Event(), threading.Event()  # of this method alone: `run` sets the first at the end

    def job(on_step: OnStep) -> None:
        entered.set()
        relay.steps = on_step
        cell = next(cells)
        on_step(1000, 1000)  # a stop that came late must not lay files into the next comparison
        board.keep(cell)

    relay.method = ""
    while True:
        for update in run(line, visitor, stop, job):
            if board.cancel.is_set() or time.monotonic() - board.asked > LEFT_SECONDS:
                board.cancel.set()
                stop.set()
            if update.phase == "stopped":
                return False
            if update.phase == "failed" and relay.method:
                board.fail(relay.method, update.text)
            elif update.phase == "working" and relay.method:
                board.tell(relay.method, "working", update.text, update.progress)
            board.text = "" if entered.is_set() else update.text
        if entered.is_set():
            return True
        if board.cancel.wait(AGAIN_SECONDS):  # the line is full, or this visitor has enough in it
            return False
        stop.clear()


def _ended(board: Board) -> str:
    failed = sum(slot.phase == "failed" for slot in board.slots)
    good = len(board.slots) - failed
    told = f"Done: {good} {'result' if good == 1 else 'results'}."
    return told if not failed else f"{told} {failed} failed."
