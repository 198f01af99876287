"""What an export tells of an item: all but its pictures, and what is counted anew from the events."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from typing import Any

from rorem.errors import BadData
from rorem.labels.items import (
    GOLD,
    LONGEST_CATEGORY,
    OPEN,
    REFUSED,
    REPORTED,
    STATES,
    UNSTORABLE,
    shuffled,
    size_of,
)

FIX = "docs/label.md tells what an item is made of."
HASH = re.compile(r"[0-9a-f]{64}")
FIELDS: Mapping[str, str] = {
    **dict.fromkeys(("id", "sample", "sha256_source", "sha256_mask", "sha256_result"), "string"),
    **dict.fromkeys(("name", "method", "revision", "options", "protocol"), "string"),
    "seed": "int64",
    "network_calls": "int64",
    "category": "string",
    "round": "int64",
    "licence": "string",
    "author": "string",
    "mask_share": "double",
    "removal_seconds": "double",
    "origin": "string",
    "place": "int64",
    "state": "string",
    "wanted": "int64",
    "gold": "string",
    "code": "string",
    "hold_until": "int64",
    "added": "int64",
}
LATEST = 253_402_300_799_000  # ms: the end of the year 9999, beyond which no calendar goes
NULLABLE = "removal_seconds"
SMALL = {"network_calls": 2**31, "round": 2**31, "place": 2**31, "wanted": 100}  # as the columns, or less
MAY_BE_KNOWN = (GOLD, REPORTED, REFUSED)  # states of items whose answer is known
GOLD_ANSWERS = ("", "yes", "no")


def item_record(row: Mapping[Any, Any]) -> dict[str, Any]:
    """Of a row of the table of items; keys in a fixed order, every key there."""
    return {name: row[name] for name in FIELDS}


def check_item(record: Mapping[str, Any]) -> dict[str, Any]:
    """The same record with the right types. Raises BadData with one sentence for the first thing that is wrong.

    The ids have to be those of the hashes, so nobody can say something of other pictures.
    """
    if unknown := sorted(set(record) - set(FIELDS)):
        raise BadData(f"An item has no field called {unknown[0][:40]!r}.", FIX)
    if missing := [name for name in FIELDS if name not in record]:
        raise BadData(f"An item of the file lacks {missing[0]}.", FIX)
    told = {name: _plain(name, kind, record[name]) for name, kind in FIELDS.items()}
    hashes = [told[f"sha256_{part}"] for part in ("source", "mask", "result")]
    for wrong, sentence in (
        (not all(map(HASH.fullmatch, hashes)), "An item has hashes of 64 hex digits."),
        (told["id"] != _sha256(":".join(hashes)), "The id of an item is not that of its pictures."),
        (told["sample"] != _sha256(":".join(hashes[:2])), "The sample of an item is not that of its pictures."),
        (told["state"] not in STATES, "This is not one of the states of an item."),
        (told["gold"] not in GOLD_ANSWERS, "The known answer of an item is yes, no or none."),
        (told["state"] == GOLD and not told["gold"], "A gold item has a known answer."),
        (bool(told["gold"]) and told["state"] not in MAY_BE_KNOWN, "An item with a known answer is gold."),
        (not 0 <= told["mask_share"] <= 1, "The mask's share of a photo is 0 to 1."),
        (
            told["removal_seconds"] is not None and told["removal_seconds"] < 0,
            "A removal takes 0 seconds or more.",
        ),
        (bool(told["code"]) and not HASH.fullmatch(told["code"]), "A code is kept as 64 hex digits."),
        (told["wanted"] < 1, "At least one answer is wanted."),
        (not all(0 <= told[name] <= LATEST for name in ("hold_until", "added")), "A time is none."),
    ):
        if wrong:
            raise BadData(sentence, FIX)
    return told


def to_row(record: Mapping[str, Any], order_seed: int) -> dict[str, Any]:
    """A row of the table of items, without counts, for a record that was checked."""
    derived = {
        "stratum": f"{record['category'][:LONGEST_CATEGORY]}/{size_of(record['mask_share'])}",
        "rank": shuffled(order_seed, record["id"]),
        "need": record["wanted"] if record["state"] == OPEN else 0,
    }
    return {**record, **derived}


def _plain(name: str, kind: str, value: object) -> Any:
    if value is None and name == NULLABLE:
        return None
    if kind == "string" and isinstance(value, str) and not UNSTORABLE.search(value):
        return value
    if kind == "int64" and isinstance(value, int) and not isinstance(value, bool):
        most = SMALL.get(name, 2**63)
        if -most <= value < most:
            return value
    if kind == "double" and isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise BadData(f"The field {name} of an item is not what it should be.", FIX)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
