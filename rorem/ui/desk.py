"""The desk: everything about labels that the page's parts share. One for each running app."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from rorem.errors import RoremError
from rorem.labels.database import CannotSave
from rorem.labels.identity import Identities, key_from
from rorem.labels.items import Pictures
from rorem.labels.kept_pictures import sweep
from rorem.labels.plan import Plan
from rorem.labels.queue import Queue
from rorem.labels.store import Store
from rorem.labels.syncing import Syncer
from rorem.labels.withdrawal import resume
from rorem.triplet import Triplet, open_set
from rorem.ui.label_filling import Filling
from rorem.ui.label_kept import Kept, open_syncer
from rorem.ui.settings import Settings

log = logging.getLogger(__name__)
PHRASE = "ROREM_LABEL_PHRASE"  # what annotators have to know, if it is set
FILE = "labels.db"
PATIENCE = 1.0  # s that a page waits for word from the Hub
FETCHING = "Earlier answers are being fetched from the Hub."
AGAIN = 5.0  # s between two tries to open a database that could not be opened


@dataclass(frozen=True)
class Desk:
    """phrase: "" where anybody may answer. syncer: None where nothing is pushed to the Hub."""

    settings: Settings
    store: Store
    queue: Queue
    identities: Identities
    pictures: Pictures
    kept: Kept
    syncer: Syncer | None = None
    phrase: str = field(repr=False, default="")


class NotOpen(CannotSave):
    """The labels' database cannot be opened at the moment. For visitors: what exactly is wrong stands in the log."""

    fix = "It is tried again; the operator finds the reason in the log."


class Office:
    """Opens the desk and keeps it. What cannot be opened is tried again, and keeps nothing else from running."""

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.settings = settings
        self.environment = environment
        self._clock = clock
        self._lock = threading.Lock()
        self._desk: Desk | None = None
        self._filling: Filling | None = None
        self._failed: tuple[float, str] | None = None
        self._closed = False

    def desk(self) -> Desk:
        """The desk, opened when it is first asked for. Raises NotOpen."""
        with self._lock:
            if self._desk is None:
                self._desk = desk = self._try()
                if desk.syncer is not None:
                    desk.syncer.start()
                self._filling = Filling(desk.store, desk.queue.plan, self.settings.label_source)
            return self._desk

    def open_soon(self) -> None:
        """Opens the desk in the background, so that the first visitor need not wait for it."""
        threading.Thread(target=self._open_quietly, name="labels-open", daemon=True).start()

    def wait(self) -> str:
        """What annotators have to wait for, in a sentence; mostly "". May take a second. Raises NotOpen."""
        syncer = self.desk().syncer
        return "" if syncer is None or syncer.is_open(PATIENCE) else FETCHING

    def nothing(self) -> str:
        """Why there is nothing to judge, in a sentence; "" where all is judged."""
        return self._filling.nothing() if self._filling else ""

    def kept(self) -> str:
        """Where the answers are, in a sentence. Raises CannotSave."""
        return self.desk().kept.sentence()

    def close(self) -> None:
        """Ends when all answers that were taken are on disk."""
        with self._lock:
            self._closed = True
            desk, self._desk = self._desk, None
        if desk is None:
            return
        if self._filling is not None:
            self._filling.stop()
        if desk.syncer is not None:
            desk.syncer.stop()
        desk.store.close()

    def _open_quietly(self) -> None:
        with contextlib.suppress(NotOpen):
            self.desk()

    def _try(self) -> Desk:
        if self._closed:
            raise NotOpen("Answers cannot be saved now.")
        if self._failed is not None and self._clock() < self._failed[0]:
            raise NotOpen(self._failed[1])
        try:
            desk = open_desk(self.settings, self.environment)
        except (RoremError, OSError) as error:
            sentence = "Answers cannot be saved now: their database cannot be opened."
            log.warning("%s %s", sentence, error.advice if isinstance(error, RoremError) else error)
            self._failed = (self._clock() + AGAIN, sentence)
            raise NotOpen(sentence) from error
        self._failed = None
        _tidy(desk.store)
        return desk


def open_desk(settings: Settings, environment: Mapping[str, str] = os.environ) -> Desk:
    """Raises BadOptions, Unavailable, CannotSave, OSError."""
    folder = settings.label_dir
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(settings.labels or f"sqlite:///{folder / FILE}", folder / "pictures")
    plan = Plan(answers=settings.label_answers, timeout=settings.label_timeout, hold_days=settings.hold_days)
    try:
        identities = Identities(key_from(environment, folder))
        pictures = Pictures(store.pictures, _open_origin)
        syncer = open_syncer(settings, store, pictures, plan, environment)
    except BaseException:
        store.close()
        raise
    kept, phrase = Kept(store, syncer), environment.get(PHRASE, "")
    return Desk(settings, store, Queue(store, plan), identities, pictures, kept, syncer, phrase)


def _tidy(store: Store) -> None:
    """Ends what an earlier run was killed at, before anything else is written."""
    try:
        resumed, swept = resume(store, int(time.time() * 1000)), sweep(store)
    except (RoremError, OSError) as error:
        log.warning("What was left over of withdrawn photos is still there: %s", error)
        return
    if resumed or swept:
        log.info("Of withdrawn photos %d rows and %d pictures were left; they are deleted.", resumed, swept)


def _open_origin(name: str) -> Sequence[Triplet]:
    return open_set(name)  # type: ignore[return-value]  # a TripletSet has all of a sequence that is needed
