"""The tables of the store: the same on SQLite and on PostgreSQL.

`events` is only ever added to. All else is what the queue and the syncer need to know quickly; `rorem labels verify`
holds the counts to the events.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

VERSION = 1  # of the tables; `database` brings older ones up to it

metadata = MetaData()
SERIAL = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up in a column of this type only

events = Table(
    "events",
    metadata,
    Column("seq", SERIAL, primary_key=True, autoincrement=True),
    Column("event", String(32), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("annotator", String(32), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("item", String(64), nullable=False, index=True),
    Column("item_a", String(64), nullable=False),
    Column("item_b", String(64), nullable=False),
    Column("reasons", Text, nullable=False),  # a JSON list
    Column("seconds", Float, nullable=False),
    Column("order_seed", BigInteger, nullable=False),
    Column("handout", String(32), nullable=False),
    Column("source", String(16), nullable=False),
    Column("supersedes", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("schema", Integer, nullable=False),
    sqlite_autoincrement=True,  # a number is never given twice, even where the last events were withdrawn
)
Index("events_annotator", events.c.annotator, events.c.seq)
# One answer a hand-out, whoever asks twice; one successor an event. Empty ones are told apart by the event's id: so the
# one index serves those who look for a hand-out, too, which an index of the others alone would not.
for name in ("handout", "supersedes"):
    apart = text(f"(CASE WHEN {name} = '' THEN event ELSE '' END)")
    Index(f"events_{name}", events.c[name], apart, unique=True)

items = Table(
    "items",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("sample", String(64), nullable=False),
    Column("sha256_source", String(64), nullable=False),
    Column("sha256_mask", String(64), nullable=False),
    Column("sha256_result", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("method", Text, nullable=False),
    Column("revision", Text, nullable=False),
    Column("options", Text, nullable=False),
    Column("protocol", Text, nullable=False),
    Column("seed", BigInteger, nullable=False),
    Column("network_calls", Integer, nullable=False),
    Column("category", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("licence", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("mask_share", Float, nullable=False),  # of the photo's area, 0 to 1
    Column("removal_seconds", Float),  # null = not known
    Column("origin", Text, nullable=False),  # the set that has the pictures; "" = the store's own folder
    Column("place", Integer, nullable=False),  # its number in that set
    Column("state", String(16), nullable=False),  # see items.STATES
    Column("stratum", Text, nullable=False),
    Column("rank", BigInteger, nullable=False),  # a shuffle of all items, by the store's seed
    Column("wanted", Integer, nullable=False),  # answers
    Column("yes", Integer, nullable=False, server_default="0"),
    Column("no", Integer, nullable=False, server_default="0"),
    Column("mask_wrong", Integer, nullable=False, server_default="0"),
    Column("skips", Integer, nullable=False, server_default="0"),
    Column("pending", Integer, nullable=False, server_default="0"),  # handed out and not answered yet
    Column("given", Integer, nullable=False, server_default="0"),  # yes + no + mask_wrong
    Column("need", Integer, nullable=False),  # answers still to ask for; 0 unless the state is "open"
    Column("gold", String(8), nullable=False, server_default=""),  # the known answer
    Column("code", String(64), nullable=False, server_default="", index=True),  # hash of the withdrawal code
    Column("hold_until", BigInteger, nullable=False, server_default="0"),  # ms; of a stranger's photo
    Column("added", BigInteger, nullable=False),  # ms
)
# Conditions of partial indexes are written out wherever they are asked: with a bound value no index is used.
NEEDED = text("need > 0")
Index("items_next", items.c.stratum, items.c.given, items.c.rank, sqlite_where=NEEDED, postgresql_where=NEEDED)
# The id is in it so that "not seen by me" is answered without a look at the rows.
Index("items_any", items.c.given, items.c.rank, items.c.id, sqlite_where=NEEDED, postgresql_where=NEEDED)
GOLD = text("gold <> ''")
Index("items_gold", items.c.rank, sqlite_where=GOLD, postgresql_where=GOLD)
Index("items_state", items.c.state)

strata = Table(
    "strata",
    metadata,
    Column("id", Text, primary_key=True),
    Column("asked", BigInteger, nullable=False, server_default="0"),  # how often an item of it was handed out
)
Index("strata_asked", strata.c.asked, strata.c.id)

handouts = Table(
    "handouts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("item", String(64), nullable=False),
    Column("annotator", String(32), nullable=False),
    Column("purpose", String(8), nullable=False),  # ask, gold, repeat, redo
    Column("counts", Boolean, nullable=False),  # towards the answers that the item needs; not of gold and repeats
    Column("status", String(8), nullable=False),  # out, answered, expired, dropped
    Column("at", BigInteger, nullable=False),  # ms
    Column("expires", BigInteger, nullable=False),  # ms
    Column("supersedes", String(32), nullable=False, server_default=""),  # the event that a redo replaces
    Column("number", BigInteger, nullable=False, server_default="0"),  # of the annotator's hand-outs, from 0
)
OUT = text("status = 'out'")
Index("handouts_seen", handouts.c.item, handouts.c.annotator)
Index("handouts_number", handouts.c.annotator, handouts.c.number)
Index("handouts_out", handouts.c.expires, sqlite_where=OUT, postgresql_where=OUT)
Index("handouts_mine", handouts.c.annotator, handouts.c.status)

annotators = Table(
    "annotators",
    metadata,
    Column("id", String(32), primary_key=True),  # a keyed pseudonym; no name is kept anywhere
    Column("order_seed", BigInteger, nullable=False),
    Column("draws", BigInteger, nullable=False, server_default="0"),  # items handed out to them
    Column("since", BigInteger, nullable=False),
)

shards = Table(
    "shards",
    metadata,
    Column("path", Text, primary_key=True),  # on the Hub, named by its content
    Column("kind", String(8), nullable=False),  # items, events
    Column("rows", Integer, nullable=False),
    Column("state", String(8), nullable=False),  # planned, there
    Column("at", BigInteger, nullable=False),
)

pushed = Table(
    "pushed",
    metadata,
    Column("kind", String(8), primary_key=True),  # items, events
    Column("id", String(64), primary_key=True),
    Column("shard", Text, nullable=False, index=True),
)

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("item", String(64), primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("shard", Text, nullable=False, server_default=""),  # from which it still has to be deleted; "" = done
)

reports = Table(
    "reports",
    metadata,
    Column("id", SERIAL, primary_key=True, autoincrement=True),
    Column("item", String(64), nullable=False, index=True),
    Column("annotator", String(32), nullable=False),
    Column("at", BigInteger, nullable=False),
)

facts = Table(  # version, order_seed, who pushes at the moment
    "facts",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", Text, nullable=False),
)
