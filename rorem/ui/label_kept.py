"""Where the answers are, told in a sentence on the Label tab: on this server, and how many are not yet on the Hub."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping

from sqlalchemy import func, select

from rorem.errors import RoremError
from rorem.labels.items import Pictures
from rorem.labels.plan import Plan
from rorem.labels.sql import IS_UNDO
from rorem.labels.store import Store
from rorem.labels.syncing import Syncer
from rorem.labels.tables import events
from rorem.ui.settings import Settings

log = logging.getLogger(__name__)
TOKEN = "HF_TOKEN"
SHARE = 20  # counting takes at most one part of the time in so many; meanwhile the last count is told
_COUNT = select(func.count()).select_from(events).where(~IS_UNDO)


def open_syncer(
    settings: Settings, store: Store, pictures: Pictures, plan: Plan, environment: Mapping[str, str]
) -> Syncer | None:
    """What pushes answers to the Hub, not started yet; None where no data set is named, or its name cannot be one."""
    if not settings.label_hub:
        return None
    token = environment.get(TOKEN, "")
    public, minutes = settings.label_hub_public, settings.push_minutes
    try:
        return Syncer(store, pictures, plan, settings.label_hub, token, public=public, minutes=minutes)
    except RoremError as error:
        log.warning("answers are not pushed: %s", error.advice)
        return None


class Kept:
    """Tells it. May be used from any thread."""

    def __init__(self, store: Store, syncer: Syncer | None) -> None:
        self._store, self._syncer = store, syncer
        self._lock = threading.Lock()
        self._told: tuple[float, str] = (0.0, "")

    def sentence(self) -> str:
        """Raises CannotSave where the database cannot be read."""
        if self._syncer is not None:
            return self._syncer.status().sentence
        with self._lock:
            if time.monotonic() < self._told[0]:
                return self._told[1]
            began = time.monotonic()
            count = self._store.read(lambda connection: connection.scalar(_COUNT)) or 0
            sentence = f"{count:,} {'answer' if count == 1 else 'answers'} safe here, on this server only."
            ended = time.monotonic()
            self._told = (ended + SHARE * (ended - began), sentence)
            return sentence
