"""What the Hub had and has no longer: what is noted as there is held to what is there.

Of a data set that was deleted, or made anew, all is pushed again. Single files are left out: somebody has deleted them
on purpose, and they come back only with whoever puts them back.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, delete, func, select, update

from rorem.labels import hub_removal
from rorem.labels.push_plan import THERE
from rorem.labels.tables import pushed, shards

MISSING = "missing"


def noted(connection: Connection) -> list[str]:
    """The shards that the Hub has or had. To be asked before the Hub is: what is noted later, it may say nothing of."""
    return list(connection.scalars(select(shards.c.path).where(shards.c.state.in_((THERE, MISSING)))))


def missing(connection: Connection) -> int:
    """How many shards are known to be missing on the Hub."""
    return connection.scalar(select(func.count()).select_from(shards).where(shards.c.state == MISSING)) or 0


def hold(connection: Connection, before: Iterable[str], files: Collection[str]) -> str:
    """Notes what is missing, or forgets all if nothing is left; what has changed, in a sentence for the log, or "".

    before: as `noted` said. files: on the Hub since. While removals are to be deleted there, shards make place for
    others, and how far that is may not be known: then nothing changes.
    """
    if hub_removal.due(connection):
        return ""
    known = set(before)
    wanted = select(shards.c.path, shards.c.state).where(shards.c.state.in_((THERE, MISSING)))
    states = {path: state for path, state in connection.execute(wanted) if path in known}
    gone = {path for path in states if path not in files}
    lost = sorted(path for path in gone if states[path] == THERE)
    if lost and len(gone) == len(states):
        for path in gone:
            connection.execute(delete(pushed).where(pushed.c.shard == path))
            connection.execute(delete(shards).where(shards.c.path == path))
        return "The data set has nothing any more of what was pushed; all is pushed again."
    for path, state in states.items():
        now = MISSING if path in gone else THERE
        if now != state:
            connection.execute(update(shards).where(shards.c.path == path).values(state=now))
    return f"No longer in the data set, and not pushed again: {', '.join(lost)}" if lost else ""
