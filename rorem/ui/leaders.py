"""The leaderboard as the page shows it."""

from __future__ import annotations

from typing import Any

from rorem.comparison.record import title_of
from rorem.errors import RoremError, Unavailable
from rorem.labels import leaderboard
from rorem.labels.store import Store

FEW = 10  # votes of a method, below which its place is chance; it is so, too, where all are about one photo
NONE = "Nobody has voted yet. Tick “Hide the names”, compare, and say which result is better."
TOO_FEW = f"Methods with fewer than {FEW} votes, or votes on one photo only, stand in grey: that is too few to tell."


def told_of(store: Store) -> dict[str, Any]:
    """The standings, the best first, and sentences on what they mean, as JSON. Raises CannotSave.

    A row: method, title, score, low and high (its 95 % interval), votes, seconds (null = not known), few, group.
    """
    try:
        found = leaderboard.board(store)
    except Unavailable as error:
        return {"standings": [], "notes": [error.advice]}
    if not found:
        return {"standings": [], "notes": [NONE]}
    rows = [
        {
            "method": one.method,
            "title": _title(one.method),
            "score": round(one.score),
            "low": round(one.low),
            "high": round(one.high),
            "votes": one.votes,
            "seconds": one.seconds,
            "few": one.votes < FEW or one.low == one.high,
            "group": one.group,
        }
        for one in found
    ]
    notes = leaderboard.describe(found)
    return {"standings": rows, "notes": [TOO_FEW, *notes] if any(row["few"] for row in rows) else notes}


def _title(method: str) -> str:
    try:
        return title_of(method)
    except RoremError:  # of a catalog that had others
        return method
