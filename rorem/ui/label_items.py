"""What the page is told of the removals that it may ask about: nothing that says how they came about."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection, exists, insert, select

from rorem.errors import RoremError
from rorem.labels.counts import change_pending, locked
from rorem.labels.event import JUDGEMENT
from rorem.labels.identity import NotAllowed
from rorem.labels.items import REPORTED, SHARED, set_state
from rorem.labels.lending import set_status
from rorem.labels.queue import Handout
from rorem.labels.tables import events, handouts, items, reports
from rorem.picture import Limits
from rorem.ui.desk import Desk
from rorem.ui.label_pictures import Drawn, Odd, Views, draw

log = logging.getLogger(__name__)
ROUNDS = 10  # looks for items that can be shown, in one request
NOBODY = ""  # who reports what this server cannot show


@dataclass(frozen=True)
class Tray:
    """What is drawn for annotators. One for each running app."""

    limits: Limits
    drawn: Drawn

    def views(self, desk: Desk, handout: str, whole: bool = False) -> Views:
        """Raises NotAllowed for a hand-out that is none or is over, Odd."""
        row = desk.queue.item(handout)
        if row is None or row["state"] not in SHARED:
            raise NotAllowed("This picture is not here.", "Go on with the next one.")
        if whole:
            return draw(row, desk.pictures, self.limits, whole=True)
        return self.drawn.get(row["id"], lambda: draw(row, desk.pictures, self.limits))

    def facts(self, desk: Desk, handout: str) -> dict[str, Any]:
        """What the page needs of a hand-out. Raises NotAllowed, Odd."""
        views = self.views(desk, handout)
        return {"handout": handout, "size": views.size, "window": tuple(views.window), "focus": tuple(views.focus)}

    def lend(self, desk: Desk, annotator: str, most: int, known: Collection[str]) -> tuple[list[str], list[dict]]:
        """The hand-outs of an annotator in the order to ask them, and the facts of those that are not `known`.

        What cannot be shown is taken out of the queue, and another one takes its place. Raises CannotSave.
        """
        told: dict[str, dict[str, Any]] = {}
        waiting: set[str] = set()  # whose set cannot be opened at the moment
        lent: list[Handout] = []
        for _ in range(ROUNDS):
            before = len(waiting)
            lent = desk.queue.lent(annotator, most + len(waiting))
            odd = 0
            for one in lent:
                if one.id in known or one.id in told or one.id in waiting:
                    continue
                try:
                    told[one.id] = self.facts(desk, one.id)
                except (Odd, NotAllowed) as error:
                    odd += 1
                    put_away(desk, one.id, error)
                except RoremError as error:
                    log.warning("a removal cannot be shown now: %s", error)
                    waiting.add(one.id)
            if not odd and before == len(waiting):
                break
        shown = [one.id for one in lent if one.id in told or one.id in known]
        return shown, [told[id] for id in shown if id in told]


def put_away(desk: Desk, handout: str, error: Exception) -> None:
    """Takes a hand-out back, and an odd item out of the queue, until the operator has looked at it."""
    log.warning("a removal is left out: %s (hand-out %s)", error, handout[:8])
    now = int(time.time() * 1000)
    desk.store.write(partial(_put_away, handout=handout, odd=isinstance(error, Odd), now=now))


def last_answered(desk: Desk, annotator: str) -> str:
    """The hand-out of the answer that an undo would take back; "" without any."""
    later = events.alias()
    wanted = (
        select(events.c.handout)
        .join(handouts, handouts.c.id == events.c.handout)
        .join(items, items.c.id == events.c.item)
        .where(events.c.annotator == annotator, events.c.kind == JUDGEMENT, items.c.state.in_(SHARED))
        .where(~exists().where(later.c.supersedes == events.c.event))
        .order_by(events.c.seq.desc())
        .limit(1)
    )
    return desk.store.read(lambda connection: connection.scalar(wanted)) or ""


def _put_away(connection: Connection, handout: str, odd: bool, now: int) -> None:
    wanted = select(handouts).where(handouts.c.id == handout).with_for_update()
    lent = connection.execute(wanted).mappings().first()
    if lent is None:
        return
    item = locked(connection, lent["item"])
    if lent["status"] in ("out", "expired"):
        set_status(connection, handout, "dropped")
    if item is None:
        return
    if lent["counts"] and lent["status"] == "out":
        change_pending(connection, lent["item"], -1)
    if odd and item["state"] in SHARED:
        connection.execute(insert(reports).values(item=lent["item"], annotator=NOBODY, at=now))
        set_state(connection, [lent["item"]], REPORTED)
