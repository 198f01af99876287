"""The desk: everything about labels that the page's parts share. One for each running app."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rorem.labels.identity import Identities, key_from
from rorem.labels.items import Pictures
from rorem.labels.plan import Plan
from rorem.labels.queue import Queue
from rorem.labels.store import Store
from rorem.triplet import Triplet, open_set
from rorem.ui.settings import Settings

PHRASE = "ROREM_LABEL_PHRASE"  # what annotators have to know, if it is set
FILE = "labels.db"


@dataclass(frozen=True)
class Desk:
    """phrase: "" where anybody may answer."""

    settings: Settings
    store: Store
    queue: Queue
    identities: Identities
    pictures: Pictures
    phrase: str = field(repr=False, default="")


def open_desk(settings: Settings, environment: Mapping[str, str] = os.environ) -> Desk:
    """Raises BadOptions, Unavailable, CannotSave, OSError."""
    folder = settings.label_dir
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(settings.labels or f"sqlite:///{folder / FILE}", folder / "pictures")
    plan = Plan(answers=settings.label_answers, timeout=settings.label_timeout, hold_days=settings.hold_days)
    return Desk(
        settings,
        store,
        Queue(store, plan),
        Identities(key_from(environment, folder)),
        Pictures(store.pictures, _open_origin),
        environment.get(PHRASE, ""),
    )


def _open_origin(name: str) -> Sequence[Triplet]:
    return open_set(name)  # type: ignore[return-value]  # a TripletSet has all of a sequence that is needed
