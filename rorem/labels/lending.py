"""Lending items to annotators, and taking back what they let lie. `choosing` says which.

Locks are taken in one order everywhere (annotator, hand-out, item, group), and items that another server is busy with
are passed over, so that no two wait for each other in a circle.
"""

from __future__ import annotations

import random
import secrets
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, insert, literal_column, select, update
from sqlalchemy.engine import RowMapping

from rorem.labels.choosing import choose, wait_for_any
from rorem.labels.counts import NEEDED, change_pending
from rorem.labels.event import new_id
from rorem.labels.items import SHARED
from rorem.labels.plan import Plan
from rorem.labels.sql import insert_into
from rorem.labels.tables import annotators, handouts, items, strata

SWEPT = 200  # hand-outs taken back at a time

# Statements are made once: making one takes longer than running it. b_: bound at each call.
_LOCK = select(annotators).where(annotators.c.id == bindparam("who")).with_for_update()
_OVER = (
    select(handouts.c.id, handouts.c.item, handouts.c.counts)
    .where(handouts.c.status == literal_column("'out'"), handouts.c.expires < bindparam("now"))
    .order_by(handouts.c.expires)
    .limit(SWEPT)
    .with_for_update(skip_locked=True)
)
_STATUS = update(handouts).where(handouts.c.id == bindparam("which")).values(status=bindparam("b_status"))
_AGAIN = (
    update(handouts).where(handouts.c.id == bindparam("which")).values(status="out", expires=bindparam("b_expires"))
)
_MINE = (  # with what they had once, and is still wanted
    select(handouts)
    .join(items, items.c.id == handouts.c.item)
    .where(handouts.c.annotator == bindparam("who"), handouts.c.status.in_(("out", "expired")))
    .where(items.c.state.in_(SHARED), (handouts.c.status == "out") | NEEDED | ~handouts.c.counts)
)
_HAND_OUT = insert(handouts)
_DRAWS = update(annotators).where(annotators.c.id == bindparam("who")).values(draws=bindparam("b_draws"))
_ASKED = update(strata).where(strata.c.id == bindparam("which")).values(asked=strata.c.asked + bindparam("more"))


@dataclass(frozen=True)
class Handout:
    """An item lent to an annotator. id: 32 hex digits that nobody else knows: who has it may see the pictures."""

    id: str
    item: str
    expires: int


def lock(connection: Connection, annotator: str) -> RowMapping | None:
    """What is known of an annotator, for whom nobody else does anything until this transaction ends."""
    return connection.execute(_LOCK, {"who": annotator}).mappings().first()


def set_draws(connection: Connection, annotator: str, draws: int) -> None:
    connection.execute(_DRAWS, {"who": annotator, "b_draws": draws})


def set_status(connection: Connection, handout: str, status: str) -> None:
    connection.execute(_STATUS, {"which": handout, "b_status": status})


def take_back(connection: Connection, now: int) -> None:
    """Ends hand-outs whose time is over."""
    rows = connection.execute(_OVER, {"now": now}).mappings().all()
    for row in sorted(rows, key=lambda row: row["item"]):
        set_status(connection, row["id"], "expired")
        if row["counts"]:
            change_pending(connection, row["item"], -1)


def lend(connection: Connection, annotator: str, most: int, plan: Plan, now: int) -> tuple[list[Handout], bool]:
    """What the annotator has, with what they had once and is still wanted, and new items up to `most` in all.

    Also whether that is all for now; otherwise it is to be called again, in another transaction.
    """
    known = lock(connection, annotator) or _new(connection, annotator, now)
    held = _held(connection, annotator, most, plan, now)
    asked: Counter[str] = Counter()
    first = draws = known["draws"]
    done = True
    while len(held) < most:
        chance = random.Random(f"{known['order_seed']}:{draws}")
        item, purpose = choose(connection, annotator, chance, draws, plan)
        if item is None and draws == first and connection.dialect.name == "postgresql":
            item = wait_for_any(connection, annotator)
        if item is None:
            done = draws == first
            break
        held.append(hand_out(connection, annotator, item["id"], purpose, purpose == "ask", draws, plan, now))
        asked[item["stratum"]] += purpose == "ask"
        draws += 1
    if draws > first:
        set_draws(connection, annotator, draws)
    for stratum, count in sorted(asked.items()):
        connection.execute(_ASKED, {"which": stratum, "more": count})
    return held[:most], done


def hand_out(
    connection: Connection,
    annotator: str,
    item: str,
    purpose: str,
    counts: bool,
    number: int,
    plan: Plan,
    now: int,
    replaces: str = "",
) -> Handout:
    """Lends an item. number: of the annotator's hand-outs. replaces: the event that the answer will supersede.

    That the item has one more pending is for the caller to say where it is a redo.
    """
    id, expires = new_id(), now + int(plan.timeout * 1000)
    told = {"id": id, "item": item, "annotator": annotator, "purpose": purpose, "counts": counts, "status": "out"}
    told |= {"at": now, "expires": expires, "supersedes": replaces, "number": number}
    connection.execute(_HAND_OUT, told)
    if counts and not replaces:
        change_pending(connection, item, 1)
    return Handout(id, item, expires)


def _new(connection: Connection, annotator: str, now: int) -> RowMapping:
    told = {"id": annotator, "order_seed": secrets.randbits(62), "draws": 0, "since": now}
    put = insert_into(connection, annotators).values(told)
    connection.execute(put.on_conflict_do_nothing(index_elements=["id"]))
    found = lock(connection, annotator)
    assert found is not None
    return found


def _held(connection: Connection, annotator: str, most: int, plan: Plan, now: int) -> list[Handout]:
    """What was taken back comes first, the latest before all; then in the order of handing out.

    What the annotator let expire is handed out again where there is less than `most`.
    """
    rows = connection.execute(_MINE, {"who": annotator}).mappings().all()
    out = [row for row in rows if row["status"] == "out"]
    expired = sorted((row for row in rows if row["status"] == "expired"), key=_number)[: max(0, most - len(out))]
    expires = now + int(plan.timeout * 1000)
    for row in sorted(expired, key=lambda row: row["item"]):
        connection.execute(_AGAIN, {"which": row["id"], "b_expires": expires})
        if row["counts"]:
            change_pending(connection, row["item"], 1)
    redone = [row for row in (*out, *expired) if row["purpose"] == "redo"]
    others = [row for row in (*out, *expired) if row["purpose"] != "redo"]
    ordered = (*sorted(redone, key=_number, reverse=True), *sorted(others, key=_number))
    return [Handout(row["id"], row["item"], row["expires"] if row["status"] == "out" else expires) for row in ordered]


def _number(row: RowMapping) -> tuple[int, int]:
    return row["number"], row["at"]
