"""What an answer or a hand-out changes in the counts of an item."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, literal_column, select, update
from sqlalchemy.engine import RowMapping

from rorem.labels.items import CLOSED, OPEN
from rorem.labels.plan import Plan
from rorem.labels.tables import items

# Written out, not bound: else the database would not see that a partial index fits.
NEEDED: ColumnElement[bool] = items.c.need > literal_column("0")

# Statements are made once: making one takes longer than running it.
_pending_then = items.c.pending + bindparam("change")
_left_then = items.c.wanted - items.c.given - _pending_then
_CHANGE = (
    update(items)
    .where(items.c.id == bindparam("which"))
    .values(pending=_pending_then, need=case((and_(items.c.state == OPEN, _left_then > 0), _left_then), else_=0))
)
COUNTED = ("yes", "no", "mask_wrong", "skips", "given", "pending", "wanted", "state", "need")
_LOCKED = (
    select(items.c.id, items.c.gold, *(items.c[name] for name in COUNTED))
    .where(items.c.id == bindparam("which"))
    .with_for_update()
)
_COUNTS = (
    update(items).where(items.c.id == bindparam("which")).values({name: bindparam(f"new_{name}") for name in COUNTED})
)


def change_pending(connection: Connection, item: str, change: int) -> None:
    """The item was handed out (1), or a hand-out of it is over (-1)."""
    connection.execute(_CHANGE, {"which": item, "change": change})


def locked(connection: Connection, item: str) -> RowMapping | None:
    """Counts and state of an item, which nobody else changes until this transaction ends."""
    return connection.execute(_LOCKED, {"which": item}).mappings().first()


def tally(connection: Connection, row: RowMapping, verdict: str, change: int, plan: Plan, pending: int = 0) -> None:
    """Counts an answer (change 1), or takes it off (-1), and says whether the item needs more.

    row: of `locked`. pending: how the number of hand-outs changes with it.
    """
    new = {name: row[name] for name in COUNTED}
    new["skips" if verdict == "skip" else verdict] += change
    new["given"] = given = new["yes"] + new["no"] + new["mask_wrong"]
    new["pending"] += pending
    leading = max(new["yes"], new["no"], new["mask_wrong"])
    disputed = new["wanted"] > 1 and given >= new["wanted"] and leading < plan.clear * given
    if disputed and new["wanted"] + 2 <= plan.most_answers:
        new["wanted"] += 2
    if new["state"] in (OPEN, CLOSED):
        new["state"] = CLOSED if given >= new["wanted"] or new["skips"] >= plan.skips else OPEN
    new["need"] = max(0, new["wanted"] - given - new["pending"]) if new["state"] == OPEN else 0
    connection.execute(_COUNTS, {"which": row["id"], **{f"new_{name}": value for name, value in new.items()}})
