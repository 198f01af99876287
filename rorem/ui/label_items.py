"""What the page is told of the removals that it may ask about: nothing that says how they came about."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from rorem.errors import RoremError
from rorem.labels.answering import NEXT
from rorem.labels.identity import NotAllowed
from rorem.labels.queue import Handout
from rorem.picture import Limits
from rorem.ui.desk import Desk
from rorem.ui.label_pictures import Drawn, Odd, Views, draw

log = logging.getLogger(__name__)
ROUNDS = 10  # looks for items that can be shown, in one request


class NotNow(RoremError):
    """The set of a removal cannot be opened at the moment. Its item stays where it is."""


@dataclass(frozen=True)
class Tray:
    """What is drawn for annotators. One for each running app."""

    limits: Limits
    drawn: Drawn

    def views(self, desk: Desk, handout: str, whole: bool = False) -> Views:
        """Raises NotAllowed for a hand-out that is none or is over, Odd for pictures that are none, NotNow."""
        row = desk.queue.item(handout)
        if row is None:
            raise NotAllowed("This picture is not here.", NEXT)
        try:
            if whole:
                return draw(row, desk.pictures, self.limits, whole=True)
            return self.drawn.get(row["id"], lambda: draw(row, desk.pictures, self.limits))
        except Odd:
            raise
        except RoremError as error:  # what it says of the set may tell how the result came about
            log.warning("a removal cannot be shown now: %s", error)
            raise NotNow("This removal cannot be shown now.", NEXT) from error

    def facts(self, desk: Desk, handout: str) -> dict[str, Any]:
        """What the page needs of a hand-out. Raises what `views` does."""
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
                except NotNow:
                    waiting.add(one.id)
            if not odd and before == len(waiting):
                break
        shown = [one.id for one in lent if one.id in told or one.id in known]
        return shown, [told[id] for id in shown if id in told]


def put_away(desk: Desk, handout: str, error: Exception) -> None:
    """Takes a hand-out back, and an odd item out of the queue, until the operator has looked at it."""
    log.warning("a removal is left out: %s (hand-out %s)", error, handout[:8])
    desk.queue.put_away(handout, odd=isinstance(error, Odd))
