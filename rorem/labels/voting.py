"""Votes: which of two results is the better one, said by someone who did not know the methods' names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.exc import IntegrityError

from rorem.errors import BadData
from rorem.labels.event import VERDICTS, VOTE, Event, new_id
from rorem.labels.items import add_items, item_of
from rorem.labels.public import SOURCE, bounded, derived
from rorem.labels.store import Store, add_events, to_event
from rorem.labels.tables import events

ALIKE = "These two results are the same picture."


def pair_id(comparison: str, one: int, other: int) -> str:
    """The hand-out of a pair of results of a comparison, whichever is on the left: it is voted on once."""
    return derived("vote", comparison, *(str(index) for index in sorted((one, other))))


def vote(
    store: Store,
    left: Mapping[str, Any],
    right: Mapping[str, Any],
    annotator: str,
    handout: str,
    verdict: str,
    order_seed: int,
    seconds: float,
    now: int,
) -> Event:
    """Keeps a vote, on disk when it returns. The same one again changes nothing.

    left, right: rows of `public.private_row`. handout: of `pair_id`. order_seed: what shuffled the results. now: ms.
    Raises BadData for what is no vote, another vote on this pair, and two results that are the same; CannotSave.
    """
    if verdict not in VERDICTS[VOTE]:
        raise BadData("This is not one of the answers.", "Press one of the four buttons.")
    if left["id"] == right["id"]:
        raise BadData(ALIKE, "There is nothing to choose between.")

    def write(connection: Connection) -> Event:
        before = connection.execute(select(events).where(events.c.handout == handout)).mappings().first()
        if before is not None:
            return _same(to_event(before), left["id"], right["id"], annotator, verdict)
        add_items(connection, [dict(left), dict(right)])
        for row in (left, right):
            known = item_of(connection, row["id"])
            if known is None or known["method"] != row["method"]:  # two methods, one picture: it stands for either
                raise BadData("Another method has made the very same picture.", "This pair cannot be voted on.")
        event = Event(
            event=new_id(),
            kind=VOTE,
            annotator=annotator,
            verdict=verdict,
            item_a=left["id"],
            item_b=right["id"],
            seconds=bounded(seconds),
            order_seed=order_seed,
            handout=handout,
            source=SOURCE,
            at=now,
        )
        add_events(connection, [event])
        return event

    try:
        return store.write(write)
    except IntegrityError:  # two presses at once
        return store.write(write)


def _same(before: Event, left: str, right: str, annotator: str, verdict: str) -> Event:
    if (before.item_a, before.item_b, before.annotator, before.verdict) != (left, right, annotator, verdict):
        raise BadData("You have voted on this pair already.", "Each pair counts once.")
    return before
