"""Reading in what is to be judged, in the background: the page answers meanwhile, and shows what is there already."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

from sqlalchemy import select

from rorem.errors import Cancelled, RoremError
from rorem.labels.database import CannotSave
from rorem.labels.filling import fill
from rorem.labels.plan import Plan
from rorem.labels.store import Store
from rorem.labels.tables import items

log = logging.getLogger(__name__)
AGAIN = 30.0  # s until it is tried again after the database could not be written
EMPTY = "Whoever runs this page adds removals with --label-source FOLDER."
UNREAD = "What should be judged could not be read. The operator finds the reason in the log."


class Filling:
    """Fills a store with the removals of some sets, once for each start of the app."""

    def __init__(self, store: Store, plan: Plan, names: Sequence[str]) -> None:
        self._store, self._plan, self._names = store, plan, tuple(names)
        self._stop = threading.Event()
        self._reading: tuple[int, int] | None = None  # records done, of how many
        self._failed = False
        self._thread = threading.Thread(target=self._run, name="label-filling", daemon=True)
        if self._names:
            self._reading = (0, 0)
            self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def nothing(self) -> str:
        """A sentence for an annotator who has nothing to judge; "" where all that there was is judged."""
        if (reading := self._reading) is not None:
            done, total = reading
            return f"Removals are being read in: {done:,} of {total:,}." if total else "Removals are being read in."
        if self._store.read(lambda connection: connection.scalar(select(items.c.id).limit(1))) is not None:
            return ""
        return UNREAD if self._failed else EMPTY

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                for told in fill(self._store, self._plan, self._names, self._on_progress):
                    self._failed |= not (told.unchanged or told.added or told.there)
                    log.info(
                        "%s: %d removals added, %d known, %d left out", told.name, told.added, told.there, told.skipped
                    )
                    for note in told.notes:
                        log.warning("%s: %s", told.name, note)
                break
            except Cancelled:
                break
            except CannotSave as error:
                log.warning("what is to be judged cannot be read in now: %s", error)
                self._stop.wait(AGAIN)
            except RoremError as error:
                self._failed = True
                log.warning("what is to be judged cannot be read: %s", error.advice)
                break
            except Exception:
                self._failed = True
                log.exception("what is to be judged cannot be read")
                break
        self._reading = None

    def _on_progress(self, name: str, done: int, total: int) -> None:
        if self._stop.is_set():
            raise Cancelled
        self._reading = (done, total)
