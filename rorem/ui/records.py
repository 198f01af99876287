"""Removals of open photos as records that people can judge. Made when somebody answers, never before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from rorem.comparison import Cell
from rorem.errors import RoremError
from rorem.geometry import Box
from rorem.labels.pixels import plain, plain_mask
from rorem.labels.public import Made, private_row, record
from rorem.mask_file import enlarge_marks
from rorem.picture import open_picture
from rorem.triplet import Triplet
from rorem.ui import compare_results as results
from rorem.ui.board import Board
from rorem.ui.desk import Office
from rorem.ui.preview import proxy_size
from rorem.ui.session import Session
from rorem.ui.sessions import Sessions

Row = dict[str, Any]


class Records:
    """Makes records and the rows of their items. Rows are kept as long as the photo is open: they are small, and
    encoding a large photo takes a second. For any thread."""

    def __init__(self, sessions: Sessions, office: Office, clock: Callable[[], float] = time.time) -> None:
        self._sessions = sessions
        self._office = office
        self._clock = clock
        self._rows: WeakKeyDictionary[Session, dict[tuple[object, ...], Row]] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def now(self) -> int:
        """ms since 1970."""
        return int(self._clock() * 1000)

    def removal(self, session: Session, number: int) -> Row:
        """The row of a removal of the Remove tab. Raises RoremError for one that is not there any more, CannotSave."""
        return self._row(session, (number,), lambda: self._of_removal(session, number))

    def result(self, session: Session, board: Board, index: int) -> Row:
        """The row of a comparison's result. Raises RoremError, KeyError for one that is not there, CannotSave."""
        return self._row(session, (board.id, index), lambda: self._of_result(session, board, index))

    def files(self, session: Session, number: int) -> tuple[Row, dict[str, bytes]]:
        """The row of a removal, and its three pictures. Raises as `removal` does."""
        triplet, made, share = self._of_removal(session, number)
        assert triplet.result is not None
        files = {"source": triplet.source, "mask": triplet.mask, "result": triplet.result}
        return self._row(session, (number,), lambda: (triplet, made, share)), files

    def _row(self, session: Session, key: tuple[object, ...], make: Callable[[], tuple[Triplet, Made, float]]) -> Row:
        with self._lock:
            kept = self._rows.get(session, {}).get(key)
        if kept is None:
            desk = self._office.desk()  # before the work: without it nothing can be kept
            order_seed = desk.store.order_seed()
            triplet, made, share = make()
            kept = private_row(triplet, made, desk.queue.plan, order_seed, share, self.now())
            with self._lock:
                self._rows.setdefault(session, {})[key] = kept
        return dict(kept)

    def _of_removal(self, session: Session, number: int) -> tuple[Triplet, Made, float]:
        whole = Box(0, 0, *session.picture.size)
        version, marks = session.version(number), session.marks(number)
        if version is None or marks is None:
            raise gone()
        before = session.window(version.parent, whole)
        source = None if before is None else plain(before)
        del before  # large
        after = session.window(number, whole)
        if source is None or after is None:
            raise gone()
        mask = self._mask(session, marks)
        told = {name: getattr(version, name) for name in ("method", "revision", "options", "protocol", "seed")}
        made = Made(**told, network_calls=version.network_calls, seconds=version.seconds)
        return record(source, plain_mask(mask), plain(after), made), made, float(mask.mean())

    def _of_result(self, session: Session, board: Board, index: int) -> tuple[Triplet, Made, float]:
        cell = board.result(index)
        if cell is None:
            raise KeyError(index)
        before, after = results.both(session, board, index)
        mask, _ = results.read_marks(board)
        made = _made(cell)
        return record(plain(before), plain_mask(mask), plain(after), made), made, float(mask.mean())

    def _mask(self, session: Session, marks: bytes) -> np.ndarray:
        """bool (H, W) of the photo's size; marks came at that size or at the proxy's."""
        limits, photo = self._sessions.limits, session.picture.size
        size = photo if open_picture(marks, limits=limits).size == photo else proxy_size(*photo)
        return enlarge_marks(marks, size, *photo, limits=limits)


def gone() -> RoremError:
    return RoremError("This result is no longer here.", "Answer for the one that is shown.")


def _made(cell: Cell) -> Made:
    removal = cell.removal
    assert removal is not None
    told = {name: getattr(removal, name) for name in ("method", "revision", "protocol", "seed", "network_calls")}
    return Made(**told, options=removal.options.model_dump_json(), seconds=removal.seconds)
