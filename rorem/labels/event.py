"""A label: what one person said about one removal, or about two of them. Written once and never changed."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, get_origin, get_type_hints

from rorem.errors import BadData

SCHEMA = 1  # of an event; a later one reads all earlier ones
JUDGEMENT, VOTE = "judgement", "vote"
VERDICTS = {JUDGEMENT: ("yes", "no", "skip", "mask_wrong"), VOTE: ("left", "right", "tie", "both_bad")}
REASONS = ("left_over", "new_object", "blur_or_seam", "colour", "shadow")  # for a no
SOURCES = ("annotator", "public", "gold")
LONGEST = 3600.0  # s; who took longer was away
HASH, ID = re.compile(r"[0-9a-f]{64}"), re.compile(r"[0-9a-f]{32}")
FIX = "docs/label.md tells what a label is made of."


@dataclass(frozen=True)
class Event:
    """One answer. The present state of an item is derived from all of its events.

    event, annotator, handout: 32 hex digits; an annotator is a keyed pseudonym. item (a judgement) or item_a and item_b
    (a vote; left and right): 64 hex digits, the id of a triplet. seconds: from seeing to answering, 0 to 3600.
    order_seed: what shuffled the annotator's queue, or the two sides of a vote. handout: what the answer answers; one
    answer each. "" for an undo. supersedes: an earlier event of the same annotator on the same item, which counts no
    longer. An undo is a superseding skip. at: milliseconds since 1970 (UTC).
    """

    event: str
    kind: str
    annotator: str
    verdict: str
    item: str = ""
    item_a: str = ""
    item_b: str = ""
    reasons: tuple[str, ...] = ()
    seconds: float = 0.0
    order_seed: int = 0
    handout: str = ""
    source: str = "annotator"
    supersedes: str = ""
    at: int = 0
    schema: int = SCHEMA


KINDS = {name: get_origin(kind) or kind for name, kind in get_type_hints(Event).items()}
NEEDED = {field.name for field in fields(Event) if field.default is MISSING}


def new_id() -> str:
    return secrets.token_hex(16)


def is_id(value: object) -> bool:
    """Whether it is an id of an event, an annotator or a hand-out, whatever it is that somebody sent."""
    return isinstance(value, str) and ID.fullmatch(value) is not None


def check(event: Event) -> Event:
    """The same event. Raises BadData with one sentence for the first thing that is wrong with it."""
    for name, kind in KINDS.items():
        if type(getattr(event, name)) is not kind:
            raise _odd(name)
    if not all(isinstance(one, str) for one in event.reasons):
        raise _odd("reasons")
    if event.schema > SCHEMA:
        raise BadData("This label was written by a newer version.", "Update RORem to read it.")
    for wrong, sentence in (
        (event.kind not in VERDICTS, "A label is a judgement or a vote."),
        (not ID.fullmatch(event.event) or not ID.fullmatch(event.annotator), "A label has ids of 32 hex digits."),
        (event.verdict not in VERDICTS.get(event.kind, ()), "This is not one of the answers."),
        (not _items_fit(event), "A label names the removal, or the two, that it is about."),
        (bool(event.reasons) and event.verdict != "no", "Only a no has reasons."),
        (not set(event.reasons) <= set(REASONS), "This is not one of the reasons."),
        (len(set(event.reasons)) < len(event.reasons), "Each reason can be given once."),
        (event.source not in SOURCES, "A label comes from an annotator, the public or a gold item."),
        (not math.isfinite(event.seconds) or not 0 <= event.seconds <= LONGEST, "The time is 0 to 3600 seconds."),
        (event.schema < 1, "The first labels have the schema 1."),
        (not -(2**63) <= event.order_seed < 2**63 or not 0 <= event.at < 2**63, "A number is too large."),
        (bool(event.handout) and not ID.fullmatch(event.handout), "A hand-out has an id of 32 hex digits."),
        (bool(event.supersedes) and not ID.fullmatch(event.supersedes), "A label has ids of 32 hex digits."),
        (bool(event.supersedes) and event.supersedes == event.event, "A label cannot supersede itself."),
    ):
        if wrong:
            raise BadData(sentence, FIX)
    return event


def _items_fit(event: Event) -> bool:
    if event.kind == VOTE:
        return bool(HASH.fullmatch(event.item_a) and HASH.fullmatch(event.item_b)) and not event.item
    return bool(HASH.fullmatch(event.item)) and not event.item_a and not event.item_b


def from_record(told: Mapping[str, object]) -> Event:
    """An event from a line of an export or a row of a shard, checked. Raises BadData.

    Unknown keys are refused: they would be lost.
    """
    if unknown := sorted(str(name) for name in set(told) - set(KINDS)):
        raise BadData(f"A label has no field called {unknown[0][:40]!r}.", FIX)
    if not set(told) >= NEEDED:
        raise BadData("A label needs an event, a kind, an annotator and a verdict.", FIX)
    values: dict[str, Any] = {name: _plain(name, value) for name, value in told.items()}
    return check(Event(**values))


def _plain(name: str, value: object) -> object:
    """As the class has it: JSON knows no tuples, and may write 1.0 as 1. All else is left for `check`."""
    if KINDS[name] is tuple and isinstance(value, list):
        return tuple(value)
    if KINDS[name] is float and type(value) is int and 0 <= value <= LONGEST:
        return float(value)
    return value


def _odd(name: str) -> BadData:
    return BadData(f"The field {name} of a label is not what it should be.", FIX)
