"""What is told of a triplet beside its pictures, as plain values, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rorem.triplet.record import Triplet
from rorem.triplet.sets import bad_record

PICTURES = ("source", "mask", "result", "truth", "effect")
TEXTS = ("method", "revision", "options", "protocol", "category", "accepted_by", "licence", "author")
COUNTS = ("seed", "network_calls", "round", "votes_yes", "votes_no")
P_YES = "p_yes"
DERIVED = ("id", "sha256_source", "sha256_mask", "sha256_result")  # made of the pictures
KNOWN = (*TEXTS, *COUNTS, P_YES)


def to_triplet(
    name: str,
    pictures: Mapping[str, bytes | None],
    told: Mapping[str, object],
    kept: Mapping[str, object] | None = None,
) -> Triplet:
    """A triplet from its pictures (at least "source" and "mask") and whatever else was said of it.

    What has no field of its own, or not the field's type, goes to `extra`; None stands for "not said". Hashes are made
    of the pictures: what was told of them is dropped where it agrees, and goes to `extra` where it does not, so that a
    check can find it. kept: goes to `extra` as it is.
    """
    fields: dict[str, Any] = {}
    extra: dict[str, object] = {}
    for key, value in told.items():
        if key == "options" and isinstance(value, dict):
            value = json.dumps(value)
        if _fits(key, value):
            fields[key] = value
        elif value is not None or key not in KNOWN:
            extra[key] = value
    if P_YES in fields:
        fields[P_YES] = float(fields[P_YES])
    parts: dict[str, Any] = {key: data for key, data in pictures.items() if data is not None}
    triplet = Triplet(name, extra=extra, **parts, **fields)
    for key in DERIVED:
        if key in extra and (extra[key] or None) == derived(triplet)[key]:
            del extra[key]
    extra.update(kept or {})
    return triplet


def told(triplet: Triplet) -> dict[str, object]:
    """All that is known beside name, pictures and `extra`."""
    return {**derived(triplet), **{key: getattr(triplet, key) for key in KNOWN}}


def derived(triplet: Triplet) -> dict[str, str | None]:
    return {"id": triplet.id, **triplet.hashes}


def check_extra(triplet: Triplet) -> None:
    """Raises BadData for what would not come back as it was."""
    for key, value in triplet.extra.items():
        if not is_plain(value):
            raise bad_record(triplet.name, f"{key} is a {type(value).__name__}, which cannot be written")


def is_plain(value: object) -> bool:
    """Whether it goes through JSON and comes back the same."""
    match value:
        case list():
            return all(map(is_plain, value))
        case dict():
            return all(isinstance(key, str) and is_plain(one) for key, one in value.items())
        case _:
            return value is None or type(value) in (bool, int, float, str)


def as_plain(value: object) -> object:
    """The nearest plain value: times as ISO 8601, what else is unknown as text."""
    match value:
        case list() | tuple():
            return [as_plain(one) for one in value]
        case dict():
            return {str(key): as_plain(one) for key, one in value.items()}
        case _ if is_plain(value):
            return value
        case _:
            return value.isoformat() if hasattr(value, "isoformat") else str(value)  # pyright: ignore


def _fits(key: str, value: object) -> bool:
    if key in TEXTS:
        return isinstance(value, str)
    if key in COUNTS:
        return isinstance(value, int) and not isinstance(value, bool)
    return key == P_YES and isinstance(value, (int, float)) and not isinstance(value, bool)
